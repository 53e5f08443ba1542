"""Tokens -> syntax tree: the stateless grammar of the SSA dialect.

program   = stmt { ";" stmt } [ ";" ]
stmt      = [ "$" NAME "=" ] [ "|" ] command { "|" command }
command   = "from" ( call | "$" NAME ) | "eval" assign { "," assign } | "where" expr | "into" call
Keywords in any case, names case-sensitive. Precedence: parentheses, member and item, unary -, * / %, + -,
comparison (once), NOT, AND, OR.
"""

from __future__ import annotations

from typing import Callable, NoReturn

from .syntax import (
    Access,
    And,
    Arithmetic,
    Call,
    Command,
    Comparison,
    Eval,
    Expression,
    From,
    In,
    Into,
    IsNull,
    ListOf,
    Literal,
    MapOf,
    Name,
    Negative,
    Not,
    Or,
    Program,
    Regex,
    Statement,
    Where,
    children,
)
from .tokens import Lexer, Token

MAX_NESTING = 50
"""How deep parentheses, lists, maps and calls may nest. A level costs about a dozen of Python's thousand frames."""

MAX_DEPTH = 150
"""How deep the syntax tree of an expression may be, which chains such as NOT NOT … or a.b.c… deepen as well.

Compiling and running cost up to three frames a level.
"""

SOURCE = "read_ssa_enriched_events"
SINK = "write_ssa_detected_events"

_RESERVED = frozenset(["and", "or", "not", "in", "is"])
_CONSTANTS = {"null": None, "true": True, "false": False}
_COMPARISONS = {"=": "=", "==": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_OTHER_COMMANDS = frozenset(
    [
        "stats",
        "adaptive_threshold",
        "apply_model",
        "conditional_anomaly",
        "first_time_event",
        "select",
        "rex",
        "rename",
        "fields",
    ]
)


def parse(text: str) -> Program:
    """Parse the text of a detection; raises SsaError at the first place that is not of the grammar."""
    return _Parser(text).program()


class _Parser:
    def __init__(self, text: str) -> None:
        self.lexer = Lexer(text)
        self.now: Token = self.lexer.token(0)
        self.nesting = 0

    # -- tokens

    def fail(self, problem: str, at: int | None = None) -> NoReturn:
        self.lexer.fail(problem, self.now.at if at is None else at)

    def advance(self) -> Token:
        token = self.now
        self.now = self.lexer.token(token.end)
        return token

    def at_operator(self, *values: str) -> bool:
        return self.now.kind == "operator" and self.now.value in values

    def at_keyword(self, *words: str) -> bool:
        return self.now.kind == "name" and str(self.now.value).lower() in words

    def accept(self, operator: str) -> bool:
        if self.at_operator(operator):
            self.advance()
            return True
        return False

    def accept_keyword(self, word: str) -> bool:
        if self.at_keyword(word):
            self.advance()
            return True
        return False

    def expect(self, operator: str, where: str) -> Token:
        if not self.at_operator(operator):
            self.fail(f"expected '{operator}' {where}, found {self.now.describe()}")
        return self.advance()

    def name(self, what: str) -> Token:
        if self.now.kind != "name" or self.at_keyword(*_RESERVED):
            self.fail(f"expected {what}, found {self.now.describe()}")
        return self.advance()

    # -- statements

    def program(self) -> Program:
        statements: list[Statement] = []
        while self.now.kind != "end":
            if not self.accept(";"):
                statements.append(self.statement())
                if self.now.kind != "end":
                    self.expect(";", "or '|' after a command")
        if not statements:
            self.fail("the search is empty: expected | from read_ssa_enriched_events() …")
        return Program(self.lexer.text, tuple(statements))

    def statement(self) -> Statement:
        at, binding = self.now.at, None
        if self.accept("$"):
            binding = str(self.name("a name after '$'").value)
            self.expect("=", f"after ${binding}")
        self.accept("|")
        commands = [self.command()]
        while self.accept("|"):
            commands.append(self.command())
        return Statement(binding, tuple(commands), at)

    def command(self) -> Command:
        token = self.name("a command (from, eval, where, into)")
        word = str(token.value).lower()
        if word == "from":
            if self.accept("$"):
                return From(str(self.name("a name after '$'").value), token.at)
            self.endpoint("from", SOURCE)
            return From(None, token.at)
        if word == "eval":
            return Eval(self.assignments(), token.at)
        if word == "where":
            return Where(self.whole_expression(), token.at)
        if word == "into":
            self.endpoint("into", SINK)
            return Into(token.at)
        if word in _OTHER_COMMANDS:
            self.fail(f"the command '{word}' is not supported: only from, eval, where and into are", token.at)
        self.fail(f"unknown command '{token.value}': expected from, eval, where or into", token.at)
        return None

    def endpoint(self, command: str, function: str) -> None:
        at = self.now.at
        token = self.name(f"{function}() after '{command}'")
        if token.value != function:
            self.fail(f"'{command}' knows only {function}(), found {token.describe()}", at)
        self.expect("(", f"after {function}")
        self.expect(")", f"after {function}(")

    def assignments(self) -> tuple[tuple[str, Expression], ...]:
        found: list[tuple[str, Expression]] = []
        while True:
            name = str(self.name("a column name").value)
            self.expect("=", f"after the column name {name}")
            found.append((name, self.whole_expression()))
            commas = 0
            while self.accept(","):
                commas += 1
            if not commas or self.at_operator("|", ";") or self.now.kind == "end":
                return tuple(found)

    # -- expressions, loosest first

    def whole_expression(self) -> Expression:
        """Parse an expression that stands in no other, and check how deep it is."""
        at = self.now.at
        found = self.expression()
        level, depth = [found], 0
        while level:
            level = [child for node in level for child in children(node)]
            depth += 1
        if depth > MAX_DEPTH:
            self.fail(f"the expression nests deeper than {MAX_DEPTH} levels", at)
        return found

    def expression(self) -> Expression:
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            self.fail(f"the expression nests deeper than {MAX_NESTING} levels")
        found = self.chain("or", lambda: self.chain("and", self.negation, And), Or)
        self.nesting -= 1
        return found

    def chain(self, word: str, operand: Callable[[], Expression], node: Callable[..., Expression]) -> Expression:
        at = self.now.at
        operands = [operand()]
        while self.accept_keyword(word):
            operands.append(operand())
        return operands[0] if len(operands) == 1 else node(tuple(operands), at)

    def negation(self) -> Expression:
        ats: list[int] = []
        while self.at_keyword("not"):
            ats.append(self.advance().at)
        found = self.comparison()
        for at in reversed(ats):
            found = Not(found, at)
        return found

    def comparison(self) -> Expression:
        left = self.sum()
        at = self.now.at
        if self.at_operator(*_COMPARISONS):
            operator = _COMPARISONS[str(self.advance().value)]
            return Comparison(operator, left, self.sum(), at)
        if self.accept_keyword("is"):
            negated = self.accept_keyword("not")
            if not self.accept_keyword("null"):
                self.fail(f"expected NULL or NOT NULL after IS, found {self.now.describe()}")
            return IsNull(left, negated, at)
        negated = self.at_keyword("not")
        if negated:
            self.advance()
        if self.accept_keyword("in"):
            self.expect("(", "after IN")
            return In(left, self.items(")", "an option of IN"), negated, at)
        if self.accept_keyword("like"):
            found: Expression = Call("like", (left, self.sum()), (), at)
            return Not(found, at) if negated else found
        if negated:
            self.fail(f"expected IN or LIKE after NOT, found {self.now.describe()}")
        return left

    def sum(self) -> Expression:
        return self.arithmetic(("+", "-"), lambda: self.arithmetic(("*", "/", "%"), self.unary))

    def arithmetic(self, operators: tuple[str, ...], operand: Callable[[], Expression]) -> Expression:
        at = self.now.at
        first = operand()
        rest: list[tuple[str, Expression]] = []
        while self.at_operator(*operators):
            operator = str(self.advance().value)
            rest.append((operator, operand()))
        return Arithmetic(first, tuple(rest), at) if rest else first

    def unary(self) -> Expression:
        ats: list[int] = []
        while self.at_operator("-", "+"):
            token = self.advance()
            if token.value == "-":
                ats.append(token.at)
        found = self.postfix()
        for at in reversed(ats):
            found = Negative(found, at)
        return found

    def postfix(self) -> Expression:
        found = self.primary()
        while self.at_operator(".", "["):
            at = self.now.at
            if self.accept("."):
                member = self.name("a name after '.'")
                found = Access(found, Literal(str(member.value), member.at), at)
            else:
                self.advance()
                key = self.expression()
                self.expect("]", "after the item")
                found = Access(found, key, at)
        return found

    def primary(self) -> Expression:
        token = self.now
        if token.kind in ("string", "number"):
            return Literal(self.advance().value, token.at)
        if self.at_operator("/"):
            self.now = self.lexer.regex(token.at)
            return Regex(str(self.advance().value), token.at)
        if self.accept("("):
            found = self.expression()
            self.expect(")", "to close the parenthesis")
            return found
        if self.accept("["):
            return ListOf(self.items("]", "a list item"), token.at)
        if self.accept("{"):
            return self.map_literal(token.at)
        word = str(self.name("a value").value)
        if self.accept("("):
            return self.call(word, token.at)
        if word.lower() in _CONSTANTS:
            return Literal(_CONSTANTS[word.lower()], token.at)
        return Name(word, token.at)

    def items(self, closing: str, what: str) -> tuple[Expression, ...]:
        found: list[Expression] = []
        while not self.accept(closing):
            found.append(self.expression())
            if not self.at_operator(closing):
                self.expect(",", f"or '{closing}' after {what}")
        return tuple(found)

    def map_literal(self, at: int) -> Expression:
        found: list[tuple[str, Expression]] = []
        while not self.accept("}"):
            key = self.advance() if self.now.kind == "string" else self.name("a map key")
            self.expect(":", "after the map key")
            found.append((str(key.value), self.expression()))
            if not self.at_operator("}"):
                self.expect(",", "or '}' after a map entry")
        return MapOf(tuple(found), at)

    def call(self, function: str, at: int) -> Expression:
        arguments: list[Expression] = []
        named: list[tuple[str, Expression]] = []
        while not self.accept(")"):
            value_at, value = self.now.at, self.expression()
            if isinstance(value, Name) and self.accept(":"):
                named.append((value.name, self.expression()))
            elif named:
                self.fail("an argument without a name cannot follow one with a name", value_at)
            else:
                arguments.append(value)
            if not self.at_operator(")"):
                self.expect(",", f"or ')' after an argument of {function}")
        return Call(function, tuple(arguments), tuple(named), at)
