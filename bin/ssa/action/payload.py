"""The input of the alert action: the payload on stdin, and what only an admin sets, in alert_actions.conf on disk."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any, Callable, NamedTuple

from ssa.content import conf

BACKFILL = "SSA - Backfill"
"""The search's name in historic risk events, whichever search found them: none of them is news of that search."""

INDEX = "risk"
"""The index for risk events, and the only one that is allowed, unless an admin says otherwise."""

SEVERITIES = ("informational", "low", "medium", "high", "critical")
"""From the lowest to the highest."""

SEVERITY = "medium"
"""That of a result that names none, where ssa_alert gets no parameter severity."""

MAXTIME, MAXRESULTS = "5m", "10000"
"""Splunk's defaults for an action whose stanza in alert_actions.conf sets no limits."""

LONGEST_TIME = 86_400
"""Seconds. An action that may take longer than a day needs no watch."""

_DURATION = re.compile(r"([0-9]{1,9})\s*([smhd]?)[a-z]*")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}


class PayloadError(Exception):
    """A payload that splunkd would not send, or a parameter of the action that is wrong."""


@dataclass(frozen=True)
class Action:
    """One alert: the search, its results, the way to splunkd, and the action's parameters."""

    search_name: str
    owner: str
    app: str
    sid: str
    result_id: str
    results_file: str
    server_uri: str
    server_host: str
    session_key: str
    detection: str
    index: str
    dry_run: bool
    historic: bool
    severity: str


class Limits(NamedTuple):
    """What the action may do.

    splunkd kills it after so many `seconds`, and gives it so many `results`; it writes to these `indexes`, and by the
    spool unless `spool` is False.
    """

    seconds: float
    results: int
    indexes: tuple[str, ...]
    spool: bool


def read_action(stream: IO[bytes]) -> Action:
    """Read the payload from stdin, which is UTF-8 whatever the server's locale; raises PayloadError."""
    try:
        payload = json.loads(stream.read().decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise PayloadError(f"the payload on stdin is no JSON: {error}") from None
    if not isinstance(payload, dict):
        raise PayloadError("the payload on stdin is no JSON object")
    settings = payload.get("configuration") or {}
    if not isinstance(settings, dict):
        raise PayloadError("configuration in the payload is no JSON object")
    for key in ("results_file", "server_uri", "session_key"):
        if not payload.get(key):
            raise PayloadError(f"the payload has no {key}: is payload_format = json set in alert_actions.conf?")
    session_key = _text(payload, "session_key")
    if not re.fullmatch("[!-~]+", session_key):  # what else could end a header; and it is not quoted here
        raise PayloadError("session_key in the payload is none: it has blanks, or characters that are not ASCII")
    dry_run, historic = (_switch(settings, name) for name in ("dry_run", "historic"))
    return Action(
        search_name=BACKFILL if historic else _text(payload, "search_name", "ad hoc"),
        owner=_text(payload, "owner", "nobody"),
        app=_text(payload, "app", "ssa_detections"),
        sid=_text(payload, "sid"),
        result_id=_text(payload, "result_id"),
        results_file=_text(payload, "results_file"),
        server_uri=_text(payload, "server_uri"),
        server_host=_text(payload, "server_host"),
        session_key=session_key,
        detection=_text(settings, "detection").strip(),
        index=_text(settings, "index", INDEX).strip(),
        dry_run=dry_run,
        historic=historic,
        severity=_severity(settings),
    )


def _severity(settings: Mapping[str, Any]) -> str:
    """Return the severity of results that have none; raises PayloadError for any other word."""
    severity = _text(settings, "severity", SEVERITY).strip().lower()
    if severity not in SEVERITIES:
        raise PayloadError(f"parameter severity: expected one of {', '.join(SEVERITIES)}, found '{severity}'")
    return severity


def _switch(settings: Mapping[str, Any], name: str) -> bool:
    """Return a parameter that is on or off; raises PayloadError for any other."""
    try:
        return conf.is_true(_text(settings, name, "0"))
    except ValueError as error:
        raise PayloadError(f"parameter {name}: {error}") from None


def _text(source: Mapping[str, Any], key: str, default: str = "") -> str:
    """Return a value as text that can be encoded, and named in a path; raises PayloadError for what is no text."""
    value = source.get(key)
    if value is None or value == "":
        return default
    if not isinstance(value, (str, int, float)):
        raise PayloadError(f"{key} in the payload is no text but {type(value).__name__}")
    text = str(value).encode("utf-8", "replace").decode("utf-8")
    if "\0" in text:
        raise PayloadError(f"{key} in the payload holds a NUL character")
    return text


def limits(log: Callable[[str, str], None], app: str = conf.APP, action: str = "ssa_risk") -> Limits:
    """Read an action's own settings; what cannot be read is a warning, and the default holds.

    They are read from the app's files, and no parameters: any saved search could override a parameter.
    """
    try:
        stanza = conf.load(app, "alert_actions").stanzas.get(action, conf.Stanza())
    except conf.ConfError as error:
        log("WARN", f"going on with maxtime = {MAXTIME}, allowed_indexes = {INDEX}: {error}")
        stanza = conf.Stanza()
    indexes = stanza.get("allowed_indexes")
    return Limits(
        _seconds(stanza.get("maxtime"), log),
        _results(stanza.get("maxresults"), log),
        tuple(conf.comma_list(indexes.value if indexes else INDEX)),
        _spool(stanza.get("delivery"), log),
    )


def check_index(index: str, limits: Limits) -> None:
    """Raise PayloadError for an index that no admin has allowed: the spool itself would take events for any."""
    if index not in limits.indexes:
        allowed = ", ".join((*limits.indexes, index))
        raise PayloadError(
            f"nothing was written: the parameter index is '{index}', and the action may write to "
            f"{', '.join(limits.indexes) or 'no index'}. An admin allows it: allowed_indexes = {allowed} under "
            "[ssa_risk] in local/alert_actions.conf of the app ssa_detections"
        )


def _seconds(setting: conf.Setting | None, log: Callable[[str, str], None]) -> float:
    duration = _DURATION.fullmatch((setting.value if setting else MAXTIME).strip().lower())
    seconds = int(duration[1]) * _UNITS[duration[2]] if duration else 0
    if seconds > 0 or setting is None:
        return float(min(seconds, LONGEST_TIME))
    log("WARN", f"{setting.file}, line {setting.line}: maxtime: expected a duration like 5m, going on with {MAXTIME}")
    return _seconds(None, log)


def _results(setting: conf.Setting | None, log: Callable[[str, str], None]) -> int:
    if setting and not re.fullmatch("[0-9]{1,9}", setting.value):
        log("WARN", f"{setting.file}, line {setting.line}: maxresults: expected a number, going on with {MAXRESULTS}")
        setting = None
    return int(setting.value if setting else MAXRESULTS)


def _spool(setting: conf.Setting | None, log: Callable[[str, str], None]) -> bool:
    if setting and setting.value not in ("spool", "receivers"):
        log("WARN", f"{setting.file}, line {setting.line}: delivery: expected spool or receivers, going on with spool")
    return not setting or setting.value != "receivers"
