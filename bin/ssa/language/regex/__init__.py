r"""Java's regexes, matched in linear time: the packaged app has only the standard library, whose `re` backtracks.

The rules are those of java.util.regex in Java 19 and later, where \b is ASCII as \w is; before, \b was Unicode's.
Refused, beyond what Java refuses: backreferences, \G, \X, \N{…}, (?U), named groups in positive lookarounds, atomic
groups and possessive repeats in lookarounds, && without characters beside it, a count behind a count, much nesting,
and long programs. Accepted beyond Java: (?P<name>…) and _ in a name, as Splunk's own rex has it. A group that takes
part only in an attempt that failed stays empty here; Java at times keeps what it held.
"""

from .pattern import Match, Pattern, compile_pattern

__all__ = ["Match", "Pattern", "compile_pattern"]
