"""A rule's condition -> an expression of the SSA dialect.

Sigma has two truth values, the dialect three: what a missing field leaves open does not match, so that its negation is
true. Sigma ignores case, except in what is `cased` and in regular expressions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import singledispatchmethod
from typing import NamedTuple

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionItem,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.types import (
    CompareOperators,
    Placeholder,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaTimestampPart,
    SigmaType,
    SpecialChars,
)

from tools.content.importer.published import FOREIGN
from tools.content.sigma.mapping import Field, RuleMapping, Source
from tools.content.sigma.refusal import Refused

Part = str | SpecialChars | Placeholder
Node = ConditionItem | ConditionFieldEqualsValueExpression | ConditionValueExpression | None

MOST_TEXTS = 10_000
"""Texts that one value may stand for."""

OPERATORS = {CompareOperators.LT: "<", CompareOperators.LTE: "<=", CompareOperators.GT: ">", CompareOperators.GTE: ">="}

_ANY, _ONE = SpecialChars.WILDCARD_MULTI, SpecialChars.WILDCARD_SINGLE
_LIKE: dict[object, str] = {_ANY: "%", _ONE: "_"}
_REGEX: dict[object, str] = {_ANY: "*", _ONE: "?"}
_FROM_START = re.compile(r"(?:\(\?[a-z]+\))*(?:\^|\\A)")
_LAST_PART = re.compile(r"\\([^\\/]+)")


def quoted(text: str) -> str:
    """Write a text as a string of the dialect; raises Refused for what a conf cannot carry."""
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        text = text.replace(plain, escaped)
    foreign = FOREIGN.search(text)
    if foreign:
        raise Refused(f"a conf cannot carry the character {foreign.group()!r} of a value")
    return f'"{text}"'


def column(name: str) -> str:
    """Write the text of a column, null where the row has none."""
    return f'ucast(map_get(input_event, {quoted(name)}), "string", null)'


class _Equal(NamedTuple):
    """A variable equals a text, written as a string of the dialect: those of one variable become one IN."""

    variable: str
    text: str


class Writer:
    """Writes the conditions of one rule; `definitions` are the variables that they use, in the order of an eval."""

    def __init__(self, source: Source, mapping: RuleMapping) -> None:
        self._source, self._mapping = source, mapping
        self._raw: dict[str, str] = {}
        self._lower: dict[str, str] = {}

    @property
    def definitions(self) -> str:
        """The variables, as an eval defines them."""
        return ", ".join(f"{name}={value}" for name, value in {**self._raw, **self._lower}.items())

    def write(self, nodes: Iterable[Node]) -> str:
        """Write conditions, of which one must hold; raises Refused."""
        return _any_of(term for node in nodes for term in self._terms(node))

    # Logic

    def _terms(self, node: Node) -> list[str | _Equal]:
        """Write a condition as terms, of which one must hold."""
        if isinstance(node, ConditionOR):
            return [term for inner in node.args for term in self._terms(inner)]
        if isinstance(node, ConditionAND):
            return [_joined("AND", [self.write([inner]) for inner in node.args])]
        if isinstance(node, ConditionNOT):
            return [f"NOT coalesce({self.write(node.args)}, false)"]
        if isinstance(node, ConditionFieldEqualsValueExpression):
            return self._value(node.value, node.field)
        if isinstance(node, ConditionValueExpression):
            return self._keyword(node.value)
        raise Refused("its condition is empty")

    def _keyword(self, value: SigmaType) -> list[str | _Equal]:
        """Write what is looked for in the whole event: a text stands anywhere in it."""
        if isinstance(value, SigmaExpansion):
            return [term for one in value.values for term in self._keyword(one)]
        if isinstance(value, (SigmaNumber, SigmaBool)):
            value = SigmaString(str(value))
        if isinstance(value, SigmaString):
            value = _between_wildcards(value)
        elif not isinstance(value, SigmaRegularExpression):
            raise Refused(f"a keyword is a text, a number or a regular expression, not {type(value).__name__}")
        return self._value(value, None)

    # Values

    @singledispatchmethod
    def _value(self, value: SigmaType, name: str | None) -> list[str | _Equal]:
        """Write that a field (None: the whole event) has a value, as terms of which one must hold."""
        raise Refused(f"the dialect has nothing for {type(value).__name__}")

    @_value.register
    def _(self, value: SigmaString, name: str | None) -> list[str | _Equal]:
        return [self._text(parts, name, isinstance(value, SigmaCasedString)) for parts in self._expanded(value)]

    @_value.register
    def _(self, value: SigmaExpansion, name: str | None) -> list[str | _Equal]:
        return [term for one in value.values for term in self._value(one, name)]

    @_value.register
    def _(self, value: SigmaNumber, name: str | None) -> list[str | _Equal]:
        return [_Equal(self.raw(name), quoted(str(value)))]

    @_value.register
    def _(self, value: SigmaTimestampPart, name: str | None) -> list[str | _Equal]:
        part = value.timestamp_part.name.lower()
        raise Refused(f"the modifier {part} reads a time, of which the specification fixes neither form nor zone")

    @_value.register
    def _(self, value: SigmaBool, name: str | None) -> list[str | _Equal]:
        return [_Equal(self.lower(name), quoted(str(value).lower()))]

    @_value.register
    def _(self, value: SigmaNull, name: str | None) -> list[str | _Equal]:
        return [f"{self.raw(name)} IS NULL"]

    @_value.register
    def _(self, value: SigmaExists, name: str | None) -> list[str | _Equal]:
        return [f"{self.raw(name)} IS {'NOT ' * value.exists}NULL"]

    @_value.register
    def _(self, value: SigmaRegularExpression, name: str | None) -> list[str | _Equal]:
        # d: only \n ends a line, as in the regular expressions of the specification (PCRE), not what Java takes for it.
        flags = "d" + "".join(sorted(value.sigma_to_re_flag[flag] for flag in value.flags))
        pattern = "".join(
            f"(?:{'|'.join(re.escape(str(one.to_plain_regex())) for one in self._mapping.values_of(part.name))})"
            if isinstance(part, Placeholder)
            else part if isinstance(part, str) else _REGEX[part]
            for part in value.regexp.s
        )  # fmt: skip
        text = self.raw(name, bool(_FROM_START.match(pattern)))
        return [f"match_regex({text}, {quoted(f'(?{flags}){pattern}')})"]

    @_value.register
    def _(self, value: SigmaCIDRExpression, name: str | None) -> list[str | _Equal]:
        return [f"cidrmatch({quoted(value.cidr)}, {self.raw(name)})"]

    @_value.register
    def _(self, value: SigmaCompareExpression, name: str | None) -> list[str | _Equal]:
        return [f"parse_double({self.raw(name)}) {OPERATORS[value.op]} {value.number}"]

    @_value.register
    def _(self, value: SigmaFieldReference, name: str | None) -> list[str | _Equal]:
        ours, other = self.lower(name), self.lower(value.field)
        if value.starts_with and value.ends_with:
            return [f"mvcount(split({ours}, {other})) > 1"]
        if value.starts_with:
            return [f"substr({ours}, 1, len({other})) = {other}"]
        if value.ends_with:
            return [f"substr({ours}, -len({other})) = {other}"]
        return [f"{ours} = {other}"]

    def _text(self, parts: list[Part], name: str | None, cased: bool) -> str | _Equal:
        """Write that a field is a text: without wildcards, or with."""
        if not any(parts):
            return f"{self.raw(name)} IS NULL"  # a row of Splunk has no empty value
        if set(parts) == {_ANY}:
            return f"{self.raw(name)} IS NOT NULL"
        fold: Callable[[str], str] = str if cased else str.lower
        whole = parts[0] is not _ANY
        variable = self.raw(name, whole) if cased else self.lower(name, whole)
        if all(isinstance(part, str) for part in parts):
            return _Equal(variable, quoted(fold("".join(map(str, parts)))))
        if not cased and name and name in self._source.names and len(parts) == 2 and parts[0] is _ANY:
            last_part = _LAST_PART.fullmatch(str(parts[1]))
            if last_part:
                last = self._lowered(self._variable(Field((self._source.names[name],))))
                return _Equal(last, quoted(fold(last_part[1])))
        like = (re.sub(r"[%_\\]", r"\\\g<0>", fold(part)) if isinstance(part, str) else _LIKE[part] for part in parts)
        return f"like({variable}, {quoted(''.join(like))})"

    def _expanded(self, value: SigmaString) -> list[list[Part]]:
        """Return the texts that a value stands for, each as its parts; raises Refused for an unknown placeholder."""
        texts: list[list[Part]] = [[]]
        for part in value.s:
            if isinstance(part, Placeholder):
                given = [one.s for one in self._mapping.values_of(part.name)]
                if len(texts) * len(given) > MOST_TEXTS:
                    raise Refused(f"its placeholders stand for more than {MOST_TEXTS:,} texts in one value")
                texts = [_merged([*text, *more]) for text in texts for more in given]
            else:
                texts = [_merged([*text, part]) for text in texts]
        return texts

    # Variables

    def raw(self, name: str | None, whole: bool = False) -> str:
        """Return the variable of a field's text (None: of the whole event), as the row has it.

        `whole`: it is compared from its start.
        """
        field = Field((self._source.event,)) if name is None else self._source.field(name)
        return self._variable(replace(field, columns=field.whole or field.columns) if whole else field)

    def lower(self, name: str | None, whole: bool = False) -> str:
        """Return the variable of a field's text in lower case."""
        return self._lowered(self.raw(name, whole))

    def _lowered(self, raw: str) -> str:
        self._lower[f"lower_{raw}"] = f"lower({raw})"
        return f"lower_{raw}"

    def _variable(self, field: Field) -> str:
        """Return the variable of what is read from a row, named for its first column."""
        definition = _definition(field)
        plain = name = "of_" + re.sub(r"\W", "_", field.columns[0], flags=re.ASCII)
        while self._raw.setdefault(name, definition) != definition:
            name = f"{plain}_{len(self._raw)}"
        return name


def _definition(field: Field) -> str:
    """Write how a field is read from a row."""
    text = _first_of(field.columns)
    if field.values:
        cases = ", ".join(f"{text}={quoted(one)}, {quoted(other)}" for one, other in field.values.items())
        text = f"coalesce(case({cases}), {text})"
    if field.domain:
        with_domain = f'concat({_first_of(field.domain)}, "\\\\", {text})'
        text = f'coalesce(if(like({text}, "%\\\\\\\\%"), null, {with_domain}), {text})'
    return text


def _first_of(columns: tuple[str, ...]) -> str:
    return column(columns[0]) if len(columns) == 1 else f"coalesce({', '.join(map(column, columns))})"


def _between_wildcards(value: SigmaString) -> SigmaString:
    wide = type(value)()
    wide.s = [_ANY, *value.s, _ANY]
    return wide


def _merged(parts: Iterable[Part]) -> list[Part]:
    """Join texts that follow one another, and wildcards for any run of characters."""
    merged: list[Part] = []
    for part in parts:
        last = merged[-1] if merged else None
        if isinstance(part, str) and isinstance(last, str):
            merged[-1] = last + part
        elif not (part is _ANY and last is _ANY):
            merged.append(part)
    return merged


def _any_of(terms: Iterable[str | _Equal]) -> str:
    """Write that one of some terms holds. What one variable equals becomes one IN, which is looked up in a table."""
    texts: dict[str, dict[str, None]] = {}
    for term in terms:
        if isinstance(term, _Equal):
            texts.setdefault(term.variable, {})[term.text] = None
        else:
            texts.setdefault(term, {})
    return _joined("OR", [_equals(key, [*values]) if values else key for key, values in texts.items()])


def _equals(variable: str, values: list[str]) -> str:
    return f"{variable} = {values[0]}" if len(values) == 1 else f"{variable} IN ({', '.join(values)})"


def _joined(word: str, texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else f"({f' {word} '.join(texts)})"


def can_be(node: Node, fields: frozenset[str]) -> set[bool]:
    """Return which truth values a condition can have for events that have these fields, and no others."""
    if isinstance(node, (ConditionAND, ConditionOR)):
        values = {isinstance(node, ConditionAND)}
        for inner in node.args:
            now = can_be(inner, fields)
            values = {(a and b) if isinstance(node, ConditionAND) else (a or b) for a in values for b in now}
        return values
    if isinstance(node, ConditionNOT):
        return {not value for value in can_be(node.args[0], fields)}
    if isinstance(node, ConditionFieldEqualsValueExpression) and node.field not in fields:
        absent = isinstance(node.value, SigmaNull) or (isinstance(node.value, SigmaExists) and not node.value.exists)
        return {absent or (isinstance(node.value, SigmaString) and not any(node.value.s))}
    return {True, False}
