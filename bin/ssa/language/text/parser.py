"""Tokens -> syntax tree: the stateless grammar of the SSA dialect.

program   = stmt { ";" stmt } [ ";" ]
stmt      = [ "$" NAME "=" ] [ "|" ] command { "|" command }
command   = "from" ( call | "$" NAME ) | "eval" assign { "," assign } | "where" expr | "into" call
          | "select" item { "," item } | "rename" NAME "AS" NAME { "," NAME "AS" NAME }
          | "fields" [ "+" | "-" ] NAME { "," NAME } | "union" "$" NAME
          | "rex" { "field" "=" NAME | "max_match" "=" NUMBER | [ "pattern" "=" ] ( STRING | REGEX ) }
assign    = NAME "=" expr                  commas too many are skipped here and in other lists of a command
item      = NAME | expr "AS" NAME
expr      = and { "OR" and }               and = not { "AND" not }             not = "NOT" not | cmp
cmp       = sum [ ( "=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">=" ) sum | "IS" [ "NOT" ] "NULL"
          | [ "NOT" ] "IN" "(" expr { "," expr } [ "," ] ")" | [ "NOT" ] "LIKE" sum ]
sum       = product { ( "+" | "-" ) product }      product = unary { ( "*" | "/" | "%" ) unary }
unary     = ( "-" | "+" ) unary | postfix          postfix = primary { "." NAME | "[" expr "]" }
primary   = STRING | NUMBER | REGEX | "null" | "true" | "false" | call | NAME | "(" expr ")"
          | "[" [ expr { "," expr } [ "," ] ] "]" | "{" [ entry { "," entry } [ "," ] ] "}"
entry     = ( NAME | STRING ) ":" expr
call      = NAME "(" [ arg { "," arg } [ "," ] ] ")"           arg = expr | NAME ":" expr, named ones last

Keywords in any case, names case-sensitive. STRING "…" or '…' with backslash escapes; REGEX /…/ where a value may start;
NUMBER with an optional suffix L, F or D; /* comment */ anywhere between.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ssa.checking import TYPE_CHECKING
from ssa.language.values import LONG_MAX, LONG_MIN

from . import syntax
from .errors import near_miss
from .tokens import Cursor

if TYPE_CHECKING:
    from typing import Any

MAX_NESTING = 50
"""How deep parentheses, lists, maps and calls may nest. A level costs about a dozen of Python's thousand frames."""

MAX_DEPTH = 150
"""How deep the syntax tree of an expression may be. Chains such as NOT NOT … deepen it; a level costs three frames."""

CONSTANTS = {"null": None, "true": True, "false": False}
_COMPARISONS = {"=": "=", "==": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
SOURCE = "read_ssa_enriched_events"
SINK = "write_ssa_detected_events"
_LATER = "read_ba_enriched_events|write_(ba|ssa)_finding_events|source|sink"
"""What the product's detections read and wrote when their events and findings had got another shape."""

COMMANDS = ("from", "eval", "where", "select", "rename", "fields", "rex", "union", "into")

_BETWEEN_EVENTS = "it compares an event with others before it, and this app judges each event by itself"
STATEFUL = {
    "stats": _BETWEEN_EVENTS,
    "first_time_event": _BETWEEN_EVENTS,
    "adaptive_threshold": "it learns a threshold from the events before, and this app judges each event by itself",
    "conditional_anomaly": "it learns probabilities from the events before, and this app judges each event by itself",
    "apply_model": "it needs a machine-learning model of the cloud service, which is gone",
}
"""Commands of the dialect that are refused, each with the reason."""

_ALONE = re.compile(r"\s*[,)]")
"""What follows a value that is an expression by itself."""


def parse(text: str) -> syntax.Program:
    """Parse the text of a detection; raises SsaError at the first place that is not of the grammar."""
    return _Parser(text).program()


class _Parser(Cursor):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.nesting = 0
        self.after_or = False
        self.mixed: list[int] = []

    # -- statements

    def program(self) -> syntax.Program:
        statements: list[syntax.Statement] = []
        while self.now.kind != "end":
            if not self.accept(";"):
                statements.append(self.statement())
                if self.now.kind != "end":
                    self.expect(";", "or '|' after a command")
        if not statements:
            self.fail("the search is empty: expected | from read_ssa_enriched_events() …")
        return syntax.Program(self.lexer.text, tuple(statements), tuple(self.mixed))

    def statement(self) -> syntax.Statement:
        at, binding = self.now.at, None
        if self.accept("$"):
            binding = str(self.name("a name after '$'").value)
            self.expect("=", f"after ${binding}")
        self.accept("|")
        commands = [self.command()]
        while self.accept("|"):
            commands.append(self.command())
        return syntax.Statement(binding, tuple(commands), at)

    def command(self) -> syntax.Command:
        token = self.name(f"a command ({', '.join(COMMANDS)})")
        word = str(token.value).lower()
        if word in STATEFUL:
            self.fail(f"the command '{word}' is stateful and cannot run here: {STATEFUL[word]}", token.at)
        if word not in COMMANDS:
            known = f": expected one of {', '.join(COMMANDS)}"
            self.fail(f"unknown command '{token.value}'{near_miss(word, COMMANDS) or known}", token.at)
        parse_command: Callable[[int], syntax.Command] = getattr(self, "command_" + word)
        return parse_command(token.at)

    def command_from(self, at: int) -> syntax.Command:
        if self.accept("$"):
            return syntax.From(str(self.name("a name after '$'").value), at)
        self.endpoint("from", SOURCE)
        return syntax.From(None, at)

    def command_into(self, at: int) -> syntax.Command:
        self.endpoint("into", SINK)
        return syntax.Into(at)

    def command_eval(self, at: int) -> syntax.Command:
        return syntax.Eval(self.listed(self.assignment), at)

    def command_where(self, at: int) -> syntax.Command:
        return syntax.Where(self.whole_expression(), at)

    def command_select(self, at: int) -> syntax.Command:
        return syntax.Select(self.listed(self.selected), at)

    def command_rename(self, at: int) -> syntax.Command:
        return syntax.Rename(self.listed(self.renamed), at)

    def command_fields(self, at: int) -> syntax.Command:
        remove = self.accept("-")
        if not remove:
            self.accept("+")
        return syntax.Fields(self.listed(self.column), remove, at)

    def command_union(self, at: int) -> syntax.Command:
        self.expect("$", "and the name of a pipeline after 'union'")
        return syntax.UnionWith(str(self.name("a name after '$'").value), at)

    def command_rex(self, at: int) -> syntax.Command:
        given: dict[str, Any] = {}
        read = {"field": self.column, "pattern": self.pattern, "max_match": self.count}
        while self.now.kind in ("name", "string") or self.at_operator("/"):
            place, option = self.now.at, "pattern"
            if self.now.kind == "name":
                option = str(self.advance().value)
                self.expect("=", f"after the option {option} of rex")
            if option == "mode":
                self.fail("rex knows no sed mode here: write | eval field=replace(field, …)", place)
            if option not in read:
                self.fail(f"unknown option '{option}' of rex: expected field, pattern or max_match", place)
            if option in given:
                self.fail(f"rex gets {option} twice", place)
            given[option] = read[option]()
        for option in ("field", "pattern"):
            if option not in given:
                self.fail(f"rex needs {option}: write rex field=<column> /(?<name>…)/", at)
        return syntax.Rex(given["field"], given["pattern"], given.get("max_match", 1), at)

    def pattern(self) -> syntax.Literal | syntax.Regex:
        token, pattern = self.now, None
        if token.kind == "string" or self.at_operator("/"):
            pattern = self.primary()
        if not isinstance(pattern, (syntax.Literal, syntax.Regex)):
            self.fail(f"expected a regex, as a string or as /…/, found {token.describe()}", token.at)
        return pattern

    def count(self) -> int:
        token = self.advance()
        if token.kind != "number" or not isinstance(token.value, int) or token.value > LONG_MAX:
            self.fail(f"expected a whole number, found {token.describe()}", token.at)
        return token.value

    def endpoint(self, command: str, function: str) -> None:
        at = self.now.at
        token = self.name(f"{function}() after '{command}'")
        if token.value != function:
            later = ", of a later dialect" if re.fullmatch(_LATER, str(token.value)) else ""
            self.fail(f"'{command}' knows only {function}(), found {token.describe()}{later}", at)
        self.expect("(", f"after {function}")
        self.expect(")", f"after {function}(")

    def column(self) -> str:
        return str(self.name("a column name").value)

    def assignment(self) -> tuple[str, syntax.Expression]:
        name = self.column()
        self.expect("=", f"after the column name {name}")
        return name, self.whole_expression()

    def selected(self) -> tuple[str, syntax.Expression]:
        expression = self.whole_expression()
        if self.accept_keyword("as"):
            return self.column(), expression
        if not isinstance(expression, syntax.Name):
            self.fail(f"expected AS and a name for what is selected, found {self.now.describe()}")
        return expression.name, expression

    def renamed(self) -> tuple[str, str]:
        old = self.column()
        if not self.accept_keyword("as"):
            self.fail(f"expected AS after the column name {old}, found {self.now.describe()}")
        return old, self.column()

    # -- expressions, loosest first

    def whole_expression(self) -> syntax.Expression:
        """Parse an expression that stands in no other, and check how deep it is."""
        at = self.now.at
        expression = self.expression()
        if self.now.at - at <= MAX_DEPTH:
            return expression  # of so few characters it cannot be deeper
        level, depth = [expression], 0
        while level:
            level = [child for node in level for child in syntax.children(node)]
            depth += 1
        if depth > MAX_DEPTH:
            self.fail(f"the expression nests deeper than {MAX_DEPTH} levels", at)
        return expression

    def expression(self) -> syntax.Expression:
        if self.now.kind != "operator" and _ALONE.match(self.lexer.text, self.now.end):
            return self.primary()  # as most are, which takes a tenth of the time
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            self.fail(f"the expression nests deeper than {MAX_NESTING} levels")
        node = self.chain("or", self.conjunction, syntax.Or)
        self.nesting -= 1
        return node

    def conjunction(self) -> syntax.Expression:
        at = self.now.at
        next_to_or = self.after_or
        self.after_or = False
        node = self.chain("and", self.negation, syntax.And)
        if isinstance(node, syntax.And) and node.at == at and (next_to_or or self.at_keyword("or")):
            self.mixed.append(at)
        return node

    def chain(
        self, word: str, operand: Callable[[], syntax.Expression], node: Callable[..., syntax.Expression]
    ) -> syntax.Expression:
        """Parse operands with a keyword between them."""
        at = self.now.at
        operands = [operand()]
        while self.accept_keyword(word):
            self.after_or = word == "or"
            operands.append(operand())
        return operands[0] if len(operands) == 1 else node(tuple(operands), at)

    def negation(self) -> syntax.Expression:
        ats: list[int] = []
        while self.at_keyword("not"):
            ats.append(self.advance().at)
        node = self.comparison()
        for at in reversed(ats):
            node = syntax.Not(node, at)
        return node

    def comparison(self) -> syntax.Expression:
        left = self.sum()
        at = self.now.at
        if self.at_operator(*_COMPARISONS):
            operator = _COMPARISONS[str(self.advance().value)]
            return syntax.Comparison(operator, left, self.sum(), at)
        if self.accept_keyword("is"):
            negated = self.accept_keyword("not")
            if not self.accept_keyword("null"):
                self.fail(f"expected NULL or NOT NULL after IS, found {self.now.describe()}")
            return syntax.IsNull(left, negated, at)
        negated = self.at_keyword("not")
        if negated:
            self.advance()
        if self.accept_keyword("in"):
            self.expect("(", "after IN")
            if self.at_operator(")"):
                self.fail("expected an option of IN, found ')'")
            return syntax.In(left, self.items(")", "an option of IN"), negated, at)
        if self.accept_keyword(syntax.LIKE):
            like: syntax.Expression = syntax.Call(syntax.LIKE, (left, self.sum()), (), at)
            return syntax.Not(like, at) if negated else like
        if negated:
            self.fail(f"expected IN or LIKE after NOT, found {self.now.describe()}")
        return left

    def sum(self) -> syntax.Expression:
        return self.arithmetic(("+", "-"), self.product)

    def product(self) -> syntax.Expression:
        return self.arithmetic(("*", "/", "%"), self.unary)

    def arithmetic(self, operators: tuple[str, ...], operand: Callable[[], syntax.Expression]) -> syntax.Expression:
        at = self.now.at
        first = operand()
        rest: list[tuple[str, syntax.Expression]] = []
        while self.at_operator(*operators):
            operator = str(self.advance().value)
            rest.append((operator, operand()))
        return syntax.Arithmetic(first, tuple(rest), at) if rest else first

    def unary(self) -> syntax.Expression:
        ats: list[int] = []
        while self.at_operator("-", "+"):
            token = self.advance()
            if token.value == "-":
                ats.append(token.at)
        if ats and self.at_smallest_long():
            # The smallest long has no positive counterpart.
            node: syntax.Expression = syntax.Literal(LONG_MIN, self.advance().at)
            ats.pop()
        else:
            node = self.postfix()
        for at in reversed(ats):
            node = syntax.Negative(node, at)
        return node

    def at_smallest_long(self) -> bool:
        return self.now.kind == "number" and isinstance(self.now.value, int) and self.now.value > LONG_MAX

    def postfix(self) -> syntax.Expression:
        node = self.primary()
        while self.at_operator(".", "["):
            at = self.now.at
            if self.accept("."):
                member = self.name("a name after '.'")
                node = syntax.Access(node, syntax.Literal(str(member.value), member.at), at)
            else:
                self.advance()
                key = self.expression()
                self.expect("]", "after the item")
                node = syntax.Access(node, key, at)
        return node

    def primary(self) -> syntax.Expression:
        token = self.now
        if self.at_smallest_long():
            self.fail(f"this number is larger than a long can hold ({LONG_MAX})")
        if token.kind in ("string", "number"):
            return syntax.Literal(self.advance().value, token.at)
        if token.kind == "operator":
            if self.at_operator("/"):
                self.now = self.lexer.regex(token.at)
                return syntax.Regex(str(self.advance().value), token.at)
            if self.accept("("):
                node = self.expression()
                self.expect(")", "to close the parenthesis")
                return node
            if self.accept("["):
                return syntax.ListOf(self.items("]", "a list item"), token.at)
            if self.accept("{"):
                return self.map_literal(token.at)
        word = str(self.name("a value").value)
        if self.accept("("):
            return self.call(word, token.at)
        if word.lower() in CONSTANTS:
            return syntax.Literal(CONSTANTS[word.lower()], token.at)
        return syntax.Name(word, token.at)

    def items(self, closing: str, what: str) -> tuple[syntax.Expression, ...]:
        items: list[syntax.Expression] = []
        while not self.accept(closing):
            items.append(self.expression())
            if not self.at_operator(closing):
                self.expect(",", f"or '{closing}' after {what}")
        return tuple(items)

    def map_literal(self, at: int) -> syntax.Expression:
        entries: list[tuple[str, syntax.Expression]] = []
        while not self.accept("}"):
            key = self.advance() if self.now.kind == "string" else self.name("a map key")
            self.expect(":", "after the map key")
            entries.append((str(key.value), self.expression()))
            if not self.at_operator("}"):
                self.expect(",", "or '}' after a map entry")
        return syntax.MapOf(tuple(entries), at)

    def call(self, function: str, at: int) -> syntax.Expression:
        arguments: list[syntax.Expression] = []
        named: list[tuple[str, syntax.Expression]] = []
        while not self.accept(")"):
            value_at, value = self.now.at, self.expression()
            if isinstance(value, syntax.Name) and value.at == value_at and self.accept(":"):
                named.append((value.name, self.expression()))
            elif named:
                self.fail("an argument without a name cannot follow one with a name", value_at)
            else:
                arguments.append(value)
            if not self.at_operator(")"):
                self.expect(",", f"or ')' after an argument of {function}")
        return syntax.Call(function, tuple(arguments), tuple(named), at)
