"""The guard against scoring twice: a saved search whose own settings add risk beside this action."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Mapping

from splunklib import binding

from ssa.action.sink import SinkError
from ssa.content.conf import is_true

from .session import OWNER, Session, content, strange


def other_risk(session: Session, search_name: str, owner: str, app: str) -> str:
    """Return what else of a saved search adds risk, as a setting of savedsearches.conf; empty where nothing does.

    Raises SinkError. REST API Reference, Search endpoint descriptions: GET saved/searches/{name}.
    """
    path = "/".join(urllib.parse.quote(part, safe="") for part in (owner, app, "saved", "searches", search_name))
    url = binding.UrlEncoded(f"/servicesNS/{path}", skip_encode=True)
    try:
        answer = session.call(
            "reading the saved search", lambda: session.service.get(url, output_mode="json"), {403: OWNER}
        )
    except SinkError as error:
        if error.status == 404:  # an ad hoc search
            return ""
        raise
    try:
        return _other_risk(content(answer, dict)["entry"][0]["content"])
    except (TypeError, AttributeError, LookupError, ValueError):
        raise strange(answer) from None


def _other_risk(settings: Mapping[str, object]) -> str:
    """Enterprise Security's risk action, or from version 8 on a finding whose entity has a score."""
    on = {name: is_true(str(settings.get(f"action.{name}") or "")) for name in ("risk", "notable")}
    if on["risk"]:
        return "action.risk = 1"
    if on["notable"] and any(map(_scores, _entities(settings))):
        return "action.notable = 1, with a score in action.notable.param._entities"
    return ""


def _entities(settings: Mapping[str, object]) -> list[Mapping[str, object]]:
    """Return the entities of the finding; none where Enterprise Security could not read them either."""
    try:
        found = json.loads(str(settings.get("action.notable.param._entities") or "[]"))
    except (ValueError, RecursionError):
        return []
    return [entity for entity in found if isinstance(entity, dict)] if isinstance(found, list) else []


def _scores(entity: Mapping[str, object]) -> bool:
    """Whether an entity has a score above 0; one that is no number, such as a token, may be."""
    try:
        return float(str(entity.get("risk_score") or 0)) > 0
    except ValueError:
        return True
