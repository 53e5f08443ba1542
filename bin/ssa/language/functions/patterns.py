"""LIKE patterns and regular expressions."""

from __future__ import annotations

from collections.abc import Callable

from ssa.checking import TYPE_CHECKING
from ssa.language.text import syntax
from ssa.regex import compile_pattern

from ..values import TooLargeError, Value, bounded, check_text
from .like import like_matcher
from .meanings import LIKE_PATTERN, REGEX, PatternTest
from .registry import DSP, SPL2, USE, Parameter, entry
from .replacement import Replacement, parse_replacement

if TYPE_CHECKING:
    from ssa.regex import Pattern

STRINGS = DSP + ", String manipulation"
CONDITIONAL = SPL2 + ", Comparison and conditional functions"


def _regex(name: str) -> Parameter:
    return Parameter(name, "string", prepare=compile_pattern, regex=True)


_MOST_PIECES = 1_000_000
"""How many texts and groups a replacement may put together: an event may give both text and replacement."""


@entry(
    Parameter("str", "string"),
    Parameter("pattern", "string", prepare=like_matcher),
    returns="boolean",
    help="Whether the whole string matches: % any run of characters, _ one, a backslash escapes. Case-sensitive.",
    source=f"{CONDITIONAL}; case, escapes: {USE}",
    name=syntax.LIKE,
    meaning=PatternTest(LIKE_PATTERN),
)
def like(text: str, matches: Callable[[str], bool]) -> bool:
    """Match a LIKE pattern."""
    return matches(text)


@entry(
    Parameter("input", "string"),
    _regex("pattern"),
    returns="boolean",
    help="Whether the regular expression matches anywhere in the string.",
    source=f"{DSP}, Casting (an example), and {USE}; parameter names: as extract_regex has them",
    meaning=PatternTest(REGEX),
)
def match_regex(text: str, pattern: Pattern) -> bool:
    """Find a regex."""
    return pattern.found_in(text)


@entry(
    Parameter("str", "string"),
    _regex("regex"),
    returns="boolean",
    help="Whether the regular expression matches anywhere in the string: match_regex by its SPL2 name.",
    source=CONDITIONAL,
    meaning=PatternTest(REGEX),
)
def match(text: str, pattern: Pattern) -> bool:
    """Find a regex."""
    return pattern.found_in(text)


@entry(
    Parameter("input", "string"),
    _regex("pattern"),
    returns="map",
    help="What the groups of the regular expression hold at its first match, by name, or by number (as a string) for a "
    "group without one. Empty without a match; a group that took no part is left out. Null for groups in a lookahead.",
    source=f"{STRINGS}; no match, no part: ours",
)
def extract_regex(text: str, pattern: Pattern) -> dict[str, Value] | None:
    """Extract groups."""
    if pattern.unread:
        return None
    match = pattern.find(text)
    if match is None:
        return {}
    keys = {number: name for name, number in pattern.names.items()}
    groups = ((keys.get(number, str(number)), match.group(number)) for number in range(1, pattern.groups + 1))
    return bounded({key: value for key, value in groups if value is not None})


@entry(
    Parameter("str", "string"),
    _regex("regex"),
    Parameter("replacement", "string", prepare=parse_replacement),
    returns="string",
    help="The string with each match of the regular expression replaced. In the replacement $1, ${name} and \\1 stand "
    "for groups, and a backslash makes any other character plain. Null when it names a group that there is not, or one "
    "in a lookahead.",
    source=f"{SPL2}, Text functions; $1 and ${{name}}: Java, whose regular expressions the product has",
)
def replace(text: str, pattern: Pattern, replacement: Replacement) -> str | None:
    """Replace matches."""
    parts = replacement.bound_to(pattern)
    if parts is None:
        return None
    pieces: list[str] = []
    last = length = work = 0
    for match in pattern.finditer(text):
        pieces.append(text[last : match.start()])
        pieces.append("".join([part if isinstance(part, str) else match.group(part) or "" for part in parts]))
        work += len(parts)
        length += len(pieces[-1]) + len(pieces[-2])
        check_text(length + len(text) - match.end())
        if work > _MOST_PIECES:
            raise TooLargeError(f"a text of more than {_MOST_PIECES:,} replaced parts")
        last = match.end()
    pieces.append(text[last:])
    return "".join(pieces)
