"""Modules that the SDK imports at its start and hardly ever uses, loaded when they are: every search waits for them."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


def stand_in(name: str, *functions: str) -> None:
    """Let `import name` give a module that has these functions (or classes to be called), and loads at the first call.

    A module that is loaded already stays.
    """
    if name in sys.modules:
        return
    module = ModuleType(name)
    for function in functions:
        setattr(module, function, _loading(name, function, module))
    sys.modules[name] = module


def _loading(name: str, function: str, module: ModuleType) -> Any:
    def call(*arguments: Any, **named: Any) -> Any:
        if sys.modules.get(name) is module:
            del sys.modules[name]
        return getattr(import_module(name), function)(*arguments, **named)

    return call
