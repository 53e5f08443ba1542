"""The SSA dialect: text -> syntax tree -> plan. Knows nothing of Splunk."""

from __future__ import annotations

from ssa.checking import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from .run.compiler import Detected, Plan, compile_text
    from .text.errors import SsaError
    from .text.parser import parse
    from .values import TooLargeError

__all__ = ["Detected", "Plan", "SsaError", "TooLargeError", "compile_text", "parse"]


def __getattr__(name: str) -> Any:
    """Load the language at the first use of it: a search all of whose detections are in the index may need none."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .run import compiler
    from .text import errors, parser
    from .values import TooLargeError

    found = {**vars(compiler), **vars(errors), **vars(parser), "TooLargeError": TooLargeError}
    globals().update({each: found[each] for each in __all__})
    return globals()[name]
