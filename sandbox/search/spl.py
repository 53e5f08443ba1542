"""SPL text into commands and expression trees: macros, comments, the pipeline, `search` terms, eval expressions.

It knows no command's meaning. Every error names what it met and where: positions count characters from 1 in the search
after its macros are expanded. Source: the Search Reference and, for the two orders of evaluation, "Boolean expressions
with logical operators" (Search Manual): search takes OR before AND, eval and where take AND before OR.
"""

import difflib
import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sandbox.errors import SearchError

MAX_DEPTH = 100  # of macros in macros (splunkd's limit too), of brackets and of expressions
MAX_SUBSEARCHES = 10  # in one another
MAX_TOKENS = 2_000  # in one command: the time DuckDB takes to plan a conjunction grows with its square

_QUOTED = r'"(?:\\.|[^"\\])*"'
_MACROS = re.compile(rf"{_QUOTED}|```.*?```|`(?P<call>[^`]+)`|[\"`]", re.S)
_CALL = re.compile(r"\s*([^\s()]+)\s*(?:\((.*)\))?\s*", re.S)
_COMMA = re.compile(r',(?=(?:[^"]*"[^"]*")*[^"]*\Z)')  # one outside quotes
_PIPES = re.compile(rf'{_QUOTED}|[|\[\]"]', re.S)
_NAME = re.compile(r"\s*([A-Za-z_]\w*)\s*")
_BRACKETS = r'\[(?:{}|[^\[\]"]|{})*\]'
_SUBSEARCH = functools.reduce(lambda inner, _: _BRACKETS.format(_QUOTED, inner), range(MAX_SUBSEARCHES), "(?!)")
COMPARISONS = ("=", "==", "!=", "<", "<=", ">", ">=")
_BINARY = {"OR": 1, "AND": 2} | dict.fromkeys((*COMPARISONS, "LIKE", "IN"), 4)
_BINARY |= dict.fromkeys("+-.", 5) | dict.fromkeys("*/%", 6)


def fail(text: str, position: int) -> SearchError:
    """Make the error about something at a 0-based position of the search."""
    return SearchError(f"{text} at position {position + 1}.")


@dataclass(frozen=True)
class Command:
    """One command of a pipeline: its arguments as typed, and where it and they begin."""

    name: str
    text: str
    position: int
    offset: int


@dataclass(frozen=True)
class Node:
    """A word of a command, or a node of an expression made of such words.

    Leaves: name, string, number and subsearch; `text` is without quotes and escapes. 'x y' in eval is a name, as x is.
    Inner nodes: and, or, not; in (the field, then the choices); compare and call (`text` is the operator or function).
    Also op and end, in the list of words only.
    """

    kind: str
    text: str
    position: int
    args: tuple["Node", ...] = ()
    depth: int = 1

    def over(self, kind: str, args: Sequence["Node"], text: str = "") -> "Node":
        """Make an inner node here. Raises SearchError when the tree gets too deep to be walked safely."""
        depth = 1 + max((arg.depth for arg in args), default=0)
        if depth > MAX_DEPTH:
            raise fail(f"The expression is nested deeper than {MAX_DEPTH} levels", self.position)
        return Node(kind, text or kind, self.position, tuple(args), depth)


def expand(text: str, macros: Mapping[str, Mapping[str, str]], depth: int = 0) -> str:
    """Replace every macro call by its definition, and every ```comment``` by blanks.

    `macros` is macros.conf: `[name]`, or `[name(2)]` with `args`. Quotes around an argument are not part of it.
    Raises SearchError for an unknown macro, one with settings beyond `args` and `definition`, or endless nesting.
    """
    if depth > MAX_DEPTH:
        raise SearchError(f"Reached maximum recursion depth ({MAX_DEPTH}) while expanding macros.")

    def definition(match: re.Match[str]) -> str:
        if not match["call"]:
            if len(match[0]) == 1:
                raise fail("Unbalanced quotes" if match[0] == '"' else "Unbalanced backtick", match.start())
            return match[0] if match[0][0] == '"' else " " * len(match[0])
        call = _CALL.fullmatch(match["call"])
        if not call:
            raise fail(f"Malformed macro call '{match['call']}'", match.start())
        given = [_unquote(argument.strip()) for argument in _COMMA.split(call[2])] if call[2] else []
        name = f"{call[1]}({len(given)})" if given else call[1]
        macro = macros.get(name, {})
        if "definition" not in macro:
            near = difflib.get_close_matches(name, [each for each in macros if "definition" in macros[each]], n=1)
            meant = f", did you mean '{near[0]}'?" if near else "."
            raise fail(f"The search specifies a macro '{name}' that cannot be found{meant} It is called", match.start())
        if macro.get("iseval", "0") not in ("0", "false") or "validation" in macro:
            raise fail(f"Macro '{name}' has 'iseval' or 'validation', which is not supported; called", match.start())
        names = [argument.strip() for argument in macro.get("args", "").split(",")]
        if named := [name for name in given if name.partition("=")[0].rstrip() in names]:
            raise fail(f"A macro's argument by name, '{named[0]}', is not supported; called", match.start())
        values = dict(zip(names, given, strict=False))
        return expand(re.sub(r"\$(\w+)\$", lambda m: values.get(m[1], m[0]), macro["definition"]), macros, depth + 1)

    return _MACROS.sub(definition, text)


def pipeline(text: str, offset: int = 0) -> list[Command]:
    """Split an expanded search into its commands; one that begins without `|` begins with `search`.

    `offset` is where the text stands in the whole search. Raises SearchError for quotes and brackets that do not pair,
    and for a pipe without a command.
    """
    starts, level, commands = [0], 0, []
    for match in _PIPES.finditer(text):
        level += {"[": 1, "]": -1}.get(match[0], 0)
        if level < 0 or level > MAX_SUBSEARCHES or match[0] == '"':
            what = "Unbalanced quotes" if match[0] == '"' else "Mismatched ']'" if level < 0 else "Too many ["
            raise fail(what, offset + match.start())
        if match[0] == "|" and level == 0:
            starts.append(match.end())
    if level:
        raise fail("Missing ']'", offset + len(text))
    for start, end in zip(starts, [*(start - 1 for start in starts[1:]), len(text)], strict=True):
        words, name = text[start:end].strip(), _NAME.match(text, start, end)
        first = offset + end - len(text[start:end].lstrip())
        if name and (start or name[1] == "search"):
            commands.append(Command(name[1], text[name.end() : end].strip(), first, offset + name.end()))
        elif words and not start:
            commands.append(Command("search", words, first, first))
        elif start or len(starts) == 1:
            raise fail("Missing a search command", first)
    return commands


class Reader:
    """Reads a command's arguments word by word: `take` an optional word, `expect` a required one."""

    quotes = '"'
    pattern = re.compile(
        rf"(?P<blank>\s+)|(?P<string>{_QUOTED})|(?P<op>[=<>!]=|[=<>(),])"
        r'|(?P<name>(?:\\["\\]|[^\s"=<>!(),\[\]|]|!(?!=))+)|(?P<other>.)',
        re.S,
    )

    def __init__(self, command: Command) -> None:
        found = list(self.pattern.finditer(command.text))
        self._words = [
            Node(
                kind,
                match[0] if kind == "subsearch" else _unquote(match[0], self.quotes),
                command.offset + match.start(),
            )
            for match in found
            if (kind := str(match.lastgroup)) != "blank"
        ]
        if len(self._words) > MAX_TOKENS:
            raise fail(f"More than {MAX_TOKENS} words and operators in '{command.name}'", command.position)
        self._words.append(Node("end", "end of the command", command.offset + len(command.text)))
        self._at = self._nesting = 0

    @property
    def next(self) -> Node:
        """The next word."""
        return self._words[self._at]

    def at(self, *texts: str) -> bool:
        """Whether one of these words or operators comes next, unquoted."""
        return self.next.kind in ("op", "name") and self.next.text in texts

    def take(self, *texts: str) -> Node | None:
        """Step over the next word if it is one of these."""
        if not self.at(*texts):
            return None
        self._at += 1
        return self._words[self._at - 1]

    def expect(self, *texts: str) -> Node:
        """Step over the next word, which must be one of these."""
        return self.take(*texts) or self._unexpected()

    def word(self) -> Node:
        """Step over the next word, which may be any, quoted or not, but no operator."""
        if self.next.kind not in ("name", "string"):
            self._unexpected()
        if self.next.kind == "name" and re.fullmatch("'.+'", self.next.text):
            raise fail("Single quotes are for the fields of eval and where, not", self.next.position)
        self._at += 1
        return self._words[self._at - 1]

    def take_key(self) -> Node | None:
        """Step over the next word and the `=` after it, if that is what comes."""
        key, sign = self._words[self._at : self._at + 2] if self.more() else [self.next] * 2
        if key.kind != "name" or (sign.kind, sign.text) != ("op", "="):
            return None
        self._at += 2
        return key

    def more(self) -> bool:
        """Whether anything is left."""
        return self.next.kind != "end"

    def end(self) -> None:
        """Raise SearchError if anything is left."""
        if self.more():
            self._unexpected()

    def _unexpected(self) -> Node:
        raise fail(f"Unexpected '{self.next.text}'", self.next.position)

    def _nest(self, step: int) -> None:
        self._nesting += step
        if self._nesting > MAX_DEPTH:
            raise fail(f"The expression is nested deeper than {MAX_DEPTH} levels", self.next.position)


class SearchReader(Reader):
    """Reads the expression of `search`: a leaf is a term, to be found in _raw, or a subsearch without its brackets."""

    pattern = re.compile(rf"(?P<subsearch>{_SUBSEARCH})|{Reader.pattern.pattern}", re.S)

    def expression(self, *stops: str) -> Node:
        """Read terms and comparisons joined by AND, which may be left out, to the end or to one of these words."""
        self._nest(1)
        nodes = [self._any()]
        while self.more() and not self.at(")", *stops):
            self.take("AND")
            nodes.append(self._any())
        self._nest(-1)
        return nodes[0] if len(nodes) == 1 else nodes[0].over("and", nodes)

    def _any(self) -> Node:
        nodes = [self._one()]
        while self.take("OR"):
            nodes.append(self._one())
        return nodes[0] if len(nodes) == 1 else nodes[0].over("or", nodes)

    def _one(self) -> Node:
        if negation := self.take("NOT"):
            self._nest(1)
            node = negation.over("not", [self._one()])
            self._nest(-1)
            return node
        if self.take("("):
            node = self.expression()
            self.expect(")")
            return node
        if self.at("AND", "OR"):
            self._unexpected()
        if self.next.kind == "subsearch":
            self._at += 1
            found = self._words[self._at - 1]
            return Node("subsearch", found.text[1:-1], found.position + 1)
        field = self.word()
        if operator := self.take(*COMPARISONS):
            return field.over("compare", [field, self.word()], operator.text)
        if self.take("IN"):
            self.expect("(")
            nodes = [field, self.word()]
            while self.expect(",", ")").text == ",":
                nodes.append(self.word())
            return field.over("in", nodes)
        name, indexed, value = field.text.partition("::")
        if name and indexed and field.kind == "name":  # an indexed field, which all fields are here
            quoted = not value and self.next.kind == "string"
            return field.over(
                "compare", [replace(field, text=name), self.word() if quoted else replace(field, text=value)], "="
            )
        if field.text in ("TERM", "CASE", "PREFIX") and self.at("("):
            raise fail(f"The directive '{field.text}' is not supported", field.position)
        if field.text == "in" and self.at("("):
            raise fail("IN is written in capitals", field.position)
        return field


class EvalReader(Reader):
    """Reads the expressions of eval and where. XOR is not supported."""

    quotes = "\"'"
    pattern = re.compile(
        rf"(?P<blank>\s+)|(?P<string>{_QUOTED})|(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
        r"|(?P<name>'(?:\\.|[^'\\])*'|[A-Za-z_]\w*)|(?P<op>[=<>!]=|[-+*/%.=<>(),])|(?P<other>.)",
        re.S,
    )

    def expression(self, minimum: int = 1) -> Node:
        """Read one expression, as far as operators of at least this precedence go."""
        self._nest(1)
        left = self._operand()
        while (level := _BINARY.get(self.next.text.upper(), 0)) >= minimum and self.at(self.next.text):
            word = self.expect(self.next.text)
            operator = word.text.lower()
            if operator == "in":
                self.expect("(")
                left = word.over("in", [left, *self._arguments()])
                continue
            right = self.expression(level + 1)
            if left.kind == operator:  # a chain of ANDs stays flat, however long it is
                left = left.over(operator, [*left.args, right])
            elif operator in ("and", "or"):
                left = left.over(operator, [left, right])
            else:
                left = word.over("compare" if operator in COMPARISONS else "call", [left, right], operator)
        self._nest(-1)
        return left

    def _operand(self) -> Node:
        if self.take("("):
            node = self.expression()
            self.expect(")")
            return node
        if minus := self.take("-"):
            return minus.over("call", [replace(minus, kind="number", text="0"), self.expression(7)], "-")
        if negation := self.take("NOT", "not"):
            return negation.over("not", [self.expression(4)])
        if self.next.kind == "number":
            self._at += 1
            return self._words[self._at - 1]
        if self.at("AND", "OR", "XOR"):
            self._unexpected()
        word = self.word()
        return word.over("call", self._arguments(), word.text) if word.kind == "name" and self.take("(") else word

    def _arguments(self) -> list[Node]:
        if self.take(")"):
            return []
        nodes = [self.expression()]
        while self.expect(",", ")").text == ",":
            nodes.append(self.expression())
        return nodes


def _unquote(text: str, quotes: str = '"') -> str:
    """Take quotes off; a backslash is special only before a quote or another backslash, so a regex's \\d stays."""
    quote = text[0] if len(text) > 1 and text[0] == text[-1] and text[0] in quotes else ""
    return re.sub(r"\\([\\'])" if quote == "'" else r'\\([\\"])', r"\1", text[1:-1] if quote else text)
