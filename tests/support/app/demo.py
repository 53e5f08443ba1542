"""The demo's events, as their catalogue has them."""

import json

from tools import ROOT

CATALOGUE = json.loads((ROOT / "sandbox/demo/catalogue.json").read_text())["events"]
