r"""Java's regexes, matched in linear time: the packaged app has only the standard library, whose `re` backtracks.

The rules are those of java.util.regex in Java 19 and later, where \b is ASCII as \w is; before, \b was Unicode's.
Refused, beyond what Java refuses: backreferences, \G, \X, \N{…}, (?U), named groups in positive lookarounds, atomic
groups and possessive repeats in lookarounds, && without characters on both sides, a count behind a count, much nesting,
and long programs. Accepted beyond Java: (?P<name>…) and _ in a name, as Splunk's own rex has it. A group that takes
part only in an attempt that failed stays empty here; Java at times keeps what it held.
"""

from __future__ import annotations

from ssa.checking import TYPE_CHECKING

if TYPE_CHECKING:
    from .pattern import Match, Pattern

__all__ = ["Match", "Pattern", "compile_pattern"]


def compile_pattern(text: str) -> Pattern:
    """Return a regex, ready to run: see pattern.compile_pattern, loaded by the first detection that has one."""
    from .pattern import compile_pattern

    return compile_pattern(text)
