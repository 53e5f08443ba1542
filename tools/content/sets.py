"""A set of detections -> its one saved search and its filter macro: an import writes them, and removes them.

The search runs all of a set in one pass, folds repeats and shares the results of a run out among the detections
(macros ssa_set_fold and ssa_set_limit).
"""

from __future__ import annotations

from collections.abc import Sequence

from ssa.content.datamodels import DATA_MODELS, PROCESSES
from ssa.content.detection import Detection
from tools.content import pushdown
from tools.content.stanzas import ENTITY, HOURLY, Settings, events_of, fields, macro

SIGMA = "sigma_"
"""How the default name of a set of Sigma rules begins: what follows is their category."""

_SHOWN = ("_time", "detection", "risk_score", "dest_user_id", "dest_device_id", "process", "ssa_hits", "ssa_cut")


def title(name: str) -> str:
    """Return the name of a set's saved search."""
    what = f"Sigma {name.removeprefix(SIGMA)}" if name.startswith(SIGMA) else f"Set {name}"
    return f"SSA - {what} - Rule"


def macros(name: str) -> dict[str, Settings]:
    """Return the macros of a set: the filter, which is its users' own."""
    return {filter_macro(name): macro("search *")}


def filter_macro(name: str) -> str:
    """Return the name of a set's filter macro."""
    return f"ssa_set_{name}_filter"


def saved_search(name: str, detections: Sequence[Detection]) -> Settings:
    """Return the settings of a set's saved search, which users enable and schedule; `detections` are all of the set."""
    models = sorted({one.datamodel for one in detections} & DATA_MODELS.keys()) or [PROCESSES.name]
    words = pushdown.shared_words(detections)
    due = f"{words} `ssa_due(index)`" if words else "`ssa_due(event)`"
    repeats = "process" if models == [PROCESSES.name] else "event"
    return {
        "description": f"Runs the {len(detections):,} detections of the set {name} in one pass. The action ssa_risk "
        "adds the risk of each: leave those of Enterprise Security off. A row without a detection names what was cut.",
        "search": f"{events_of(models)} {due} | {fields(*detections)} | ssadetect set={name} | `ssa_usual` "
        f"| `ssa_allow_list` | `{filter_macro(name)}` | `ssa_set_fold({repeats})` | `ssa_set_limit` "
        f"| fields - {', '.join(ENTITY)} | addinfo "
        f"| table {', '.join(_SHOWN)}, *",
        **HOURLY,
        "disabled": "1",
        "action.risk": "0",
        "action.notable": "0",
    }
