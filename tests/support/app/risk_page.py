"""docs/risk-events.md, read."""

import re

from tests.support.examples import ROOT

PAGE = (ROOT / "docs/risk-events.md").read_text()
TABLE = re.findall(r"^\| `([\w.]+)` \|", PAGE.partition("## Whose")[0], re.MULTILINE)
NAMES = frozenset(TABLE) - {"_time"}
"""The fields that a risk event may have."""
