"""Which fields of the event the conditions of a program depend on."""

from __future__ import annotations

from ssa.language.functions import meaning_of
from ssa.language.functions.meanings import TypeAssertion
from ssa.language.text import syntax

from .columns import INPUT_EVENT, Columns, walk
from .map_keys import key_of
from .pipelines import segments

Origin = frozenset[str]
"""The fields of input_event that a value comes from."""

WHOLE_EVENT = "*"


def decisive_fields(program: syntax.Program) -> frozenset[str]:
    """Return the fields of input_event that the conditions of a program depend on."""
    decisive: set[str] = set()
    given: Columns[Origin] = {INPUT_EVENT: frozenset((WHOLE_EVENT,))}
    for _, command, origins in walk(segments(program), given, _origin, _extracted, _union):
        if isinstance(command, syntax.Where):
            decisive |= _origin(command.condition, origins)
    return frozenset(decisive - {WHOLE_EVENT})


def _origin(node: syntax.Expression, origins: Columns[Origin]) -> Origin:
    """Return the fields of input_event that the value of an expression comes from, given those of the columns.

    WHOLE_EVENT among them stands for the event itself. A field that may be missing, because ucast then
    gives a value of the text, is none of them.
    """
    if isinstance(node, syntax.Name):
        return origins.get(node.name, frozenset())
    if isinstance(node, syntax.Call) and len(node.arguments) == 3 and isinstance(meaning_of(node), TypeAssertion):
        default = node.arguments[2]
        if isinstance(default, syntax.Literal) and default.value is not None:
            return frozenset()
    fields: Origin = frozenset().union(*(_origin(child, origins) for child in syntax.children(node)))
    key = key_of(node)
    return (fields - {WHOLE_EVENT}) | {key} if key is not None and WHOLE_EVENT in fields else fields


def _union(name: str, origins: list[Origin | None]) -> Origin:
    return frozenset().union(*(fields for fields in origins if fields is not None))


def _extracted(command: syntax.Rex, name: str, origins: Columns[Origin]) -> Origin:
    return origins.get(command.field, frozenset()) | origins.get(name, frozenset())
