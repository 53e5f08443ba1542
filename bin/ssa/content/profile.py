"""What is known of a search before any event, in plain values: what the index holds, and dispatch reads.

Where a detection's profile is known, its search is compiled when the first row may match it, and most never are.
"""

from __future__ import annotations

import json

from ssa.checking import TYPE_CHECKING
from ssa.immutable import Immutable
from ssa.language.required_text import GATES

from .fields import COMPUTED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, TypeAlias  # novm: for the type checker alone

    from ssa.language import Plan
    from ssa.language.required_text import RequiredText

Group: TypeAlias = "tuple[str, str, bool, Sequence[str]]"
"""Required texts that have field, how and fold in common, and these texts: see RequiredText."""

HOWS = frozenset({"equals", "contains", "starts", "ends", *GATES})


class ProfileError(Exception):
    """A text that is no profile; the message says why."""


class Profile(Immutable):
    """What a search reads and requires.

    `input_fields` are the keys that it reads of input_event; None means any. `decisive_fields` are those on which its
    conditions depend. `reads_datamodels` says that it may read the names of the data models. An event that it matches
    holds a text of each clause of `required`, of which the least likely comes first, and none of the texts of
    `excluded`; they are of fields whose text stands as it is in the row.
    """

    input_fields: frozenset[str] | None
    decisive_fields: frozenset[str]
    reads_datamodels: bool
    required: Sequence[Sequence[Group]]
    excluded: Sequence[Group]

    @classmethod
    def of(cls, plan: Plan) -> Profile:
        """Return the profile of a search."""
        from ssa.language.analysis.rarity import likelihood  # not at the start: it is in the index

        kept = [clause for clause in plan.required if all(wanted.field not in COMPUTED for wanted in clause)]
        required = [_groups(clause) for clause in sorted(kept, key=likelihood)]
        excluded = _groups([wanted for wanted in plan.excluded if wanted.field not in COMPUTED])
        return cls(plan.input_fields, plan.decisive_fields, plan.reads_datamodels, required, excluded)

    @classmethod
    def read(cls, text: str) -> Profile:
        """Return the profile that a text of `written` states; raises ProfileError for any other text."""
        try:
            fields, decisive, models, required, excluded = json.loads(text)
            _check(fields is None or _are_texts(fields), _are_texts(decisive), type(models) is bool)
            _check(type(required) is list, type(excluded) is list, *map(_is_group, excluded))
            for clause in required:
                _check(type(clause) is list, *map(_is_group, clause))
        except (ValueError, TypeError, RecursionError) as error:
            raise ProfileError(str(error)) from error
        return cls(None if fields is None else frozenset(fields), frozenset(decisive), models, required, excluded)

    @property
    def written(self) -> str:
        """The profile as a line of text."""
        fields = None if self.input_fields is None else sorted(self.input_fields)
        parts = [fields, sorted(self.decisive_fields), self.reads_datamodels, self.required, self.excluded]
        return json.dumps(parts, separators=(",", ":"))


def _groups(clause: Sequence[RequiredText]) -> list[Group]:
    groups: dict[tuple[str, str, bool], list[str]] = {}
    for wanted in clause:
        groups.setdefault((wanted.field, wanted.how, wanted.fold), []).append(wanted.text)
    return [(*key, texts) for key, texts in groups.items()]


def _check(*holds: bool) -> None:
    if not all(holds):
        raise ProfileError("its parts are not those of a profile")


def _are_texts(texts: Any) -> bool:
    return type(texts) is list and set(map(type, texts)) <= {str}


def _is_group(group: Any) -> bool:
    if type(group) is not list or len(group) != 4:
        return False
    field, how, fold, texts = group
    return type(field) is str and how in HOWS and type(fold) is bool and _are_texts(texts)
