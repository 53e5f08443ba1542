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
    """Return what is wrong with a setting of this name, and what to do; empty where it is known."""
    if key in known():
        return ""
    if not re.fullmatch(r"[\w.:-]+", key):  # a line of the setting above it
        return "this is no name of a setting: does it go on from the line before? Then end that with a backslash"
    return f"nothing reads a setting of this name{near_miss(key, sorted(known())) or ': remove it'}"
