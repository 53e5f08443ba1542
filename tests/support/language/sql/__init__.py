"""The SSA dialect in DuckDB's SQL: values, the functions (`FUNCTIONS`, one entry each), and programs."""

from . import containers, encodings, networks, numbers, texts, types
from .calls import FUNCTIONS

__all__ = ["FUNCTIONS", "containers", "encodings", "networks", "numbers", "texts", "types"]
