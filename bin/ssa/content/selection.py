"""Which detections run: those that the user names, those of sets, or all outside of sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from . import conf, settings
from .detection import CONF, Catalogue, Detection, DetectionError

EVERY = "*"
"""Stands for all detections, in sets and outside."""

EXCLUDE = "detection= and set= exclude each other: name detections, or sets"


def refuse_unnamed(arguments: Sequence[str]) -> None:
    """Raise DetectionError for arguments of a search command that name no option."""
    if arguments:
        raise DetectionError(f"unexpected argument '{arguments[0]}': write detection=\"<name or id>\" or set=<name>")


def to_run(
    catalogue: Catalogue, named: str | None, sets: str | None, left_out: Callable[[DetectionError], None]
) -> list[Detection]:
    """Return the detections that a search runs; raises DetectionError.

    They are those of `named` (`name or id[,…]`); or the enabled ones of `sets` (`name[,…]`, or `*` for all in sets and
    outside), and without it (None) outside of sets. One broken stanza does not blind the others: of enabled ones it is
    left out, and `left_out` gets its error.
    """
    if named is None:
        return _enabled(catalogue, sets, left_out)
    if sets is not None:
        raise DetectionError(EXCLUDE)
    detections = catalogue.selected(named)
    for detection in detections:
        if detection.disabled:
            by = f"; what {', '.join(detection.changed_by)} of {settings.CONF}.conf says comes first"
            raise DetectionError(
                f"the detection '{detection.name}' is disabled: set disabled = 0 in local/{CONF}.conf to run it"
                + by * bool(detection.changed_by)
            )
    return detections


def _enabled(catalogue: Catalogue, sets: str | None, left_out: Callable[[DetectionError], None]) -> list[Detection]:
    found: list[Detection] = []
    for name in names_in(catalogue, sets, left_out):
        try:
            if catalogue.is_enabled(name):
                found.append(catalogue.find(name))
        except DetectionError as error:
            left_out(error)
    if not found:
        what = "no detection outside of sets" if sets is None else f"no detection of set={sets}"
        raise DetectionError(f"{what} is enabled in {CONF}.conf")
    return found


def names_in(catalogue: Catalogue, sets: str | None, left_out: Callable[[DetectionError], None]) -> list[str]:
    """Return the names of detections, enabled or not, of `sets` as in to_run; raises DetectionError for unknown ones.

    Where the name of a set is none, its detection is left out.
    """
    of_set: dict[str, list[str]] = {"": []}
    every: list[str] = []
    for name in catalogue.names:
        try:
            of_set.setdefault(catalogue.set_of(name), []).append(name)
            every.append(name)
        except DetectionError as error:
            left_out(error)
    if sets is None:
        return of_set[""]
    asked = conf.comma_list(sets)
    if EVERY in asked:
        return every
    unknown = [f"'{name}'" for name in asked if name not in of_set]
    if unknown or not asked:
        known = ", ".join(sorted(filter(None, of_set))) or "none"
        what = f"unknown set {', '.join(unknown)}" if unknown else "set= is empty"
        raise DetectionError(f"{what}: the sets of {CONF}.conf are {known}; * stands for all detections")
    return [name for one in dict.fromkeys(asked) for name in of_set[one]]
