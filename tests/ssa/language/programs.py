"""Random programs of the SSA dialect over the whole grammar, as syntax trees, and random events for them.

Programs are well typed, mostly: each expression is made for a type that somebody wants. Some operands are of another
type all the same, because what such a thing gives is a rule too. A function needs no word here: its signature in the
table of tests/ssa/language/sql says what it is called with.

Texts and numbers come from small stocks (stocks.toml) that the events draw from too, so that conditions are often true.
"""

import tomllib
from pathlib import Path

from hypothesis import strategies as st

from ssa.language import syntax

from .second_opinion import COLUMNS, type_of, types_after
from .sql import FUNCTIONS
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
    join,
    listed,
    mapped,
)

AT = 0

_TABLES = tomllib.loads((Path(__file__).parent / "stocks.toml").read_text())
FIELDS = _TABLES["fields"]
"""The fields of an event and what they hold; one of them is no name."""

LITERALS = _TABLES["arguments"]
"""Kinds of argument -> what stands for one."""

LITERALS["pattern"] += LITERALS["groups"]
FIELD_OF = {"numeral": "n", "json": "packed data", "base64": "packed data", "url": "packed data", "address": "ip"}
"""Kinds of argument that a field of an event holds."""

LITERALS |= {kind: FIELDS[field] for kind, field in FIELD_OF.items()}
LONGS, DOUBLES = _TABLES["literals"]["long"], _TABLES["literals"]["double"]
MODELS = ("Endpoint_Processes", "Network_Traffic")
COLUMN_NAMES = ("x", "y", "z", "a", "b", "start_time", "end_time", "entities", "body", "input_event")

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


class _Maker:
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
            return self.field() if self.chance(60) else syntax.Literal(self.text(), AT)
        if want == LONG:
            return self.parsed("parse_long") if self.chance(40) else syntax.Literal(self.pick(LONGS), AT)
        if want == DOUBLE:
            return self.parsed("parse_double") if self.chance(40) else syntax.Literal(self.pick(DOUBLES), AT)
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
        return syntax.Call("ucast", (found, syntax.Literal("string", AT), syntax.Literal(None, AT)), (), AT)

    def parsed(self, function):
        return syntax.Call(function, (self.field(self.pick(("n", "m", "_time"))),), (), AT)

    def test(self):
        """Return a condition on the event that is true for some events and false for others."""
        name = self.pick(list(FIELDS))
        held = syntax.Literal(self.pick(FIELDS[name]), AT)
        return self.pick(
            (
                lambda: syntax.Comparison(self.pick(COMPARISONS), self.field(name), held, AT),
                lambda: syntax.IsNull(self.field(name), self.chance(80), AT),
                lambda: syntax.Comparison(self.pick(("!=", "=")), self.field(name), syntax.Literal(None, AT), AT),
                lambda: syntax.In(
                    syntax.Literal(self.pick(MODELS), AT), (syntax.Name("_datamodels", AT),), self.chance(20), AT
                ),
                lambda: syntax.Call("like", (self.field(), syntax.Literal(self.pick(LITERALS["like"]), AT)), (), AT),
            )
        )()

    def entries(self, want, depth):
        keys = [self.pick(LITERALS["key"]) for _ in range(self.number(0, 3))]
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
            index = self.expression(LONG, 0) if self.chance(20) else syntax.Literal(self.number(0, 3), AT)
            return syntax.Access(self.expression(listed(want), inner), index, AT)
        key = self.expression(STRING, 0) if self.chance(20) else syntax.Literal(self.pick(LITERALS["key"]), AT)
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
        return self.expression(self.pick(SCALARS), 0) if self.chance(50) else syntax.Literal(None, AT)

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
                    self.pick(("=", "!=")), self.expression(self.pick(WANTED), depth), syntax.Literal(None, AT), AT
                ),
                lambda: syntax.Comparison(
                    self.pick(("=", "!=")), syntax.Literal(None, AT), self.expression(self.pick(WANTED), depth), AT
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
        names = [name for name, function in FUNCTIONS.items() if _gives(function.gives, want)]
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
            return [syntax.Literal(self.pick(names), AT)]
        if kind in LITERALS:
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
        return [syntax.Literal(None, AT) if wrong else value]

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
            return syntax.Literal(None, AT) if isinstance(value, syntax.Literal) else value
        return self.expression(wanted, depth)

    def pairs(self, want, depth):
        """Return what create_map takes: a list of keys and values."""
        items = []
        for _ in range(self.number(0, 3)):
            key = self.expression(STRING, 0) if self.chance(20) else syntax.Literal(self.pick(LITERALS["key"]), AT)
            items += [key, self.expression(want, depth)]
        return syntax.ListOf(tuple(items + ([syntax.Literal("a", AT)] if self.chance(5) else [])), AT)

    def literal(self, kind, depth):
        value = self.pick(LITERALS[kind])
        if kind in ("pattern", "nonempty") and value and self.chance(50):
            return syntax.Regex(value, AT)
        if kind in CONSTANT or not self.chance(50):
            return syntax.Literal(value, AT)
        if kind in FIELD_OF:
            return self.field(FIELD_OF[kind])
        if kind in CHECKED:
            return self.field() if isinstance(value, str) else self.parsed("parse_long")
        if isinstance(value, str):
            return self.expression(STRING, depth)
        return syntax.Negative(syntax.Literal(value, AT), AT) if self.chance(70) else self.expression(LONG, 1)

    # -- commands

    def assign(self, name, expression):
        self.columns[name] = type_of(expression, self.columns)
        return name, expression

    def union(self, bindings):
        """Return a union with a pipeline above, if the columns of both can have one type each."""
        name = self.pick(list(bindings))
        both = (self.columns, bindings[name])
        try:
            self.columns = {
                column: join(columns.get(column, NULL) for columns in both) for column in {**both[0], **both[1]}
            }
        except UntranslatableError:
            return self.eval()
        return syntax.UnionWith(name, AT)

    def command(self, bindings):
        """Return a command, and know the columns after it."""
        if bindings and self.chance(10):
            return self.union(bindings)
        makers = (
            self.eval,
            self.eval,
            self.eval,
            self.where,
            self.where,
            self.rex,
            self.select,
            self.rename,
            self.fields,
        )
        found = self.pick(makers)()
        if isinstance(found, syntax.Eval):
            return found
        try:
            self.columns = types_after(found, self.columns)
        except UntranslatableError:
            # A rex that may leave a list where it would put a text: no static type.
            return self.eval()
        return found

    def eval(self):
        assignments = []
        for _ in range(self.number(1, 3)):
            name = self.pick(COLUMN_NAMES if self.chance(10) else COLUMN_NAMES[:5])
            assignments.append(self.assign(name, self.expression(self.pick(WANTED), 3)))
        return syntax.Eval(tuple(assignments), AT)

    def where(self):
        return syntax.Where(self.condition(2) if self.chance(70) else self.test(), AT)

    def names(self):
        """Return some columns, mostly with the event: without it not much is left to say."""
        known = [*self.columns, *COLUMN_NAMES[:3]]
        found = [self.pick(known) for _ in range(self.number(1, 4))]
        return [*found, *(("input_event", "_datamodels") if self.chance(85) else ())]

    def select(self):
        items = [(name, syntax.Name(name, AT)) for name in self.names()]
        for _ in range(self.number(0, 2)):
            items.append((self.pick(COLUMN_NAMES[:5]), self.expression(self.pick(WANTED), 2)))
        return syntax.Select(tuple(items), AT)

    def rename(self):
        known = [*(name for name in self.columns if name not in ("input_event", "_datamodels")), *COLUMN_NAMES[:2]]
        pairs = tuple((self.pick(known), self.pick(COLUMN_NAMES[:7])) for _ in range(self.number(1, 2)))
        return syntax.Rename(pairs, AT)

    def fields(self):
        remove = self.chance(50)
        names = [self.pick(COLUMN_NAMES[:7])] if remove else self.names()
        return syntax.Fields(tuple(names), remove, AT)

    def rex(self):
        texts = [name for name, held in self.columns.items() if held == STRING] or ["x"]
        pattern, most = self.pick(LITERALS["groups"][:4]), self.pick((1, 1, 1, 0, 2))
        written = syntax.Regex(pattern, AT) if self.chance(50) else syntax.Literal(pattern, AT)
        return syntax.Rex(self.pick(texts), written, most, AT)

    def results(self):
        """Return the assignments of what a detected event hands over."""
        entities = self.pick((listed(STRING), listed(ANY), STRING, listed(LONG)))
        return syntax.Eval(
            (
                self.assign("start_time", self.expression(LONG, 2)),
                self.assign("end_time", self.expression(LONG if self.chance(90) else ANY, 1)),
                self.assign("entities", self.expression(entities, 2)),
                self.assign("body", self.body() if self.chance(95) else self.expression(self.pick(WANTED), 1)),
            ),
            AT,
        )

    def body(self):
        """Return a map of what can be compared: some columns, and what functions and operators give."""
        names = [self.pick(list(self.columns)) for _ in range(2)]
        entries = [(name, syntax.Name(name, AT)) for name in names]
        entries += [(f"p{place}", self.probe()) for place in range(self.number(1, 5))]
        entries += [
            (self.pick(LITERALS["key"]), self.expression(self.pick(WANTED), 2)) for _ in range(self.number(0, 2))
        ]
        if self.chance(60):
            return syntax.MapOf(tuple(entries), AT)
        flat = [part for key, value in entries for part in (syntax.Literal(key, AT), value)]
        return syntax.Call("create_map", (syntax.ListOf(tuple(flat), AT),), (), AT)

    def probe(self):
        """Return a call of any function, each as likely as another, or an operation."""
        if self.chance(25):
            return self.operation(self.pick(WANTED[:5]), 2)
        name = self.pick(list(FUNCTIONS))
        return self.call_of(name, self.pick([want for want in WANTED if _gives(FUNCTIONS[name].gives, want)]), 2)

    # -- programs

    def statements(self):
        bindings, found = {}, []
        bound = self.number(0, 2)
        for index in range(bound + self.number(1, 2)):
            source = self.pick([None, *bindings, *bindings])
            self.columns = dict(bindings[source]) if source else {name: value.type for name, value in COLUMNS.items()}
            commands = [self.command(bindings) for _ in range(self.number(0 if source else 1, 3))]
            name = self.pick(("base", "b2")) if index < bound else None
            if name is None or self.chance(15):
                commands += [self.results(), syntax.Into(AT)]
            if name is not None:
                bindings[name] = dict(self.columns)
            found.append(syntax.Statement(name, (syntax.From(source, AT), *commands), AT))
        return tuple(found)


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


def _gives(gives, want):
    if gives == "T":
        return True
    if gives == "number":
        return want in (LONG, DOUBLE)
    if gives in ("list T", "map T"):
        return is_list(want) if gives == "list T" else is_map(want)
    return _type_of_kind(gives) == want


@st.composite
def programs(draw):
    """Return a strategy of programs, which shrink."""
    return program(lambda least, most: draw(st.integers(least, most)))


def program(number):
    """Return a program that a function number(least, most) chooses, such as the randint of a random.Random."""
    return syntax.Program("", _Maker(number).statements())


def events(random, number):
    """Return random events as pairs of an input event and its data models; a field may be missing, or null."""
    found = []
    for _ in range(number):
        event = {}
        for name, stock in FIELDS.items():
            kind = random.randrange(20)
            if kind == 0:
                continue
            other = random.choice(list(FIELDS.values()))
            event[name] = None if kind == 1 else random.choice(other if kind < 4 else stock)
        found.append((event, random.sample(MODELS, random.randrange(3))))
    return found
