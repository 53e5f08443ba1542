"""A set of imported detections -> the one saved search that runs them, and the macro that filters its hits."""

from __future__ import annotations

from collections.abc import Sequence

from ssa.content.datamodels import DATA_MODELS
from ssa.content.detection import Detection
from tools.content import stanzas


def title(name: str) -> str:
    """Return the name of a set's saved search."""
    kind, _, category = name.partition("_")
    return f"SSA - Sigma {category} - Rule" if kind == "sigma" and category else f"SSA - Set {name} - Rule"


def macros(name: str) -> dict[str, stanzas.Settings]:
    """Return the macros of a set: the filter, which is its users' own."""
    return {filter_macro(name): stanzas.macro("search *")}


def filter_macro(name: str) -> str:
    """Return the name of a set's filter macro."""
    return f"ssa_set_{name}_filter"


def passed(detections: Sequence[Detection]) -> str:
    """Return the command that passes only the columns on that detections need."""
    names = dict.fromkeys(
        name
        for one in detections
        for name in stanzas.fields(one).partition(" | ")[0].removeprefix("fields ").split(", ")
    )
    wanted = "fields *" if "*" in names else f"fields {', '.join(names)}"
    return wanted + " | fields - _raw" * ("_raw" not in names)


def saved_search(name: str, detections: Sequence[Detection]) -> dict[str, str]:
    """Return the settings of a set's saved search."""
    base = " OR ".join(sorted({f"`{DATA_MODELS[one.datamodel].macro}`" for one in detections}))
    ids = ",".join(one.id for one in detections)
    return {
        "description": f"The detections of the set {name}.",
        "search": f'({base}) `ssa_due(event)` | {passed(detections)} | ssadetect detection="{ids}" | `ssa_usual` '
        f"| `ssa_allow_list` | `{filter_macro(name)}` | addinfo "
        "| table _time, detection, risk_score, dest_user_id, dest_device_id, *",
        **{"request.ui_dispatch_app": "ssa_detections", "disabled": "1", "enableSched": "0"},
        **{"cron_schedule": "0 * * * *", "dispatch.earliest_time": "-70m@m", "dispatch.latest_time": "-10m@m"},
        **{"counttype": "number of events", "relation": "greater than", "quantity": "0"},
        **{"alert.digest_mode": "1", "alert.track": "0", "action.ssa_risk": "1", "action.ssa_risk.param.index": "risk"},
    }
