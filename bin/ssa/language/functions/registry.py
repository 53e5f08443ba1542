"""What a function of the SSA dialect is, and the registry of them all. Adding a function is adding an entry.

Null and type rules are kept in one place, the compiler: unless an entry has `sees_nulls`, a null or an argument of
another type gives null, and the body is not called. A body takes time in proportion to its texts, because an attacker
chooses them, and raises nothing, whatever the values, but TooLargeError: where its result can be larger than any of its
arguments, it checks that (`check_text`, `check_values`, `bounded`).
"""

from __future__ import annotations

import json
from collections.abc import Callable

from ssa.checking import TYPE_CHECKING
from ssa.immutable import Immutable
from ssa.language.text.syntax import Call, Expression

from ..values import Value
from .meanings import Meaning

if TYPE_CHECKING:
    from typing import Any


REQUIRED = object()
"""The default of a parameter that must be given."""

OMITTED: Any = object()
"""The default of a parameter that may be left out, where no value means the same: the body, or `prepare`, gets this."""

DSP = "DSP function reference"
SPL2 = "SPL2 search reference"
USE = "published detections"

COMMON_NULLS = "Null when an argument is null or of another type."


class Parameter(Immutable):
    """One parameter: its type, the default for a missing argument, and how an argument is prepared.

    `prepare` turns an argument into what the function works with (a pattern into a matcher): once for a constant,
    else for each row. It raises ValueError with a message for the author of the detection. `regex` marks an
    argument that is a pattern, so that a literal /…/ may stand for it.
    """

    name: str
    type: str
    default: Any = REQUIRED
    prepare: Callable[[Any], Any] | None = None
    regex: bool = False


class Function(Immutable):
    """An entry of the registry.

    `nulls` is the result for a null, in words. The last parameter of a `variadic` function repeats; with `pairs`, the
    number of arguments is even. `meaning` is all that the compiler, the analyses and the warnings know of the function.
    """

    name: str
    parameters: tuple[Parameter, ...]
    returns: str
    help: str
    source: str
    body: Callable[..., Value]
    sees_nulls: bool = False
    variadic: bool = False
    nulls: str = COMMON_NULLS
    pairs: bool = False
    meaning: Meaning | None = None

    def parameter(self, index: int) -> Parameter:
        """Return the parameter of an argument; the last one repeats in a variadic function."""
        return self.parameters[min(index, len(self.parameters) - 1)]

    @property
    def signature(self) -> str:
        """Return the call as a help text shows it."""
        return f"{self.name}({', '.join(map(_shown, self.parameters))}{', …' if self.variadic else ''})"

    @property
    def group(self) -> str:
        """Return the group that the function belongs to: the name of the module that defines it."""
        return self.body.__module__.rpartition(".")[2]


def _shown(parameter: Parameter) -> str:
    if parameter.default is REQUIRED:
        return parameter.name
    if parameter.default is OMITTED:
        return f"[{parameter.name}]"
    return f"{parameter.name}={json.dumps(parameter.default)}"


REGISTRY: dict[str, Function] = {}


def meaning_of(node: Expression) -> Meaning | None:
    """Return what a call means; None for anything else, and where arguments have names instead of places."""
    function = REGISTRY.get(node.function) if isinstance(node, Call) and not node.named else None
    return function.meaning if function else None


def entry(
    *parameters: Parameter,
    returns: str,
    help: str,
    source: str,
    sees_nulls: bool = False,
    variadic: bool = False,
    name: str = "",
    nulls: str = COMMON_NULLS,
    pairs: bool = False,
    meaning: Meaning | None = None,
) -> Callable[[Callable[..., Value]], Callable[..., Value]]:
    """Register the decorated body, under `name` where its own would hide one of Python's."""

    def register(body: Callable[..., Value]) -> Callable[..., Value]:
        function = name or body.__name__
        REGISTRY[function] = Function(
            function, parameters, returns, help, source, body, sees_nulls, variadic, nulls, pairs, meaning
        )
        return body

    return register
