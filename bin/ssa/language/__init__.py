"""The SSA dialect: text -> syntax tree -> plan. Knows nothing of Splunk."""

from .run.compiler import Detected, Plan, compile_text
from .text.errors import SsaError
from .text.parser import parse
from .values import TooLargeError

__all__ = ["Detected", "Plan", "SsaError", "TooLargeError", "compile_text", "parse"]
