"""The settings that a stanza of ssa_detections.conf may have: those of its spec."""

from __future__ import annotations

import re
from functools import cache

from ssa.content.detection import CONF
from ssa.language.text.errors import near_miss
from tools import ROOT


@cache
def known() -> frozenset[str]:
    """Return the names of the settings."""
    return frozenset(re.findall(r"^(\w+) = <", (ROOT / f"README/{CONF}.conf.spec").read_text("utf-8"), re.MULTILINE))


def unknown(key: str) -> str:
    """Return what is wrong with a setting of this name; empty where it is known."""
    return "" if key in known() else f"nothing reads a setting of this name{near_miss(key, sorted(known()))}"
