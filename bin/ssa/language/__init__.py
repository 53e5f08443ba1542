"""The SSA dialect: text -> syntax tree -> plan. Knows nothing of Splunk."""

from .analysis.requirements import Clause, Clauses, RequiredText
from .run.compiler import Detected, Plan, compile_text
from .text.errors import SsaError
from .text.parser import parse

__all__ = ["Clause", "Clauses", "Detected", "Plan", "RequiredText", "SsaError", "compile_text", "parse"]
