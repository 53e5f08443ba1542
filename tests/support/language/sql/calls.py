"""What a function of the SSA dialect is in SQL, and the table of them all. Adding a function is adding an entry.

An entry is a signature and SQL. The signature also tells the generator (programs.py) what to call the function with:
`string`, `long`, `double`, `boolean`, `number`; `any`; `T`, which stands for one type throughout the signature;
`list T` and `map T`; or a kind of value that the generator knows, such as `pattern`. `= …` is a default, `...` repeats.

For an entry that is SQL, an argument that is null or of another type gives null; a maker of SQL says so itself.
"""

import re
from dataclasses import dataclass

from .values import BOOLEAN, DOUBLE, LONG, STRING, Type, Value, is_number, lift, literal, null

MISSING = object()
"""The argument of a parameter that was left out and has no value instead."""

_DEFAULTS = {"null": None, "0": 0, "10": 10, "blanks": " \t"}
_BASES = {"double": DOUBLE, "boolean": BOOLEAN} | dict.fromkeys(("long", "precision"), LONG)
_PARAMETER = re.compile(r"(\w+): (\w+)( T)?(?: = (\w+))?(\.\.\.)?")

FUNCTIONS = {}


@dataclass(frozen=True)
class Parameter:
    """One parameter: its kind, whether it is a list or map of `T`s, its default ("" for none), whether it repeats."""

    name: str
    kind: str
    of: bool
    default: str
    repeats: bool


@dataclass(frozen=True)
class Function:
    """One entry: SQL with the names of its parameters in braces, or a function that puts the SQL together."""

    name: str
    parameters: tuple
    gives: str
    sql: object

    def apply(self, translation, given, named):
        """Return the value of a call with positional and named arguments."""
        arguments = self._in_order(given, named)
        if callable(self.sql):
            return self.sql(translation, *arguments)
        values = {
            parameter.name: _checked(translation, parameter, argument)
            for parameter, argument in zip(self.parameters, arguments, strict=True)
        }
        return strict(translation, self.sql, Type(self.gives), **values)

    def _in_order(self, given, named):
        if self.parameters[-1].repeats:
            return given
        known = dict(zip((parameter.name for parameter in self.parameters), given, strict=False)) | named
        defaults = {p.name: literal(_DEFAULTS[p.default]) for p in self.parameters if p.default in _DEFAULTS}
        return [known.get(parameter.name, defaults.get(parameter.name, MISSING)) for parameter in self.parameters]


def _checked(translation, parameter, value):
    if parameter.kind == "any":
        return value
    if parameter.kind == "number":
        return double(translation, value)
    return translation.narrowed(value, _BASES.get(parameter.kind, STRING))


def add(signature, sql):
    """Add an entry to the table."""
    name, parameters, gives = re.fullmatch(r"(\w+)\((.*)\) -> (.+)", signature).groups()
    found = tuple(
        Parameter(name, kind, bool(of), default, bool(repeats))
        for name, kind, of, default, repeats in _PARAMETER.findall(parameters)
    )
    FUNCTIONS[name] = Function(name, found, gives, sql)


def strict(translation, sql, type, **values):
    """Return SQL over values, which stand in braces; null if one of them is."""
    given = " AND ".join(f"{value.sql} IS NOT NULL" for value in values.values())
    inside = re.sub(r"\{(\w+)\}", lambda found: values[found[1]].sql, sql)
    return translation.put(f"CASE WHEN {given} THEN {inside} END", type, *values.values())


def lifted(translation, operation, *values):
    """Return an operation on single types (None gives null) for values that may be `any`."""
    found = lift(operation, *values)
    return translation.put(found.sql, found.type, *values)


def single(operation):
    """Return the SQL maker of a function of one argument that is an operation on single types."""
    return lambda translation, value: lifted(translation, operation, value)


def double(translation, value):
    """Return a number as a double, anything else as null."""
    found = lifted(translation, lambda x: Value(f"{x.sql}::DOUBLE", DOUBLE) if is_number(x.type) else None, value)
    return found if found.type == DOUBLE else null(DOUBLE)
