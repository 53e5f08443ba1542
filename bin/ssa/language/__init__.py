"""The SSA dialect: text -> syntax tree -> plan. Knows nothing of Splunk."""

from .compiler import Detected, Plan, compile_text
from .errors import SsaError
from .frozen import Frozen
from .parser import parse
from .required import Clause, Clauses, Literal

__all__ = ["Clause", "Clauses", "Detected", "Frozen", "Literal", "Plan", "SsaError", "compile_text", "parse"]
