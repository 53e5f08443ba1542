"""Syntax tree -> canonical SSA text of a command or an expression, as `explain` and the warnings show it.

The text reads back as the same tree. Parentheses stand only where the grammar needs them.
"""

from __future__ import annotations

import re
from typing import Callable

from . import syntax
from .parser import CONSTANTS, SINK, SOURCE
from .tokens import RESERVED

OR, AND, NOT, COMPARISON, SUM, PRODUCT, UNARY, POSTFIX = range(8)
"""How tightly an expression binds, loosest first: where a tighter one is needed, parentheses go around it."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def print_expression(node: syntax.Expression, needed: int = OR) -> str:
    """Return the text of an expression; in parentheses where it binds looser than `needed`."""
    binds, text = _PRINTERS[type(node)](node)
    return text if binds >= needed else f"({text})"


def print_command(command: syntax.Command) -> str:
    """Return the text of a command, without its pipe."""
    if isinstance(command, syntax.From):
        return f"from {SOURCE}()" if command.binding is None else f"from ${command.binding}"
    if isinstance(command, syntax.Eval):
        return "eval " + ", ".join(f"{name}={print_expression(value)}" for name, value in command.assignments)
    if isinstance(command, syntax.Where):
        return "where " + print_expression(command.condition)
    if isinstance(command, syntax.Select):
        return "select " + ", ".join(_selected(name, value) for name, value in command.items)
    if isinstance(command, syntax.Rename):
        return "rename " + ", ".join(f"{old} AS {new}" for old, new in command.pairs)
    if isinstance(command, syntax.Fields):
        return "fields " + ("- " if command.remove else "") + ", ".join(command.names)
    if isinstance(command, syntax.Rex):
        most = "" if command.max_match == 1 else f" max_match={command.max_match}"
        return f"rex field={command.field}{most} {print_expression(command.pattern)}"
    if isinstance(command, syntax.UnionWith):
        return f"union ${command.binding}"
    if isinstance(command, syntax.Into):
        return f"into {SINK}()"
    return syntax.forgotten(command)


def _selected(name: str, value: syntax.Expression) -> str:
    text = print_expression(value)
    return text if isinstance(value, syntax.Name) and value.name == name else f"{text} AS {name}"


def _is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None and text.lower() not in RESERVED


def _quoted(text: str) -> str:
    return '"' + "".join(_ESCAPES.get(char, char) for char in text) + '"'


def _listed(items: tuple[syntax.Expression, ...]) -> str:
    return ", ".join(map(print_expression, items))


def _literal(node: syntax.Literal) -> tuple[int, str]:
    value = node.value
    if isinstance(value, str):
        return POSTFIX, _quoted(value)
    for word, constant in CONSTANTS.items():
        if value is constant:
            return POSTFIX, word
    # The smallest long is the one literal with a sign.
    return (UNARY if str(value).startswith("-") else POSTFIX), repr(value)


def _regex(node: syntax.Regex) -> tuple[int, str]:
    return POSTFIX, "/" + node.pattern.replace("/", "\\/") + "/"


def _call(node: syntax.Call) -> tuple[int, str]:
    named = [f"{name}: {print_expression(value)}" for name, value in node.named]
    return POSTFIX, f"{node.function}({', '.join([*map(print_expression, node.arguments), *named])})"


def _access(node: syntax.Access) -> tuple[int, str]:
    target, key = print_expression(node.target, POSTFIX), node.key
    if isinstance(key, syntax.Literal) and isinstance(key.value, str) and _is_name(key.value):
        return POSTFIX, f"{target}.{key.value}"
    return POSTFIX, f"{target}[{print_expression(key)}]"


def _map(node: syntax.MapOf) -> tuple[int, str]:
    entries = [f"{key if _is_name(key) else _quoted(key)}: {print_expression(value)}" for key, value in node.items]
    return POSTFIX, "{" + ", ".join(entries) + "}"


def _arithmetic(node: syntax.Arithmetic) -> tuple[int, str]:
    binds = SUM if node.rest[0][0] in "+-" else PRODUCT
    rest = [f" {operator} {print_expression(operand, binds + 1)}" for operator, operand in node.rest]
    return binds, print_expression(node.first, binds + 1) + "".join(rest)


def _comparison(node: syntax.Comparison) -> tuple[int, str]:
    left, right = print_expression(node.left, SUM), print_expression(node.right, SUM)
    return COMPARISON, f"{left} {node.operator} {right}"


def _is_null(node: syntax.IsNull) -> tuple[int, str]:
    return COMPARISON, f"{print_expression(node.operand, SUM)} IS {'NOT ' if node.negated else ''}NULL"


def _in(node: syntax.In) -> tuple[int, str]:
    operand = print_expression(node.operand, SUM)
    return COMPARISON, f"{operand} {'NOT ' if node.negated else ''}IN ({_listed(node.options)})"


_PRINTERS: dict[type, Callable[..., tuple[int, str]]] = {
    syntax.Literal: _literal,
    syntax.Regex: _regex,
    syntax.Name: lambda node: (POSTFIX, node.name),
    syntax.Call: _call,
    syntax.Access: _access,
    syntax.ListOf: lambda node: (POSTFIX, f"[{_listed(node.items)}]"),
    syntax.MapOf: _map,
    syntax.Negative: lambda node: (UNARY, "-" + print_expression(node.operand, UNARY)),
    syntax.Arithmetic: _arithmetic,
    syntax.Comparison: _comparison,
    syntax.IsNull: _is_null,
    syntax.In: _in,
    syntax.Not: lambda node: (NOT, "NOT " + print_expression(node.operand, NOT)),
    syntax.And: lambda node: (AND, " AND ".join(print_expression(operand, NOT) for operand in node.operands)),
    syntax.Or: lambda node: (OR, " OR ".join(print_expression(operand, AND) for operand in node.operands)),
}
"""For each kind of node: how tightly its text binds, and the text."""
