"""For engineers: package, inspect, generate."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bin"))  # tools may import the app's library
