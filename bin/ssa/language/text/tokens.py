"""SSA text -> tokens. Lazy, because only the parser knows whether a slash divides or opens a regex."""

from __future__ import annotations

import re

from ssa.checking import TYPE_CHECKING

from .errors import SsaError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn, TypeAlias, TypeVar  # novm: for the type checker alone

    _Item = TypeVar("_Item")


Value: TypeAlias = "str | int | float"

_TOKEN = re.compile(
    r"(?:\s+|/\*.*?\*/)*"  # blanks and comments before it
    r"(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<string>[\"'])|(?P<number>\.?\d)|(?P<comment>/\*)"
    r"|(?P<operator>==|!=|<>|<=|>=|[-+*/%=<>()\[\]{},;:|.$])|(?P<end>\Z)|(?P<other>.))",
    re.DOTALL,
)
"""What stands next, whole or (a string, a number) by how it begins."""
_NUMBER = re.compile(r"(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?([lLfFdD]?)(?![A-Za-z0-9_])", re.ASCII)
_STRINGS = {one: re.compile(rf"{one}([^\\{one}]*(?:\\.[^\\{one}]*)*){one}", re.DOTALL) for one in "\"'"}
_REGEX = re.compile(r"/((?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+)/")  # in a [class], a slash is a character
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
RESERVED = frozenset(["and", "or", "not", "in", "is"])
_LONGEST = 2**63  # the parser refuses it where no minus stands before it


class Token:
    """One token: kind is `name`, `string`, `number`, `regex`, `operator` or `end`; at and end are offsets."""

    __slots__ = ("at", "end", "kind", "value")

    def __init__(self, kind: str, value: Value, at: int, end: int) -> None:
        self.kind, self.value, self.at, self.end = kind, value, at, end

    def describe(self) -> str:
        """Name the token in an error message."""
        return "the end of the text" if self.kind == "end" else f"'{self.value}'"


class Lexer:
    """Reads one token at a given offset of a text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def fail(self, problem: str, at: int) -> NoReturn:
        """Raise SsaError for a place in the text."""
        raise SsaError(problem, self.text, at)

    def token(self, offset: int) -> Token:
        """Return the token that starts at or after `offset`, behind blanks and comments."""
        match = next(_TOKEN.finditer(self.text, offset))  # there is one, of whatever kind
        kind = str(match.lastgroup)
        at = match.start(kind)
        if kind == "string":
            return self._string(at)
        if kind == "number":
            return self._number(at)
        if kind == "comment":
            self.fail("this comment is never closed: expected */", at)
        if kind == "other":
            self.fail(f"unexpected character {self.text[at]!r}", at)
        return Token(kind, match.group(kind), at, match.end())

    def regex(self, at: int) -> Token:
        """Return the regex literal whose opening slash is at `at`."""
        match = _REGEX.match(self.text, at)
        if not match:
            self.fail("expected a value, or a regex /…/ closed on the same line", at)
        # Escape by escape: in \\/ the backslash is the escaped one.
        pattern = _ESCAPE.sub(lambda escape: "/" if escape[1] == "/" else escape[0], match.group(1))
        return Token("regex", pattern, at, match.end())

    def _string(self, at: int) -> Token:
        match = _STRINGS[self.text[at]].match(self.text, at)
        if not match:
            self.fail(f"this string is never closed: expected {self.text[at]}", at)
        value = match.group(1)
        if "\\" in value:
            # An escape that the language does not know keeps its backslash: "\d" is a backslash and a d.
            value = _ESCAPE.sub(_unescape, value)
        return Token("string", value, at, match.end())

    def _number(self, at: int) -> Token:
        match = _NUMBER.match(self.text, at)
        if not match:
            self.fail("this is not a number", at)
        digits, suffix = match.group()[: len(match.group()) - len(match.group(1))], match.group(1).lower()
        whole = digits.isdigit() and suffix not in ("f", "d")
        if suffix == "l" and not digits.isdigit():
            self.fail("a number with the suffix L has no fraction", at)
        if whole:
            digits = digits.lstrip("0") or "0"
        # The length first: Python refuses to read a number of thousands of digits with an error of its own.
        if whole and (len(digits) > len(str(_LONGEST)) or int(digits) > _LONGEST):
            self.fail(f"this number is larger than a long can hold ({_LONGEST - 1})", at)
        value = int(digits) if whole else float(digits)
        if value == float("inf"):
            self.fail("this number is larger than a double can hold", at)
        return Token("number", value, at, match.end())


def _unescape(escape: re.Match[str]) -> str:
    char = escape.group(1)
    if char in "\\\"'":
        return char
    return _ESCAPES.get(char, escape.group())


class Cursor:
    """A place among the tokens of a text, which moves on as they are taken; `now` is the next one."""

    def __init__(self, text: str) -> None:
        self.lexer = Lexer(text)
        self.now: Token = self.lexer.token(0)
        self._taken = self.now

    def fail(self, problem: str, at: int | None = None) -> NoReturn:
        """Raise SsaError for a place in the text: of the next token, unless another is given.

        Where the next token is wrong behind a string of many lines, that string is the place: it was not closed.
        """
        last = self._taken
        if at is None and last.kind == "string" and "\n" in self.lexer.text[last.at : last.end]:
            self.lexer.fail(f"this string goes on over the end of its line: close it ({problem})", last.at)
        self.lexer.fail(problem, self.now.at if at is None else at)

    def advance(self) -> Token:
        """Take the next token."""
        self._taken = self.now
        self.now = self.lexer.token(self._taken.end)
        return self._taken

    def at_operator(self, *values: str) -> bool:
        """Return whether the next token is one of these operators."""
        return self.now.kind == "operator" and self.now.value in values

    def at_keyword(self, *words: str) -> bool:
        """Return whether the next token is one of these words, in any case."""
        return self.now.kind == "name" and str(self.now.value).lower() in words

    def accept(self, operator: str) -> bool:
        """Take an operator if it comes next, and return whether it did."""
        if self.at_operator(operator):
            self.advance()
            return True
        return False

    def accept_keyword(self, word: str) -> bool:
        """Take a keyword if it comes next, and return whether it did."""
        if self.at_keyword(word):
            self.advance()
            return True
        return False

    def expect(self, operator: str, where: str) -> Token:
        """Take an operator that must come next."""
        if not self.at_operator(operator):
            self.fail(f"expected '{operator}' {where}, found {self.now.describe()}")
        return self.advance()

    def name(self, what: str) -> Token:
        """Take a name that must come next."""
        if self.now.kind != "name" or self.at_keyword(*RESERVED):
            self.fail(f"expected {what}, found {self.now.describe()}")
        return self.advance()

    def listed(self, item: Callable[[], _Item]) -> tuple[_Item, ...]:
        """Parse items between commas; commas too many, also after the last item, are what published texts have."""
        items: list[_Item] = []
        while True:
            items.append(item())
            commas = 0
            while self.accept(","):
                commas += 1
            if not commas or self.at_operator("|", ";") or self.now.kind == "end":
                return tuple(items)
