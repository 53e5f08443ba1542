"""The functions of the SSA dialect in DuckDB's SQL."""

from . import containers, encodings, networks, numbers, texts, types
from .calls import FUNCTIONS
from .texts import rex

__all__ = ["FUNCTIONS", "containers", "encodings", "networks", "numbers", "rex", "texts", "types"]
