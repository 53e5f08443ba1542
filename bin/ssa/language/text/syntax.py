"""The syntax tree of the SSA dialect. Every node knows the offset `at` of its text, for messages."""

from __future__ import annotations

from collections.abc import Iterator

from ssa.checking import TYPE_CHECKING
from ssa.immutable import Immutable

if TYPE_CHECKING:
    from typing import NoReturn, TypeAlias  # novm: for the type checker alone


LIKE = "like"
"""The function that the operator LIKE calls, and in any case the word for it."""


class Literal(Immutable):
    """A string, long, double, boolean or null."""

    value: str | int | float | bool | None
    at: int


class Regex(Immutable):
    """A regex literal /…/, as it was written."""

    pattern: str
    at: int


class Name(Immutable):
    """A column of the record."""

    name: str
    at: int


class Call(Immutable):
    """A function call; `named` holds the arguments given as `name: value`."""

    function: str
    arguments: tuple[Expression, ...]
    named: tuple[tuple[str, Expression], ...]
    at: int


class Access(Immutable):
    """A member of a map (`target.name`, `target["name"]`) or an item of a list (`target[0]`)."""

    target: Expression
    key: Expression
    at: int


class ListOf(Immutable):
    """A list literal."""

    items: tuple[Expression, ...]
    at: int


class MapOf(Immutable):
    """A map literal."""

    items: tuple[tuple[str, Expression], ...]
    at: int


class Negative(Immutable):
    """Unary minus."""

    operand: Expression
    at: int


class Arithmetic(Immutable):
    """A chain of operators of one precedence, left to right: first, then (operator, operand)."""

    first: Expression
    rest: tuple[tuple[str, Expression], ...]
    at: int


class Comparison(Immutable):
    """`=`, `!=`, `<`, `<=`, `>`, `>=` (`==` and `<>` are read as the first two)."""

    operator: str
    left: Expression
    right: Expression
    at: int


class IsNull(Immutable):
    """`x IS NULL`, or negated `x IS NOT NULL`."""

    operand: Expression
    negated: bool
    at: int


class In(Immutable):
    """`x IN (a, b)`: equal to an option, or a member of an option that is a list."""

    operand: Expression
    options: tuple[Expression, ...]
    negated: bool
    at: int


class Not(Immutable):
    """Logical NOT."""

    operand: Expression
    at: int


class And(Immutable):
    """Two or more conditions that all hold."""

    operands: tuple[Expression, ...]
    at: int


class Or(Immutable):
    """Two or more conditions of which one holds."""

    operands: tuple[Expression, ...]
    at: int


Expression: TypeAlias = (
    "Literal | Regex | Name | Call | Access | ListOf | MapOf | Negative | Arithmetic | Comparison | IsNull | In | Not"
    " | And | Or"
)


NODES = (
    Literal,
    Regex,
    Name,
    Call,
    Access,
    ListOf,
    MapOf,
    Negative,
    Arithmetic,
    Comparison,
    IsNull,
    In,
    Not,
    And,
    Or,
)

_NODES = frozenset(NODES)


def children(node: Expression) -> Iterator[Expression]:
    """Yield the expressions directly inside an expression."""
    for value in vars(node).values():
        if type(value) in _NODES:
            yield value
        elif type(value) is tuple:
            for item in value:
                part = item[-1] if type(item) is tuple else item  # (key, value) of a map, (operator, operand) of a sum
                if type(part) in _NODES:
                    yield part


def postorder(node: Expression) -> list[Expression]:
    """Return an expression and all inside it, each behind what is inside it (without recursion: it may be deep)."""
    nodes, waiting = [], [node]
    while waiting:
        nodes.append(waiting.pop())
        waiting.extend(children(nodes[-1]))
    return nodes[::-1]


class From(Immutable):
    """`from read_ssa_enriched_events()` (binding is None) or `from $name`."""

    binding: str | None
    at: int


class Eval(Immutable):
    """Assignments, left to right; later ones see earlier ones."""

    assignments: tuple[tuple[str, Expression], ...]
    at: int


class Where(Immutable):
    """Keeps a record only when the condition is TRUE."""

    condition: Expression
    at: int


class Select(Immutable):
    """Makes a record of the named values alone: each expression sees the record as it was before."""

    items: tuple[tuple[str, Expression], ...]
    at: int


class Rename(Immutable):
    """Gives columns new names, all at once: (old, new)."""

    pairs: tuple[tuple[str, str], ...]
    at: int


class Fields(Immutable):
    """Keeps the named columns alone, or (`remove`) drops them."""

    names: tuple[str, ...]
    remove: bool
    at: int


class Rex(Immutable):
    """Puts the named groups of a regex, found anywhere in a column, into columns of their names.

    `max_match` is how many matches to take; 1 gives strings, any other number lists, 0 means all.
    """

    field: str
    pattern: Literal | Regex
    max_match: int
    at: int


class UnionWith(Immutable):
    """`union $name`: the records of another pipeline too, each as it is there."""

    binding: str
    at: int


class Into(Immutable):
    """`into write_ssa_detected_events()`."""

    at: int


RecordCommand: TypeAlias = "Eval | Where | Select | Rename | Fields | Rex"
"""A command that works on one record at a time; the others link pipelines."""

Command: TypeAlias = "From | RecordCommand | UnionWith | Into"


def computed(command: Command) -> tuple[tuple[str, Expression], ...]:
    """Return the columns that a command computes, each with its expression."""
    if isinstance(command, Eval):
        return command.assignments
    if isinstance(command, Select):
        return command.items
    if isinstance(command, (From, Where, Rename, Fields, Rex, UnionWith, Into)):
        return ()
    return forgotten(command)


def expressions(command: Command) -> tuple[Expression, ...]:
    """Return the expressions that a command evaluates, in this order."""
    if isinstance(command, Where):
        return (command.condition,)
    return tuple(expression for _, expression in computed(command))


def forgotten(command: NoReturn) -> NoReturn:
    """End a choice by the class of a command, so that the type checker finds where a new class is forgotten."""
    raise TypeError(f"no case for the command {type(command).__name__}")


class Statement(Immutable):
    """A pipeline, possibly bound to `$name`."""

    binding: str | None
    commands: tuple[Command, ...]
    at: int


class Program(Immutable):
    """A whole detection text."""

    text: str
    statements: tuple[Statement, ...]
    mixed: tuple[int, ...] = ()
    """Where an AND stands next to an OR without parentheses: right by the grammar, and often not what was meant."""
