"""Modules that the SDK imports at its start and a search hardly ever uses, loaded when they are: every search waits."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from types import FunctionType, ModuleType
from typing import Any

DEFERRED: dict[str, tuple[str, ...]] = {
    "gzip": (),
    "shutil": ("make_archive",),
    "tempfile": (),
    "traceback": (),
    "splunklib.client": ("Service",),
    "logging.config": ("fileConfig",),
    "urllib.parse": ("unquote", "urlsplit"),
    "xml.etree.ElementTree": (),
}
"""What splunk-sdk 2.1.1 imports for searchcommands, with what it takes from each by name and calls later.

Modules within others come last: to stand in for one, its parent is imported, and logging would load traceback.
"""


def defer() -> None:
    """Defer the modules. Of inspect the SDK's decorators use three functions at once: those are given here."""
    for name, functions in DEFERRED.items():
        stand_in(name, *functions)
    stand_in("inspect", isclass=_is_class, isfunction=_is_function, getmembers=_members)


def stand_in(name: str, *functions: str, **given: Any) -> None:
    """Let `import name` give a module that has what is given, and is the real one for anything else.

    It has `functions` too, each of which calls the real one. A module that is loaded already stays.
    """
    if name not in sys.modules:
        module = sys.modules[name] = _StandIn(name)
        vars(module).update(given, **{function: module.calling(function) for function in functions})
        vars(module)["given"] = {*vars(module)}
        parent, _, tail = name.rpartition(".")
        if parent:
            setattr(import_module(parent), tail, module)


class _StandIn(ModuleType):
    given: set[str]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # the import system looks for some that a module need not have
            raise AttributeError(name)
        return getattr(self.real(), name)

    def real(self) -> ModuleType:
        """Load the module; what was set on this one, as tempfile.tempdir is, holds there too."""
        name = self.__name__
        if sys.modules.get(name) is self:
            del sys.modules[name]
            vars(import_module(name)).update(
                {key: value for key, value in vars(self).items() if key not in (*self.given, "given")}
            )
        return import_module(name)

    def calling(self, function: str) -> Callable[..., Any]:
        """Return what calls a function of the real module."""

        def call(*arguments: Any, **named: Any) -> Any:
            return getattr(self.real(), function)(*arguments, **named)

        return call


def _is_class(value: object) -> bool:
    return isinstance(value, type)


def _is_function(value: object) -> bool:
    return isinstance(value, FunctionType)


def _members(cls: type, predicate: Callable[[Any], bool]) -> list[tuple[str, Any]]:
    return [(name, value) for name in dir(cls) if predicate(value := getattr(cls, name, None))]
