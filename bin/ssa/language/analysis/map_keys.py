"""Which key of a map an expression reads, in each of the forms that the dialect has for it."""

from __future__ import annotations

from ssa.language.functions import meaning_of
from ssa.language.functions.meanings import MemberOfMap, TypeAssertion
from ssa.language.text.syntax import Access, Call, Expression, Literal, Name

from .columns import INPUT_EVENT


def key_of(node: Expression) -> str | None:
    """Return the key of `target.key`, `target["key"]` or map_get(target, "key"); None for anything else."""
    read = _target_and_key(node)
    return None if read is None else read[1]


def event_key(node: Expression) -> str | None:
    """Return the field of `input_event.field`, `input_event["field"]` or map_get(input_event, "field"); else None."""
    read = _target_and_key(node)
    return read[1] if read is not None and isinstance(read[0], Name) and read[0].name == INPUT_EVENT else None


def without_text_cast(node: Expression) -> Expression:
    """Return the x of ucast(x, "string", null); any other expression as it is."""
    if isinstance(node, Call) and 2 <= len(node.arguments) <= 3 and isinstance(meaning_of(node), TypeAssertion):
        value, *rest = node.arguments
        if [item.value if isinstance(item, Literal) else item for item in rest] in (["string"], ["string", None]):
            return value
    return node


def _target_and_key(node: Expression) -> tuple[Expression, str] | None:
    if isinstance(node, Access):
        target, key = node.target, node.key
    elif isinstance(node, Call) and len(node.arguments) == 2 and isinstance(meaning_of(node), MemberOfMap):
        target, key = node.arguments
    else:
        return None
    return (target, key.value) if isinstance(key, Literal) and isinstance(key.value, str) else None
