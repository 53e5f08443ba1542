"""The second opinion on the grammar: grammar.lark, read by Lark, makes the same syntax tree as the parser, or refuses.

What the parser refuses beyond a grammar's reach is written here a second time too: numbers that a long or a double
cannot hold, the two limits of nesting, what has no name or a wrong one, and the options of `rex`.
"""

import re
from pathlib import Path

import lark

from ssa.language.text import syntax
from ssa.language.text.syntax import children

LONGEST = 2**63 - 1
MAX_NESTING, MAX_DEPTH = 50, 150
AT = 0
"""This grammar has no opinion on places in the text."""


class RefusedError(Exception):
    """The text is not of the dialect."""


class _Trees(lark.Transformer):
    """Bottom up, from what grammar.lark names to the nodes of the syntax tree."""

    # -- statements

    def program(self, parts):
        before = parts[0].statements if isinstance(parts[0], syntax.Program) else ()
        return syntax.Program("", (*before, *(part for part in parts if isinstance(part, syntax.Statement))))

    def statement(self, parts):
        binding, commands = (parts[0], parts[1:]) if isinstance(parts[0], str) else (None, parts)
        return syntax.Statement(binding, tuple(commands), AT)

    def binding(self, parts):
        return str(parts[0])

    def from_source(self, parts):
        return syntax.From(None, AT)

    def from_binding(self, parts):
        return syntax.From(str(parts[1]), AT)

    def into(self, parts):
        return syntax.Into(AT)

    def eval(self, parts):
        return syntax.Eval(tuple(parts[1:]), AT)

    def where(self, parts):
        return syntax.Where(parts[1], AT)

    def select(self, parts):
        return syntax.Select(tuple(parts[1:]), AT)

    def rename(self, parts):
        return syntax.Rename(tuple(parts[1:]), AT)

    def fields(self, parts):
        signed = not isinstance(parts[1], lark.Token)
        return syntax.Fields(tuple(map(str, parts[1 + signed :])), signed and parts[1], AT)

    def sign(self, parts):
        return parts[0] == "-"

    def assignment(self, parts):
        return str(parts[0]), parts[1]

    def selected(self, parts):
        if len(parts) == 3:
            return str(parts[2]), parts[0]
        if not isinstance(parts[0], syntax.Name):
            raise RefusedError("a selected value without a name")
        return parts[0].name, parts[0]

    def renamed(self, parts):
        return str(parts[0]), str(parts[2])

    def union(self, parts):
        return syntax.UnionWith(str(parts[1]), AT)

    def rex(self, parts):
        options = dict(parts[1:])
        if len(options) < len(parts[1:]) or not {"field", "pattern"} <= options.keys():
            raise RefusedError("a rex with an option twice, or without field or pattern")
        return syntax.Rex(options["field"], options["pattern"], options.get("max_match", 1), AT)

    def rex_field(self, parts):
        return "field", str(parts[0])

    def rex_pattern(self, parts):
        return "pattern", self.string(parts) if parts[0].type == "STRING" else self.regex(parts)

    def rex_max_match(self, parts):
        return "max_match", self.parenthesis([self.whole(parts)]).value

    # -- operators

    def expression(self, parts):
        return syntax.Or(tuple(parts[::2]), AT)

    def conjunction(self, parts):
        return syntax.And(tuple(parts[::2]), AT)

    def negated(self, parts):
        return syntax.Not(parts[1], AT)

    def compared(self, parts):
        left, operator, right = parts
        return syntax.Comparison("!=" if operator == "<>" else str(operator), left, right, AT)

    def equals(self, parts):
        return syntax.Comparison("=", *parts, AT)

    def is_null(self, parts):
        return syntax.IsNull(parts[0], False, AT)

    def is_not_null(self, parts):
        return syntax.IsNull(parts[0], True, AT)

    def in_list(self, parts):
        return syntax.In(parts[0], tuple(parts[2:]), False, AT)

    def not_in_list(self, parts):
        return syntax.In(parts[0], tuple(parts[3:]), True, AT)

    def like(self, parts):
        return syntax.Call("like", (parts[0], parts[-1]), (), AT)

    def not_like(self, parts):
        return syntax.Not(self.like(parts), AT)

    def sum(self, parts):
        rest = zip(map(str, parts[1::2]), parts[2::2], strict=True)
        return syntax.Arithmetic(parts[0], tuple(rest), AT)

    product = sum

    def plus(self, parts):
        return parts[1]

    def minus(self, parts):
        operand = parts[1]
        if _is_too_large(operand):
            return syntax.Literal(-operand.value, AT)
        return syntax.Negative(operand, AT)

    def member(self, parts):
        return syntax.Access(parts[0], syntax.Literal(str(parts[1]), AT), AT)

    def item(self, parts):
        return syntax.Access(*parts, AT)

    # -- values

    def string(self, parts):
        known = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'"}
        value = re.sub(r"\\(.)", lambda escape: known.get(escape[1], escape[0]), parts[0][1:-1], flags=re.DOTALL)
        return syntax.Literal(value, AT)

    def whole(self, parts):
        digits = parts[0].lower().rstrip("l").lstrip("0") or "0"
        if len(digits) > 19 or int(digits) > LONGEST + 1:
            raise RefusedError("a number larger than a long")
        return syntax.Literal(int(digits), AT)

    def decimal(self, parts):
        value = float(parts[0].lower().rstrip("fd"))
        if value == float("inf"):
            raise RefusedError("a number larger than a double")
        return syntax.Literal(value, AT)

    def regex(self, parts):
        pattern = re.sub(r"\\(.)", lambda escape: "/" if escape[1] == "/" else escape[0], parts[0][1:-1])
        return syntax.Regex(pattern, AT)

    def null(self, parts):
        return syntax.Literal(None, AT)

    def true(self, parts):
        return syntax.Literal(True, AT)

    def false(self, parts):
        return syntax.Literal(False, AT)

    def column(self, parts):
        return syntax.Name(str(parts[0]), AT)

    def call(self, parts):
        word, *given = parts
        named = tuple(part for part in given if isinstance(part, tuple))
        return syntax.Call(word, tuple(part for part in given if not isinstance(part, tuple)), named, AT)

    def word(self, parts):
        return str(parts[0])

    def named(self, parts):
        if parts[0].lower() in ("null", "true", "false"):
            raise RefusedError("an argument with the name of a constant")
        return self.assignment(parts)

    def parenthesis(self, parts):
        if _is_too_large(parts[0]):
            raise RefusedError("a number larger than a long")
        return parts[0]

    def list(self, parts):
        return syntax.ListOf(tuple(parts), AT)

    def map(self, parts):
        return syntax.MapOf(tuple(parts), AT)

    def entry(self, parts):
        key, value = parts
        return self.string([key]).value if isinstance(key, lark.Token) else key, value


def _is_too_large(node):
    """Tell whether these are the digits of the smallest long, which are one only behind a minus."""
    return isinstance(node, syntax.Literal) and type(node.value) is int and node.value > LONGEST


def tree(text):
    """Return the syntax tree of a text (all places are 0), or raise RefusedError."""
    try:
        parse = LARK.parse_interactive(text)
        deepest = _deepest(parse.iter_parse())
        program = parse.feed_eof(parse.lexer_thread.state.last_token)
    except lark.exceptions.VisitError as error:
        raise error.orig_exc from error
    except lark.exceptions.LarkError as error:
        raise RefusedError(str(error)) from error
    if deepest > MAX_NESTING:
        raise RefusedError("parentheses too deep")
    _check(program)
    return program


def _deepest(tokens):
    """How many expressions stand inside one another: one, and one more for each bracket that holds something."""
    depth = deepest = 0
    for token in tokens:
        if token in ("(", "[", "{"):
            deepest, depth = max(deepest, depth), depth + 1
        elif token in (")", "]", "}"):
            depth -= 1
        else:
            deepest = max(deepest, depth)
    return deepest + 1


def _check(program):
    for statement in program.statements:
        for command in statement.commands:
            level = [
                part
                for items in (getattr(command, "assignments", ()), getattr(command, "items", ()))
                for _, part in items
            ]
            level += [command.condition] if isinstance(command, syntax.Where) else []
            depth = 0
            while level:
                if any(map(_is_too_large, level)):
                    raise RefusedError("a number larger than a long")
                level = [child for node in level for child in children(node)]
                depth += 1
            if depth > MAX_DEPTH:
                raise RefusedError("an expression too deep")


LARK = lark.Lark(
    (Path(__file__).parent / "grammar.lark").read_text(),
    parser="lalr",
    start="program",
    maybe_placeholders=False,
    transformer=_Trees(),
)


def productions():
    """Return every production of the grammar, as Lark expanded it."""
    return set(LARK.parser.parser.parser.callbacks)


def watch(used):
    """Add to the set `used` each production that a parse takes from now on."""
    callbacks = LARK.parser.parser.parser.callbacks
    for production, made in callbacks.items():

        def watched(parts, production=production, made=made):
            used.add(production)
            return made(parts)

        callbacks[production] = watched
