"""A Sigma rule -> what others run: a function of Python, and conditions of SQLite and DuckDB.

They read the columns that the rows have, CIM's; a field without one is null. What one of them cannot say raises Unsaid,
and the rule is left out for all.
"""

from __future__ import annotations

import re
from typing import Any

from sigma.conditions import ConditionAND, ConditionFieldEqualsValueExpression, ConditionNOT, ConditionOR
from sigma.rule import SigmaRule
from sigma.types import (
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SpecialChars,
)

from tools.bench.rules.rows import COLUMNS
from tools.content.sigma.mapping import RuleMapping

ANY, ONE = SpecialChars.WILDCARD_MULTI, SpecialChars.WILDCARD_SINGLE
NULL = "null"
REGEX: dict[Any, str] = {ANY: ".*", ONE: "."}
LIKE: dict[Any, str] = {ANY: "%", ONE: "_"}


class Unsaid(Exception):  # noqa: N818 - it is an answer, not a failure
    """A rule that cannot be said."""


class Writer:
    """Writes a condition; subclasses say how a test of a column is written."""

    def __init__(self) -> None:
        self._source = RuleMapping().sources[0]

    def rule(self, document: dict[str, Any]) -> str:
        """Write the condition of a rule; raises Unsaid."""
        return self._either(
            [self._node(one.parsed) for one in SigmaRule.from_dict(document).detection.parsed_condition]
        )

    def _node(self, node: Any) -> str:
        """Write a part of a condition."""
        if isinstance(node, ConditionOR):
            return self._either([self._node(inner) for inner in node.args])
        if isinstance(node, ConditionAND):
            return f"({' and '.join(self._node(inner) for inner in node.args)})"
        if isinstance(node, ConditionNOT):
            return self._no(self._node(node.args[0]))
        if isinstance(node, ConditionFieldEqualsValueExpression):
            column = self._source.field(node.field).columns[0]
            return self._value(column if column in COLUMNS else NULL, node.value)
        raise Unsaid("a keyword")

    def _value(self, column: str, value: Any) -> str:
        """Write that a column has a value."""
        if isinstance(value, SigmaExpansion):
            return self._either([self._value(column, one) for one in value.values])
        if isinstance(value, SigmaNull) or (isinstance(value, SigmaString) and not any(value.s)):
            return self._missing(column)
        if isinstance(value, SigmaNumber):
            value = SigmaString(str(value))
        if type(value) is SigmaString:
            return self._text(column, tuple(value.s))
        if isinstance(value, SigmaRegularExpression):
            flags = "".join(sorted(value.sigma_to_re_flag[flag] for flag in value.flags))
            return self._regex(column, f"(?{flags}){value.regexp}" if flags else str(value.regexp))
        if isinstance(value, SigmaFieldReference) and not (value.starts_with or value.ends_with):
            return self._equal_columns(column, self._source.field(value.field).columns[0])
        raise Unsaid(type(value).__name__)

    def _either(self, texts: list[str]) -> str:
        """Write that one holds, as a tree that is as flat as can be: SQLite takes one of a thousand levels at most."""
        if len(texts) == 1:
            return texts[0]
        half = len(texts) // 2
        return f"({self._either(texts[:half])} or {self._either(texts[half:])})"

    def _no(self, text: str) -> str:
        """Write that a condition does not hold."""
        raise NotImplementedError

    def _missing(self, column: str) -> str:
        """Write that a column has no value."""
        raise NotImplementedError

    def _regex(self, column: str, pattern: str) -> str:
        """Write that a regular expression is found in a column."""
        raise NotImplementedError

    def _equal_columns(self, column: str, other: str) -> str:
        """Write that two columns have one value, in any case."""
        raise NotImplementedError

    def _text(self, column: str, parts: tuple[Any, ...]) -> str:
        """Write that a column is a text with wildcards, in any case."""
        raise NotImplementedError


class Python(Writer):
    """Writes an expression over the lower-case texts of a row, each a variable; `raw` has them as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.patterns: list[str] = []

    def _either(self, texts: list[str]) -> str:
        return texts[0] if len(texts) == 1 else f"({' or '.join(texts)})"

    def _no(self, text: str) -> str:
        return f"not {text}"

    def _missing(self, column: str) -> str:
        return f"not {column}"

    def _regex(self, column: str, pattern: str) -> str:
        self.patterns.append(pattern)
        return f"({column} and patterns[{len(self.patterns) - 1}](raw[{column!r}]))"

    def _equal_columns(self, column: str, other: str) -> str:
        return f"({column} and {column} == {other})"

    def _text(self, column: str, parts: tuple[Any, ...]) -> str:
        how = [part for part in parts if isinstance(part, str)]
        if len(how) == 1 and len(parts) < 4 and ONE not in parts:
            word, at = repr(how[0].lower()), parts.index(how[0])
            before, after = at == 1, at < len(parts) - 1
            if before and after:
                return f"{word} in {column}"
            return (
                f"{column}.{'endswith' if before else 'startswith'}({word})"
                if before or after
                else f"{column} == {word}"
            )
        if set(parts) == {ANY}:
            return f"bool({column})"
        pattern = "".join(REGEX[part] if part in REGEX else re.escape(part.lower()) for part in parts)
        self.patterns.append(rf"(?s)\A{pattern}\Z")
        return f"patterns[{len(self.patterns) - 1}]({column})"


class Sql(Writer):
    """Writes a condition of SQLite, or of DuckDB with ILIKE or over columns in lower case."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def _no(self, text: str) -> str:
        return f"not coalesce({text}, false)"

    def _missing(self, column: str) -> str:
        return f"{column} is null"

    def _regex(self, column: str, pattern: str) -> str:
        if re.search(r"\(\?[=!<]|\\[1-9]", pattern):
            raise Unsaid("a look-around")
        column = NULL if column == NULL else f"raw_{column}" if self.kind == "lower" else column
        if self.kind == "sqlite":
            return f"{column} regexp {literal(pattern)}"
        return f"regexp_matches({column}::varchar, {literal(pattern)})"

    def _equal_columns(self, column: str, other: str) -> str:
        return f"lower({column}) = lower({other})"

    def _text(self, column: str, parts: tuple[Any, ...]) -> str:
        folded = tuple(part.lower() if isinstance(part, str) else part for part in parts)
        if all(isinstance(part, str) for part in folded):
            word = literal("".join(folded))
            if self.kind == "sqlite":
                return f"{column} = {word} collate nocase"
            return f"{column} = {word}" if self.kind == "lower" else f"lower({column}) = {word}"
        escape = next(char for char in "~^!#" if all(char not in part for part in folded if isinstance(part, str)))
        pattern = "".join(
            LIKE[part] if part in LIKE else re.sub("[%_]", lambda found: escape + found[0], part) for part in folded
        )
        clause = f" escape '{escape}'" if escape in pattern else ""  # without it, DuckDB knows faster ways
        return f"{column} {'ilike' if self.kind == 'ilike' else 'like'} {literal(pattern)}{clause}"


def literal(text: str) -> str:
    """Write a text in SQL."""
    if "\0" in text:
        raise Unsaid("a null character")
    return "'" + text.replace("'", "''") + "'"


def module(rules: dict[str, str], patterns: list[str]) -> str:
    """Write a module with the rules as functions: conditions by name."""
    signature = ", ".join(COLUMNS)
    functions = "".join(
        f"def rule_{number}(raw, {signature}, null=''):\n    return {text}\n"
        for number, text in enumerate(rules.values())
    )
    names = ", ".join(f"({name!r}, rule_{number})" for number, name in enumerate(rules))
    return (
        f"import re\nCOLUMNS = {COLUMNS!r}\npatterns = [re.compile(p, re.A).search for p in {patterns!r}]\n"
        f"{functions}RULES = [{names}]\n"
    )
