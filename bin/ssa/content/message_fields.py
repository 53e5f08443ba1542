"""The fields that a detection's message and observables name, and what looks wrong in them."""

from __future__ import annotations

import re

from ssa.language.text.syntax import Literal, MapOf, computed, postorder

from .datamodels import PROCESSES
from .detection import TOKEN, Detection
from .fields import COLUMNS, CONTRIBUTING, COUNTERPARTS

SUPPLIED = frozenset({
    *("_time", "host", "source", "sourcetype", "index", "event_id", *COLUMNS, *CONTRIBUTING),
    *(name for columns in PROCESSES.identity for name in columns),
    *COUNTERPARTS,
})  # fmt: skip
"""Names that a row has whatever its detection reads."""

_NO_FIELD = re.compile(r"\$([A-Za-z_][^$]*[^$\s])\$")
"""What looks like a token, and is none where TOKEN does not match."""


def unsupplied(detection: Detection) -> list[str]:
    """Return what looks wrong in the names of a message and its observables: those that nothing seems to supply.

    A column may come from anywhere, so these are doubts, not errors: the hit has its risk all the same. A name is
    supplied when the search reads it of the event, writes it as a text or a key (so that the body may have it), when it
    is a required field, or one that every row has.
    """
    stray = [
        f"${name}$ in the message is no field name" for name in _NO_FIELD.findall(TOKEN.sub(" ", detection.message))
    ]
    read = detection.plan.input_fields
    if read is None:
        return stray
    names = detection.needs - read - SUPPLIED - {*detection.required_fields} - _texts_and_keys(detection)
    problem = "nothing in the search names {}, which the message or an observable does: is it misspelt?"
    return [*stray, *(problem.format(name) for name in sorted(names))]


def _texts_and_keys(detection: Detection) -> set[str]:
    """Return the texts and keys in what a search computes."""
    texts: set[str] = set()
    commands = (command for statement in detection.plan.program.statements for command in statement.commands)
    for command in commands:
        for node in (node for _, expression in computed(command) for node in postorder(expression)):
            if isinstance(node, Literal) and isinstance(node.value, str):
                texts.add(node.value)
            elif isinstance(node, MapOf):
                texts.update(key for key, _ in node.items)
    return texts
