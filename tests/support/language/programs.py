"""Random programs of the SSA dialect over the whole grammar, as syntax trees, and random events for them."""

from hypothesis import strategies as st

from ssa.language.text import syntax

from .expressions import AT, FIELDS, MODELS, STOCKS, WANTED, ExpressionMaker, can_give, constant
from .sql import FUNCTIONS
from .sql.translation import COLUMNS, type_of, types_after
from .sql.values import ANY, LONG, NULL, STRING, UntranslatableError, join, listed

COLUMN_NAMES = ("x", "y", "z", "a", "b", "start_time", "end_time", "entities", "body", "input_event")


class _ProgramMaker(ExpressionMaker):
    """Makes one program; knows the types of the columns at each place."""

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
        pattern, most = self.pick(STOCKS["groups"][:4]), self.pick((1, 1, 1, 0, 2))
        written = syntax.Regex(pattern, AT) if self.chance(50) else constant(pattern)
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
        entries += [(self.pick(STOCKS["key"]), self.expression(self.pick(WANTED), 2)) for _ in range(self.number(0, 2))]
        if self.chance(60):
            return syntax.MapOf(tuple(entries), AT)
        flat = [part for key, value in entries for part in (constant(key), value)]
        return syntax.Call("create_map", (syntax.ListOf(tuple(flat), AT),), (), AT)

    def probe(self):
        """Return a call of any function, each as likely as another, or an operation."""
        if self.chance(25):
            return self.operation(self.pick(WANTED[:5]), 2)
        name = self.pick(list(FUNCTIONS))
        return self.call_of(name, self.pick([want for want in WANTED if can_give(FUNCTIONS[name].gives, want)]), 2)

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


@st.composite
def programs(draw):
    """Return a strategy of programs, which shrink."""
    return program(lambda least, most: draw(st.integers(least, most)))


def program(number):
    """Return a program that a function number(least, most) chooses, such as the randint of a random.Random."""
    return syntax.Program("", _ProgramMaker(number).statements())


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
