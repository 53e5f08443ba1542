"""A program -> queries.

Each expression becomes a column of its own, in a chain of subqueries, so that a value is written once however often it
is used, and what each gave can be counted. `where` drops no row: a column says which rows are alive, so that the
conditions can be counted too.
"""

from ssa.language.text import syntax

from .calls import FUNCTIONS
from .texts import rex
from .values import (
    ANY,
    BOOLEAN,
    LONG,
    STRING,
    Type,
    Value,
    alternatives,
    arithmetic,
    coerce,
    is_list,
    is_map,
    item_type,
    join,
    lift,
    listed,
    literal,
    mapped,
    members,
    null,
    order,
    same,
    sql_type,
    string,
)

COLUMNS = {
    "input_event": Value("input_event", mapped(STRING)),
    "_datamodels": Value("datamodels", listed(STRING)),
    "body": Value("empty", Type("record")),
}
"""What a record holds at the start; any other column is null."""

_START = "SELECT *, {'nothing': NULL::BOOLEAN} AS empty, []::BIGINT[] AS place, true AS alive FROM events"
_EVENTS = (f"({_START})", COLUMNS, "alive")
"""Where a pipeline begins: a table, its columns, and which of its rows are alive."""

_NOTHING = "'nothing': NULL::BOOLEAN"
_SIGNS = {"=": "= 0", "!=": "<> 0", "<": "< 0", "<=": "<= 0", ">": "> 0", ">=": ">= 0"}


class Translation:
    """A program -> queries: `branches` for the detected events, `counts` for what was evaluated."""

    def __init__(self, program):
        self.columns = {}
        self.branches, self.counts = [], []
        self.tables, self._bindings = [], {}
        self._numbers = 0
        self.constants = {}
        self._begin(*_EVENTS)
        for statement in program.statements if program else ():
            self._statement(statement)

    # -- queries

    def _begin(self, source, columns, alive):
        self._source, self.columns, self.alive = source, dict(columns), alive
        self._stages, self._stage_of, self._known, self._counted = [], {}, {}, []

    def _end(self):
        """Make a table of the rows so far; return how to go on from there."""
        table = f"s{len(self.tables)}"
        self.tables.append((table, self._query()))
        if self._counted:
            self.counts.append((self._counted, table))
        return table, self.columns, self.alive

    def _new(self, type):
        self._numbers += 1
        return Value(f"v{self._numbers}", type)

    def put(self, sql, type, *operands):
        """Return a value as a new column, which can use the columns of its operands."""
        if (sql, type) in self._known:
            return self._known[sql, type]
        stage = 1 + max((self._stage_of.get(operand.sql, -1) for operand in operands), default=-1)
        found = self._new(type)
        self._stages += [[]] * (stage + 1 - len(self._stages))
        self._stages[stage] = [*self._stages[stage], f"({sql})::{sql_type(type)} AS {found.sql}"]
        self._stage_of[found.sql], self._known[sql, type] = stage, found
        return found

    def _query(self):
        query = f"SELECT * FROM {self._source}"
        for stage in self._stages:
            query = f"SELECT *, {', '.join(stage)} FROM ({query})"
        return query

    def _count(self, label, value):
        self._counted.append((label, value, self.alive))

    # -- statements

    def _statement(self, statement):
        first, *commands = statement.commands
        self._begin(*(self._bindings[first.binding] if first.binding else _EVENTS))
        ends = isinstance(commands[-1], syntax.Into) if commands else False
        for command in commands[:-1] if ends else commands:
            self.command(command)
        results = [self._result(name) for name in ("start_time", "end_time", "entities", "body")]
        bound = self._end()
        if statement.binding is not None:
            self._bindings[statement.binding] = bound
        if ends:
            values = ", ".join(value.sql for value in results)
            self.branches.append((results, f"SELECT id, {self.alive}, {values} FROM {bound[0]} ORDER BY place"))

    def _unionwith(self, command):
        """Go on with the rows of two tables, whose columns get one type each."""
        sources = [self._end(), self._bindings[command.binding]]
        names = list(dict.fromkeys(name for _, columns, _ in sources for name in columns))
        joined = {}
        for name in names:
            held = [columns.get(name, literal(None)) for _, columns, _ in sources]
            joined[name] = self._new(join(value.type for value in held)), held
        selects = []
        for place, (table, _, alive) in enumerate(sources):
            parts = ["id", f"[{place}] || place AS place", f"{alive} AS alive"]
            parts += [f"{coerce(held[place], new.type)} AS {new.sql}" for new, held in joined.values()]
            selects.append(f"SELECT {', '.join(parts)} FROM {table}")
        self._begin(f"({' UNION ALL '.join(selects)})", {name: new for name, (new, _) in joined.items()}, "alive")

    def command(self, command):
        """Change the columns as a command does."""
        getattr(self, "_" + type(command).__name__.lower())(command)

    def _result(self, name):
        value = self.columns.get(name, literal(None))
        if name in ("start_time", "end_time"):
            return self.narrowed(value, LONG)
        return Value(f"{{{_NOTHING}}}", Type("record")) if name == "body" and not is_map(value.type) else value

    def _eval(self, command):
        for name, expression in command.assignments:
            self.columns[name] = self.expression(expression)

    def _where(self, command):
        condition = self.truth(self.expression(command.condition))
        self._count("where", condition)
        alive = Value(self.alive, BOOLEAN)
        self.alive = self.put(f"{alive.sql} AND coalesce({condition.sql}, false)", BOOLEAN, alive, condition).sql

    def _select(self, command):
        self.columns = {name: self.expression(expression) for name, expression in command.items}

    def _rename(self, command):
        before = self.columns
        olds = {old for old, _ in command.pairs}
        self.columns = {name: value for name, value in before.items() if name not in olds}
        for old, new in command.pairs:
            self.columns[new] = before.get(old, literal(None))

    def _fields(self, command):
        self.columns = {
            name: value for name, value in self.columns.items() if (name in command.names) != command.remove
        }

    def _rex(self, command):
        text = self.narrowed(self.columns.get(command.field, literal(None)), STRING)
        pattern = command.pattern.pattern if isinstance(command.pattern, syntax.Regex) else command.pattern.value
        for name, (found, type, used) in rex(self, text, pattern, command.max_match).items():
            before = self.columns.get(name, literal(None))
            made = Value(found, type)
            both = join([type, before.type])
            sql = f"CASE WHEN {used} THEN {coerce(made, both)} ELSE {coerce(before, both)} END"
            self.columns[name] = self.put(sql, both, text, before)
            self._count("rex", self.columns[name])

    # -- expressions

    def expression(self, node):
        """Return the value of an expression."""
        kind = type(node).__name__.lower()
        value = getattr(self, "_" + kind)(node)
        if kind == "call":
            kind = f"{node.function}()"
        elif kind == "comparison":
            kind = node.operator
        elif kind == "arithmetic":
            for operator, _ in node.rest:
                self._count(operator, value)
        self._count(kind, value)
        return value

    def narrowed(self, value, type):
        """Return a value if it is of a scalar type, else null."""
        if value.type == type:
            return value
        if value.type != ANY:
            return null(type)
        (found,) = ((test, held) for test, held in alternatives(value) if held.type == type)
        return self.put(f"CASE WHEN {found[0]} THEN {found[1].sql} END", type, value)

    def truth(self, value):
        """Return a value as a condition: what is no boolean is null."""
        return self.narrowed(value, BOOLEAN)

    def _literal(self, node):
        return literal(node.value)

    def _name(self, node):
        return self.columns.get(node.name, literal(None))

    def _listof(self, node):
        return self.tuple([self.expression(item) for item in node.items])

    def tuple(self, items):
        """Return a list of given items."""
        made = Type("tuple", tuple(item.type for item in items))
        inside = ", ".join(f"'i{index}': {item.sql}" for index, item in enumerate(items))
        found = self.put(f"{{{inside or _NOTHING}}}", made, *items)
        self.constants[found.sql] = [item.constant for item in items]
        return found

    def _mapof(self, node):
        return self.record([(key, self.expression(value)) for key, value in node.items])

    def record(self, entries):
        """Return a map of given entries; of equal keys the last one counts, at the place of the first."""
        held = dict(entries)
        inside = ", ".join(f"'k{key.encode().hex()}': {value.sql}" for key, value in held.items())
        made = Type("record", tuple((key, value.type) for key, value in held.items()))
        return self.put(f"{{{inside or _NOTHING}}}", made, *held.values())

    def _access(self, node):
        return self.access(self.expression(node.target), self.expression(node.key))

    def access(self, target, key):
        """Return `target[key]`."""
        if is_map(target.type):
            return self._entry(target, self.narrowed(key, STRING))
        if is_list(target.type):
            return self._item(target, self.narrowed(key, LONG))
        return literal(None)

    def _entry(self, target, key):
        if target.type.kind == "map":
            return self.put(f"{target.sql}[{key.sql}]", target.type.parts[0], target, key)
        entries = members(target)
        if isinstance(key.constant, str):
            value = dict(entries).get(key.constant, literal(None))
            return self.put(value.sql, value.type, target)
        item = item_type(target.type)
        whens = [f"WHEN {key.sql} = {string(name)} THEN {coerce(value, item)}" for name, value in entries]
        return self.put(f"CASE {' '.join(whens)} END", item, target, key) if whens else literal(None)

    def _item(self, target, key):
        if target.type.kind == "tuple":
            items = [value for _, value in members(target)]
            if isinstance(key.constant, int):
                value = items[key.constant] if 0 <= key.constant < len(items) else literal(None)
                return self.put(value.sql, value.type, target)
            target = self.put(coerce(target, listed(item_type(target.type))), listed(item_type(target.type)), target)
        inside = f"{key.sql} >= 0 AND {key.sql} < len({target.sql})"
        return self.put(f"CASE WHEN {inside} THEN {target.sql}[{key.sql} + 1] END", target.type.parts[0], target, key)

    def _negative(self, node):
        return self._lifted(lambda value: arithmetic("-", literal(0), value), self.expression(node.operand))

    def _arithmetic(self, node):
        found = self.expression(node.first)
        for operator, operand in node.rest:
            other = self.expression(operand)
            found = self._lifted(lambda x, y, operator=operator: arithmetic(operator, x, y), found, other)
        return found

    def _lifted(self, operation, *operands):
        found = lift(operation, *operands)
        return self.put(found.sql, found.type, *operands)

    def _comparison(self, node):
        left, right = self.expression(node.left), self.expression(node.right)
        if node.operator in ("=", "!="):
            for side, other in ((node.left, right), (node.right, left)):
                if isinstance(side, syntax.Literal) and side.value is None:
                    negated = "NOT " if node.operator == "!=" else ""
                    return self.put(f"{other.sql} IS {negated}NULL", BOOLEAN, other)
            found = self.equal(left, right)
            return found if node.operator == "=" else self.put(f"NOT {found.sql}", BOOLEAN, found)
        return self.put(f"{order(left, right)} {_SIGNS[node.operator]}", BOOLEAN, left, right)

    def equal(self, left, right):
        """Return `left = right`."""
        sql = f"CASE WHEN {left.sql} IS NOT NULL AND {right.sql} IS NOT NULL THEN {same(left, right)} END"
        return self.put(sql, BOOLEAN, left, right)

    def _isnull(self, node):
        operand = self.expression(node.operand)
        return self.put(f"{operand.sql} IS {'NOT ' if node.negated else ''}NULL", BOOLEAN, operand)

    def _in(self, node):
        operand = self.expression(node.operand)
        tests = [self._within(operand, self.expression(option)) for option in node.options]
        found = self.put(" OR ".join(test.sql for test in tests), BOOLEAN, *tests)
        return self.put(f"NOT {found.sql}", BOOLEAN, found) if node.negated else found

    def _within(self, operand, option):
        if option.type.kind == "tuple":
            items = [value for _, value in members(option)]
            equals = [self.equal(operand, self.put(item.sql, item.type, option)) for item in items]
            whole = " OR ".join(equal.sql for equal in equals) or "false"
            test = f"CASE WHEN {operand.sql} IS NOT NULL AND {option.sql} IS NOT NULL THEN {whole} END"
            return self.put(test, BOOLEAN, operand, option, *equals)
        if option.type.kind == "list":
            item = Value("item", option.type.parts[0])
            equals = f"list_transform({option.sql}, lambda item: {same(operand, item)})"
            found = self.put(f"coalesce(list_bool_or({equals}), false)", BOOLEAN, operand, option)
            unknown = f"len({option.sql}) > len(list_filter({option.sql}, lambda item: item IS NOT NULL))"
            test = (
                f"CASE WHEN {operand.sql} IS NULL OR {option.sql} IS NULL THEN NULL "
                f"WHEN {found.sql} THEN true WHEN {unknown} THEN NULL ELSE false END"
            )
            return self.put(test, BOOLEAN, operand, option, found)
        return self.equal(operand, option)

    def _not(self, node):
        operand = self.truth(self.expression(node.operand))
        return self.put(f"NOT {operand.sql}", BOOLEAN, operand)

    def _and(self, node):
        return self._conditions(" AND ", node)

    def _or(self, node):
        return self._conditions(" OR ", node)

    def _conditions(self, word, node):
        operands = [self.truth(self.expression(operand)) for operand in node.operands]
        return self.put(word.join(operand.sql for operand in operands), BOOLEAN, *operands)

    def _regex(self, node):
        return literal(node.pattern)

    # -- calls

    def _call(self, node):
        function = FUNCTIONS[node.function]
        if function.parameters[-1].repeats and node.named:
            # The arguments of a function that takes any number may be given as one list, under a name.
            return function.apply(self, [self.expression(item) for item in node.named[0][1].items], {})
        given = [self.expression(argument) for argument in node.arguments]
        named = {name: self.expression(argument) for name, argument in node.named}
        return function.apply(self, given, named)


def type_of(expression, columns):
    """Return the type of an expression over columns of given types."""
    return _over(columns).expression(expression).type


def types_after(command, columns):
    """Return the types of the columns after a command, given those before."""
    translation = _over(columns)
    translation.command(command)
    return {name: value.type for name, value in translation.columns.items()}


def _over(columns):
    translation = Translation(None)
    translation.columns = {name: Value(f"c{index}", type) for index, (name, type) in enumerate(columns.items())}
    return translation
