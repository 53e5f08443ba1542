"""Java's regexes, matched in linear time: the packaged app has only the standard library, whose `re` backtracks."""

from .pattern import Match, Pattern, compile_pattern

__all__ = ["Match", "Pattern", "compile_pattern"]
