"""The SSA dialect: text -> syntax tree -> plan. Knows nothing of Splunk."""

from .compiler import Detected, Plan, compile_text
from .errors import SsaError
from .parser import parse

__all__ = ["Detected", "Plan", "SsaError", "compile_text", "parse"]
