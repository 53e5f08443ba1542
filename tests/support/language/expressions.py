"""Random expressions of the SSA dialect, each made for a wanted type.

Some operands are of another type all the same, because what such a thing gives is a rule too. A function needs no word
here: its signature in the table of tests/language/sql says what it is called with. Texts and numbers come from
small stocks (stocks.toml) that the events draw from too, so that conditions are often true.
"""

import tomllib
from pathlib import Path

from ssa.language.text import syntax

from .sql import FUNCTIONS
from .sql.translation import type_of
from .sql.values import (
    ANY,
    BOOLEAN,
    DOUBLE,
    LONG,
    NULL,
    SCALARS,
    STRING,
    UntranslatableError,
    is_list,
    is_map,
    item_type,
    listed,
    mapped,
)

AT = 0

_TABLES = tomllib.loads((Path(__file__).parent / "stocks.toml").read_text())
FIELDS = _TABLES["fields"]
"""The fields of an event and what they hold; one of them is no name."""

STOCKS = _TABLES["arguments"]
"""Kinds of argument -> what stands for one."""

STOCKS["pattern"] += STOCKS["groups"]
FIELD_OF = {"numeral": "n", "json": "packed data", "base64": "packed data", "url": "packed data", "address": "ip"}
"""Kinds of argument that a field of an event holds."""

STOCKS |= {kind: FIELDS[field] for kind, field in FIELD_OF.items()}
LONGS, DOUBLES = _TABLES["literals"]["long"], _TABLES["literals"]["double"]
MODELS = ("Endpoint_Processes", "Network_Traffic")

CONSTANT = ("pattern", "nonempty", "replacement")
"""Kinds that are always a literal: SQL must know them before the program runs."""

CHECKED = ("format", "range", "base", "precision")
"""Kinds whose constants are checked before a program runs: what is none comes from an event."""

TYPE_NAMES = {
    STRING: ("string",),
    LONG: ("long", "integer"),
    DOUBLE: ("double", "float"),
    BOOLEAN: ("boolean",),
    ANY: ("any", "number", "string", "long", "double", "boolean"),
}
_STRICT = {"string": (str,), "number": (int, float), "boolean": (bool,), "sized": (str,), "keys": (str,)}
"""Kinds for which a literal of another type is refused."""

WANTED = (STRING, LONG, DOUBLE, BOOLEAN, ANY, listed(STRING), listed(LONG), listed(ANY), mapped(STRING), mapped(ANY))
COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")


def _type_of_kind(text):
    """Return the type that a signature names, or None for `T` and the like."""
    names = {"string": STRING, "long": LONG, "double": DOUBLE, "boolean": BOOLEAN, "any": ANY}
    outer, _, inner = text.partition(" ")
    if inner in names:
        return (listed if outer == "list" else mapped)(names[inner])
    return names.get(text)


def constant(value):
    return syntax.Literal(value, AT)


class ExpressionMaker:
    """Makes the expressions of one program. The first choice is always the simplest, which is what shrinking needs."""

    def __init__(self, number):
        """Take `number(least, most)`, which chooses."""
        self.number = number
        self.columns = {}
        self.made = []

    def pick(self, choices):
        return choices[self.number(0, len(choices) - 1)]

    def chance(self, percent):
        return self.number(0, 99) >= 100 - percent

    # -- expressions

    def expression(self, want, depth):
        """Return an expression of a type; now and then of another one."""
        if depth <= 0 or (want.parts and want.parts[0] not in (*SCALARS, ANY)):
            return self.leaf(want)
        makers = [self.leaf, self.column, self.operation, self.call, self.call, self.call, self.again, self.access]
        found = self.pick(makers)(want, depth)
        self.made.append((want, found))
        return found

    def leaf(self, want, depth=0):
        if want == STRING:
            return self.field() if self.chance(60) else constant(self.text())
        if want == LONG:
            return self.parsed("parse_long") if self.chance(40) else constant(self.pick(LONGS))
        if want == DOUBLE:
            return self.parsed("parse_double") if self.chance(40) else constant(self.pick(DOUBLES))
        if want == BOOLEAN:
            return self.test() if self.chance(90) else syntax.Literal(self.pick((True, False, None)), AT)
        if want == ANY:
            return self.leaf(self.pick(SCALARS))
        if is_list(want):
            return syntax.ListOf(tuple(self.leaf(want.parts[0]) for _ in range(self.number(0, 3))), AT)
        if want == self.columns.get("input_event") and self.chance(50):
            return syntax.Name("input_event", AT)
        return self.entries(want.parts[0], 0)

    def text(self):
        return self.pick(FIELDS[self.pick(list(FIELDS))])

    def field(self, name=None):
        """Return a field of the event, in one of the ways to write it."""
        key = syntax.Literal(name or self.pick(list(FIELDS)), AT)
        event = syntax.Name("input_event", AT)
        if self.chance(50):
            return syntax.Access(event, key, AT)
        found = syntax.Call("map_get", (event, key), (), AT)
        if self.chance(50):
            return found
        return syntax.Call("ucast", (found, constant("string"), constant(None)), (), AT)

    def parsed(self, function):
        return syntax.Call(function, (self.field(self.pick(("n", "m", "_time"))),), (), AT)

    def test(self):
        """Return a condition on the event that is true for some events and false for others."""
        name = self.pick(list(FIELDS))
        held = constant(self.pick(FIELDS[name]))
        return self.pick(
            (
                lambda: syntax.Comparison(self.pick(COMPARISONS), self.field(name), held, AT),
                lambda: syntax.IsNull(self.field(name), self.chance(80), AT),
                lambda: syntax.Comparison(self.pick(("!=", "=")), self.field(name), constant(None), AT),
                lambda: syntax.In(constant(self.pick(MODELS)), (syntax.Name("_datamodels", AT),), self.chance(20), AT),
                lambda: syntax.Call("like", (self.field(), constant(self.pick(STOCKS["like"]))), (), AT),
            )
        )()

    def entries(self, want, depth):
        keys = [self.pick(STOCKS["key"]) for _ in range(self.number(0, 3))]
        return syntax.MapOf(tuple((key, self.expression(want, depth - 1)) for key in keys), AT)

    def column(self, want, depth):
        names = [name for name, held in self.columns.items() if _fits(held, want)]
        if names:
            return syntax.Name(self.pick(names), AT)
        return syntax.Name("never_assigned", AT) if self.chance(5) else self.leaf(want)

    def again(self, want, depth):
        """Return an expression that stands somewhere before: its columns may have changed since."""
        known = [node for made, node in self.made if made == want]
        found = self.pick(known) if known else self.leaf(want)
        try:
            return found if _fits(type_of(found, self.columns), want) else self.leaf(want)
        except UntranslatableError:
            return self.leaf(want)

    def access(self, want, depth):
        inner = depth - 1
        if self.chance(50):
            index = self.expression(LONG, 0) if self.chance(20) else constant(self.number(0, 3))
            return syntax.Access(self.expression(listed(want), inner), index, AT)
        key = self.expression(STRING, 0) if self.chance(20) else constant(self.pick(STOCKS["key"]))
        return syntax.Access(self.expression(mapped(want), inner), key, AT)

    def operation(self, want, depth):
        inner = depth - 1
        if want == BOOLEAN:
            return self.condition(inner)
        if want == STRING:
            return syntax.Arithmetic(self.operand(STRING, inner), (("+", self.operand(STRING, inner)),), AT)
        if want in (LONG, DOUBLE, ANY):
            return self.sum(want, inner)
        if is_list(want):
            items = self.number(0, 3)
            return syntax.ListOf(tuple(self.expression(want.parts[0], inner) for _ in range(items)), AT)
        return self.entries(want.parts[0], inner)

    def operand(self, want, depth):
        """Return an expression of a type, rarely of another scalar one, or a null."""
        if not self.chance(6):
            return self.expression(want, depth)
        return self.expression(self.pick(SCALARS), 0) if self.chance(50) else constant(None)

    def sum(self, want, depth):
        if self.chance(15):
            return syntax.Negative(self.operand(want, depth), AT)
        operators = self.pick((("+", "-"), ("*", "%") if want == LONG else ("*", "/", "%")))
        rest = []
        for _ in range(self.number(1, 2)):
            rest.append((self.pick(operators), self.operand(want, depth)))
        return syntax.Arithmetic(self.operand(want, depth), tuple(rest), AT)

    def condition(self, depth):
        many = self.number(2, 3)
        return self.pick(
            (
                lambda: self.comparison(depth),
                lambda: syntax.Or(tuple(self.operand(BOOLEAN, depth) for _ in range(many)), AT),
                lambda: syntax.And(tuple(self.operand(BOOLEAN, depth) for _ in range(many)), AT),
                lambda: syntax.Not(self.operand(BOOLEAN, depth), AT),
                lambda: self.membership(depth),
                lambda: syntax.IsNull(self.expression(self.pick(WANTED), depth), self.chance(50), AT),
                lambda: syntax.Comparison(
                    self.pick(("=", "!=")), self.expression(self.pick(WANTED), depth), constant(None), AT
                ),
                lambda: syntax.Comparison(
                    self.pick(("=", "!=")), constant(None), self.expression(self.pick(WANTED), depth), AT
                ),
            )
        )()

    def comparison(self, depth):
        want = self.pick(WANTED)
        other = self.pick(WANTED) if self.chance(15) else want
        return syntax.Comparison(
            self.pick(COMPARISONS), self.expression(want, depth), self.expression(other, depth), AT
        )

    def membership(self, depth):
        want = self.pick((STRING, LONG, DOUBLE, ANY, listed(STRING)))
        options = [
            self.operand(listed(want) if self.chance(40) and want in SCALARS else want, depth)
            for _ in range(self.number(1, 3))
        ]
        return syntax.In(self.operand(want, depth), tuple(options), self.chance(30), AT)

    # -- calls

    def call(self, want, depth):
        """Return a call of a function that can give a type."""
        names = [name for name, function in FUNCTIONS.items() if can_give(function.gives, want)]
        return self.call_of(self.pick(names), want, depth)

    def call_of(self, name, want, depth):
        function = FUNCTIONS[name]
        repeated = function.parameters[-1].repeats
        given = []
        for parameter in function.parameters:
            if parameter.default and self.chance(40):
                break
            for _ in range(self.number(1, 3) if repeated else 1):
                given += self.argument(parameter, function, want, depth - 1)
        named = []
        if repeated and self.chance(10):
            named, given = [(function.parameters[0].name, syntax.ListOf(tuple(given), AT))], []
        elif not repeated and self.chance(15):
            first = self.number(0, len(given) - 1)
            names = [parameter.name for parameter in function.parameters]
            named = list(zip(names[first:], given[first:], strict=False))
            given = given[:first]
        return syntax.Call(name, tuple(given), tuple(named), AT)

    def argument(self, parameter, function, want, depth):
        kind = parameter.kind
        if kind == "pair":
            return [self.operand(BOOLEAN, depth), self.expression(want, depth)]
        if kind == "pairs":
            return [self.pairs(want.parts[0], depth)]
        if parameter.of or kind == "T":
            return [self.of_type(parameter, function, want, depth)]
        if kind == "type":
            names = TYPE_NAMES.get(want) or (
                ("list", "collection<string>") if is_list(want) else ("map", "map<string, any>")
            )
            return [constant(self.pick(names))]
        if kind in STOCKS:
            return [self.literal(kind, depth)]
        wants = {
            "any": WANTED,
            "counted": WANTED,
            "guess": (want, want, want, STRING) if want in SCALARS else (want,),
            "source": (*SCALARS, want) if want in (*SCALARS, ANY) else (want,),
            "item": (want.parts[0], want) if is_list(want) else (want,),
            "sized": (STRING, *WANTED[5:]),
            "number": (want,) if function.gives == "number" else (DOUBLE, LONG, ANY),
            "keys": (STRING, listed(STRING), listed(ANY)),
        }.get(kind) or (_type_of_kind(kind),)
        found = self.pick(wants)
        if kind not in ("guess", "source", "item") and self.chance(5):
            found = self.pick(WANTED)
        value = self.expression(found, depth)
        # A literal of a wrong type is refused: null is a value of every type.
        wrong = isinstance(value, syntax.Literal) and kind in _STRICT and type(value.value) not in _STRICT[kind]
        return [constant(None) if wrong else value]

    def of_type(self, parameter, function, want, depth):
        """Return an argument of `T`, where the function gives `want`."""
        inner = want
        if function.gives in ("list T", "map T"):
            inner = want.parts[0]
        elif function.gives != "T":
            inner = self.pick((*SCALARS, ANY))
        if not parameter.of:
            return self.expression(inner, depth)
        wanted = (listed if parameter.kind == "list" else mapped)(inner)
        if inner in SCALARS and self.chance(5):
            value = self.operand(STRING, depth)
            return constant(None) if isinstance(value, syntax.Literal) else value
        return self.expression(wanted, depth)

    def pairs(self, want, depth):
        """Return what create_map takes: a list of keys and values."""
        items = []
        for _ in range(self.number(0, 3)):
            key = self.expression(STRING, 0) if self.chance(20) else constant(self.pick(STOCKS["key"]))
            items += [key, self.expression(want, depth)]
        return syntax.ListOf(tuple(items + ([constant("a")] if self.chance(5) else [])), AT)

    def literal(self, kind, depth):
        value = self.pick(STOCKS[kind])
        if kind in ("pattern", "nonempty") and value and self.chance(50):
            return syntax.Regex(value, AT)
        if kind in CONSTANT or not self.chance(50):
            return constant(value)
        if kind in FIELD_OF:
            return self.field(FIELD_OF[kind])
        if kind in CHECKED:
            return self.field() if isinstance(value, str) else self.parsed("parse_long")
        if isinstance(value, str):
            return self.expression(STRING, depth)
        return syntax.Negative(constant(value), AT) if self.chance(70) else self.expression(LONG, 1)


def _fits(held, want):
    """Tell whether a value of a type can stand where another type is wanted."""
    if held == want:
        return True
    for is_many in (is_list, is_map):
        if is_many(want) and is_many(held):
            try:
                return _fits(item_type(held), want.parts[0]) or item_type(held) == NULL
            except UntranslatableError:
                return False
    return want == ANY and held in SCALARS


def can_give(gives, want):
    if gives == "T":
        return True
    if gives == "number":
        return want in (LONG, DOUBLE)
    if gives in ("list T", "map T"):
        return is_list(want) if gives == "list T" else is_map(want)
    return _type_of_kind(gives) == want
