"""Syntax tree -> canonical SSA text, one command a line: what `explain` shows and what a tool writes.

The text reads back as the same tree. Parentheses stand only where the grammar needs them.
"""

from __future__ import annotations

import re
from typing import Callable

from .parser import CONSTANTS, RESERVED, SINK, SOURCE
from .syntax import (
    Access,
    And,
    Arithmetic,
    Call,
    Command,
    Comparison,
    Eval,
    Expression,
    Fields,
    From,
    In,
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
    Rename,
    Rex,
    Select,
    Statement,
    UnionWith,
    Where,
)

OR, AND, NOT, COMPARISON, SUM, PRODUCT, UNARY, POSTFIX = range(8)
"""How tightly an expression binds, loosest first: where a tighter one is needed, parentheses go around it."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def print_program(program: Program) -> str:
    """Return the canonical text of a program, as `parse` makes it."""
    return ";\n".join(map(_statement, program.statements)) + ";"


def print_expression(node: Expression, needed: int = OR) -> str:
    """Return the text of an expression; in parentheses where it binds looser than `needed`."""
    binds, text = _PRINTERS[type(node)](node)
    return text if binds >= needed else f"({text})"


def _statement(statement: Statement) -> str:
    binding = f"${statement.binding} = " if statement.binding is not None else ""
    return binding + "\n".join("| " + print_command(command) for command in statement.commands)


def print_command(command: Command) -> str:
    """Return the text of a command, without its pipe."""
    if isinstance(command, From):
        return f"from {SOURCE}()" if command.binding is None else f"from ${command.binding}"
    if isinstance(command, Eval):
        return "eval " + ", ".join(f"{name}={print_expression(value)}" for name, value in command.assignments)
    if isinstance(command, Where):
        return "where " + print_expression(command.condition)
    if isinstance(command, Select):
        return "select " + ", ".join(_selected(name, value) for name, value in command.items)
    if isinstance(command, Rename):
        return "rename " + ", ".join(f"{old} AS {new}" for old, new in command.pairs)
    if isinstance(command, Fields):
        return "fields " + ("- " if command.remove else "") + ", ".join(command.names)
    if isinstance(command, Rex):
        most = "" if command.max_match == 1 else f" max_match={command.max_match}"
        return f"rex field={command.field}{most} {print_expression(command.pattern)}"
    if isinstance(command, UnionWith):
        return f"union ${command.binding}"
    return f"into {SINK}()"


def _selected(name: str, value: Expression) -> str:
    text = print_expression(value)
    return text if isinstance(value, Name) and value.name == name else f"{text} AS {name}"


def _is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None and text.lower() not in RESERVED


def _quoted(text: str) -> str:
    return '"' + "".join(_ESCAPES.get(char, char) for char in text) + '"'


def _listed(items: tuple[Expression, ...]) -> str:
    return ", ".join(map(print_expression, items))


def _literal(node: Literal) -> tuple[int, str]:
    value = node.value
    if isinstance(value, str):
        return POSTFIX, _quoted(value)
    for word, constant in CONSTANTS.items():
        if value is constant:
            return POSTFIX, word
    # The smallest long is the one literal with a sign.
    return (UNARY if str(value).startswith("-") else POSTFIX), repr(value)


def _regex(node: Regex) -> tuple[int, str]:
    return POSTFIX, "/" + node.pattern.replace("/", "\\/") + "/"


def _call(node: Call) -> tuple[int, str]:
    named = [f"{name}: {print_expression(value)}" for name, value in node.named]
    return POSTFIX, f"{node.function}({', '.join([*map(print_expression, node.arguments), *named])})"


def _access(node: Access) -> tuple[int, str]:
    target, key = print_expression(node.target, POSTFIX), node.key
    if isinstance(key, Literal) and isinstance(key.value, str) and _is_name(key.value):
        return POSTFIX, f"{target}.{key.value}"
    return POSTFIX, f"{target}[{print_expression(key)}]"


def _map(node: MapOf) -> tuple[int, str]:
    entries = [f"{key if _is_name(key) else _quoted(key)}: {print_expression(value)}" for key, value in node.items]
    return POSTFIX, "{" + ", ".join(entries) + "}"


def _arithmetic(node: Arithmetic) -> tuple[int, str]:
    binds = SUM if node.rest[0][0] in "+-" else PRODUCT
    rest = [f" {operator} {print_expression(operand, binds + 1)}" for operator, operand in node.rest]
    return binds, print_expression(node.first, binds + 1) + "".join(rest)


def _comparison(node: Comparison) -> tuple[int, str]:
    left, right = print_expression(node.left, SUM), print_expression(node.right, SUM)
    return COMPARISON, f"{left} {node.operator} {right}"


def _is_null(node: IsNull) -> tuple[int, str]:
    return COMPARISON, f"{print_expression(node.operand, SUM)} IS {'NOT ' if node.negated else ''}NULL"


def _in(node: In) -> tuple[int, str]:
    operand = print_expression(node.operand, SUM)
    return COMPARISON, f"{operand} {'NOT ' if node.negated else ''}IN ({_listed(node.options)})"


_PRINTERS: dict[type, Callable[..., tuple[int, str]]] = {
    Literal: _literal,
    Regex: _regex,
    Name: lambda node: (POSTFIX, node.name),
    Call: _call,
    Access: _access,
    ListOf: lambda node: (POSTFIX, f"[{_listed(node.items)}]"),
    MapOf: _map,
    Negative: lambda node: (UNARY, "-" + print_expression(node.operand, UNARY)),
    Arithmetic: _arithmetic,
    Comparison: _comparison,
    IsNull: _is_null,
    In: _in,
    Not: lambda node: (NOT, "NOT " + print_expression(node.operand, NOT)),
    And: lambda node: (AND, " AND ".join(print_expression(operand, NOT) for operand in node.operands)),
    Or: lambda node: (OR, " OR ".join(print_expression(operand, AND) for operand in node.operands)),
}
"""For each kind of node: how tightly its text binds, and the text."""
