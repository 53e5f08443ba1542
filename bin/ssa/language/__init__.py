"""The SSA dialect: text -> syntax tree -> plan. Knows nothing of Splunk."""

from .run.compiler import Detected, Plan, compile_text
from .text.errors import SsaError
from .text.parser import parse

__all__ = ["Detected", "Plan", "SsaError", "compile_text", "parse"]
