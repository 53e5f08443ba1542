"""The end of a replay: on one screen, what was found, how severe, and whom it is about."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from sandbox.demo.replay import Replay, listed

SEVERITIES = ("critical", "high", "medium", "low", "informational")
SEVERE, TOP, BAR = ("critical", "high"), 9, 24
"""The severities of which one hit may alert, the most detections that are listed, and the characters of a bar."""


def story(done: Replay) -> Iterator[str]:
    """Yield the lines, at most 24; none where no more than one detection fired, of which the page has it all."""
    hits = done.detections
    detections = Counter(str(hit.get("detection")) for hit in hits).most_common()
    if len(detections) < 2:
        return
    devices = {str(hit.get("dest_device_id")) for hit in hits}
    yield "In short"
    yield f"  {done.indexed:,} events → {len(hits):,} hits on {len(devices):,} devices → " + (
        f"{len(done.risk_events):,} risk events → {len(done.risk_alerts):,} alerts"
    )
    severities = Counter(str(hit.get("risk_severity")) for hit in hits)
    most = max(severities.values())
    for name in SEVERITIES:
        if severities[name]:
            yield f"  {name:>13} {severities[name]:4}  {'█' * max(1, severities[name] * BAR // most)}"
    for name, count in detections[:TOP]:
        highest = max(float(str(hit.get("risk_score") or 0)) for hit in hits if hit.get("detection") == name)
        yield f"  {count:4} × {name}, up to {highest:g}"
    if len(detections) > TOP:
        yield f"         and {len(detections) - TOP} more detections"
    alerts = sorted(done.risk_alerts, key=lambda alert: -float(str(alert.get("risk_score") or 0)))
    severe = next((one for one in alerts if one.get("severity") in SEVERE and "user" in one), None)
    gathered = next((one for one in alerts if "window" in one), None)
    for title, alert in (("Severe at once", severe), ("Over the threshold", gathered)):
        if alert:
            yield f"  {title} ({_points(alert)}, {_clock(alert)}): {_whom(alert)}"
            yield f"    {alert.get('message')}"


def _points(alert: Any) -> str:
    return f"{float(str(alert.get('risk_score') or 0)):g} points"


def _clock(alert: Any) -> str:
    return time.strftime("%H:%M", time.gmtime(float(str(alert["_time"]))))


def _whom(alert: Any) -> str:
    return ", ".join(map(str, listed(alert.get("risk_object"))))
