"""What looks wrong in a detection that runs: warnings for its author, which change nothing.

Published detections carry such faults and run as they are written: a warning names what was likely not meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ssa.language.functions import REGISTRY, meaning_of
from ssa.language.functions.meanings import LIKE_PATTERN, RECASED, REGEX, PatternTest, TypeAssertion
from ssa.language.text import syntax
from ssa.language.text.errors import SsaError, near_miss
from ssa.language.text.printer import print_expression

from .columns import FIRST_COLUMNS, OUTPUTS, Columns, groups, walk
from .map_keys import event_key
from .pipelines import segments
from .types import AT_START, NULL, NUMBERS, UNKNOWN, ExpressionTypes, ValueType, mismatch, named_type, suits

_Warnings = Iterator["tuple[int, str]"]
NOTHING_PASSES = "this condition can never be true: nothing passes here"
"""The warning of a detection that finds nothing, or of a pipeline that does not."""
_OUTPUTS = {"start_time": "long", "end_time": "long", "body": "map"}
_ESCAPED = re.compile(r"\\\\|\\[%_]|(\\.)", re.DOTALL)
"""What a LIKE escapes; the group is an escape without effect."""
_WILDCARD = re.compile("[%_]")
_MAY_DIFFER = re.compile(r"\||\(\?[a-z]*[ix]|\(\?<?[!=]")
"""What makes capitals in a regex harmless, or may: branches, flags, lookarounds."""
_NO_LETTERS = re.compile(r"\\[pPx]?\{[^}]*\}|\\x..|\\u....|\\c.|\\.|\(\?P?<\w+>|\[(?:[^\]\\]|\\.)*\]")
"""Parts of a regex whose capitals stand for no capital in the text."""


def lint(program: syntax.Program) -> list[SsaError]:
    """Return the warnings for a program that compiles, in the order of their places."""
    warnings = {*_mixed(program), *_Reading(program).warnings(), *_Conditions(program).warnings()}
    return [SsaError(problem, program.text, at) for at, problem in sorted(warnings)]


def _mixed(program: syntax.Program) -> _Warnings:
    for at in program.mixed:
        yield at, "AND stands next to OR without parentheses: AND binds first; write the parentheses that you mean"


def _reads(expression: syntax.Expression) -> set[str]:
    return {node.name for node in syntax.postorder(expression) if isinstance(node, syntax.Name)}


def _start(expression: syntax.Expression) -> int:
    return min(node.at for node in syntax.postorder(expression))


class _Reading:
    """Finds what is computed and never read: from the end of each pipeline backwards."""

    def __init__(self, program: syntax.Program) -> None:
        self.program = program

    def warnings(self) -> _Warnings:
        parts = segments(self.program)
        needed: list[set[str] | None] = [None] * len(parts)
        for place in reversed(range(len(parts))):
            segment, live = parts[place], needed[place]
            if live is None and not segment.ends:
                yield segment.statement.at, f"${segment.statement.binding} is never used"
                continue
            live = (live or set()) | set(OUTPUTS if segment.ends else ())
            for command in reversed(segment.commands):
                yield from self._before(command, live)
            for source in segment.sources:
                needed[source] = (needed[source] or set()) | live

    def _before(self, command: syntax.RecordCommand, live: set[str]) -> _Warnings:
        """Turn the columns that are read after a command into those that are read before it."""
        if isinstance(command, syntax.Eval):
            for name, expression in reversed(command.assignments):
                if name not in live:
                    yield _start(expression), f"the column {name} is computed here and never read"
                live.discard(name)
                live |= _reads(expression)
        elif isinstance(command, syntax.Where):
            live |= _reads(command.condition)
        elif isinstance(command, syntax.Select):
            for name, expression in command.items:
                if name not in live:
                    yield _start(expression), f"the column {name} is selected here and never read"
            live.clear()
            live.update(*(_reads(expression) for _, expression in command.items))
        elif isinstance(command, syntax.Rename):
            moved = {old for old, new in command.pairs if new in live}
            live.difference_update(*command.pairs)
            live |= moved
        elif isinstance(command, syntax.Fields):
            live -= live & set(command.names) if command.remove else live - set(command.names)
        elif isinstance(command, syntax.Rex):
            for name in groups(command):
                if name not in live:
                    yield command.at, f"the column {name} is extracted here and never read"
            live.add(command.field)
        else:
            syntax.forgotten(command)


class _Conditions:
    """Finds what can never be true, and values that are always null."""

    def __init__(self, program: syntax.Program) -> None:
        self.program = program
        self.types = ExpressionTypes()

    def warnings(self) -> _Warnings:
        for _, command, columns in walk(segments(self.program), AT_START, self.types.find, _extracted, _union):
            if isinstance(command, syntax.Where):
                self.types.find(command.condition, columns)
                yield from self._expression(command.condition, columns)
                if self._never(command.condition):
                    yield _start(command.condition), NOTHING_PASSES
            elif isinstance(command, (syntax.Eval, syntax.Select)):
                yield from self._columns(command, dict(columns))
            elif isinstance(command, syntax.Rename):
                for name, _ in command.pairs:
                    yield from _missing(name, columns, command.at)
            elif isinstance(command, syntax.Rex):
                yield from _missing(command.field, columns, command.at)
            elif not isinstance(command, syntax.Fields):
                syntax.forgotten(command)

    def _columns(self, command: syntax.Eval | syntax.Select, columns: dict[str, ValueType]) -> _Warnings:
        for name, expression in syntax.computed(command):
            type = self.types.find(expression, columns)
            yield from self._expression(expression, columns)
            wanted = _OUTPUTS.get(name)
            if wanted is not None and type.is_known and type.name != wanted:
                yield _start(expression), f"{name} must be a {wanted} and is a {type.name}: it is left out"
            if isinstance(command, syntax.Eval):
                columns[name] = type

    def _expression(self, expression: syntax.Expression, columns: Columns[ValueType]) -> _Warnings:
        for node in syntax.postorder(expression):
            if isinstance(node, syntax.Name):
                yield from _missing(node.name, columns, node.at)
            elif isinstance(node, syntax.Call):
                yield from self._call(node)
            elif isinstance(node, (syntax.Comparison, syntax.In)):
                yield from ((at, problem) for at, problem in self._options(node) if problem)
            elif isinstance(node, syntax.And) and _contradicts(node):
                yield node.at, "these conditions contradict each other: they can never all be true"
            elif isinstance(node, syntax.Or):
                yield from _repeated(node)
                for operand in node.operands:
                    if isinstance(operand, (syntax.And, syntax.Or)) and self._never(operand):
                        yield _start(operand), "this branch can never be true"

    def _call(self, node: syntax.Call) -> _Warnings:
        function = REGISTRY[node.function]
        types = [self.types.of(argument) for argument in node.arguments]
        kind = _pattern_kind(node)
        wrong = mismatch(function, types)
        if wrong is not None:
            parameter = function.parameter(wrong)
            expected = f"{parameter.name} must be a {parameter.type} and is a {types[wrong].name}"
            yield node.at, f"{function.signature} is always null here: {expected}"
        elif isinstance(function.meaning, TypeAssertion) and self._never_of_type(node):
            type, target = types[0].name, named_type(node)
            yield node.at, f"this {node.function} always gives its default: the value is a {type}, not a {target}"
        elif self._wrong_case(node):
            yield node.arguments[1].at, f"this {kind} has letters that a text in {types[0].case} case never has"

        if kind == LIKE_PATTERN:
            pattern = node.arguments[1]
            for escape in _idle_escapes(pattern)[:1]:
                means = f"in this {kind} {escape} stands for {escape[1:]} alone"
                yield pattern.at, f"{means}: write four backslashes to match one"
            if _pattern(pattern) and not _WILDCARD.search(_ESCAPED.sub("", _pattern(pattern))):
                meant = "write % before and behind it to find it anywhere, or = where the whole is meant"
                yield pattern.at, f"without % or _ this {kind} matches the whole text alone: {meant}"

    def _never_of_type(self, node: syntax.Call) -> bool:
        type, target = self.types.of(node.arguments[0]) if node.arguments else UNKNOWN, named_type(node)
        return target is not None and type.is_known and not suits(type.name, target)

    def _wrong_case(self, node: syntax.Call) -> bool:
        kind = _pattern_kind(node)
        if kind is None:
            return False
        text, case = _pattern(node.arguments[1]), self.types.of(node.arguments[0]).case
        if kind == REGEX:
            text = "" if _MAY_DIFFER.search(text) else _NO_LETTERS.sub("", text)
        return case is not None and _differs(text, case)

    def _options(self, node: syntax.Comparison | syntax.In) -> list[tuple[int, str]]:
        """Return for each value that something is compared with its place, and why it can never be it, if so."""
        if isinstance(node, syntax.In):
            return [(_start(option), self._unlike(node.operand, option, "=")) for option in node.options]
        return [(node.at, self._unlike(node.left, node.right, node.operator))]

    def _unlike(self, left: syntax.Expression, right: syntax.Expression, operator: str) -> str:
        types = self.types.of(left), self.types.of(right)
        if types[1].name == "list" and operator == "=":
            return ""  # IN tests the members of a list
        names = {"number" if type.name in NUMBERS else type.name for type in types}
        if len(names) > 1 and NULL not in types and None not in names:
            return f"a {types[0].name} is never equal to a {types[1].name}, nor before or after it"
        for side, other in ((left, types[1]), (right, types[0])):
            text = side.value if isinstance(side, syntax.Literal) else None
            if operator in ("=", "!=") and isinstance(text, str) and other.case and _differs(text, other.case):
                return f'"{text}" is never equal to what is in {other.case} case: it has letters of the other case'
        return ""

    def _with_null(self, node: syntax.Comparison) -> bool:
        """Return whether a side is always null; `x = null`, which means IS NULL, is another thing."""
        return NULL in (self.types.of(node.left), self.types.of(node.right)) and not _tests_for_null(node)

    def _never(self, node: syntax.Expression) -> bool:
        """Return whether a condition can be seen never to be true."""
        if isinstance(node, syntax.And):
            return any(map(self._never, node.operands)) or _contradicts(node)
        if isinstance(node, syntax.Or):
            return all(map(self._never, node.operands))
        if isinstance(node, syntax.Call) and self._wrong_case(node):
            return _pattern_kind(node) == LIKE_PATTERN
        if isinstance(node, syntax.In):
            return not node.negated and all(problem for _, problem in self._options(node))
        if isinstance(node, syntax.Comparison):
            differs = node.operator != "!=" and any(problem for _, problem in self._options(node))
            return self._with_null(node) or differs
        name = self.types.of(node).name
        return (isinstance(node, syntax.Literal) and node.value is not True) or name not in (None, "boolean")


def _pattern_kind(node: syntax.Call) -> str | None:
    """Return the kind of pattern that a call matches a text with; None for another call."""
    meaning = meaning_of(node)
    return meaning.kind if isinstance(meaning, PatternTest) else None


def _pattern(node: syntax.Expression) -> str:
    """Return the text of a pattern; empty where only an event decides it."""
    text = node.pattern if isinstance(node, syntax.Regex) else node.value if isinstance(node, syntax.Literal) else ""
    return text if isinstance(text, str) else ""


def _idle_escapes(pattern: syntax.Expression) -> list[str]:
    """Return the escapes of a LIKE pattern without effect, since what they escape is a character anyway."""
    return [escape for escape in _ESCAPED.findall(_pattern(pattern)) if escape]


def _repeated(node: syntax.Or) -> _Warnings:
    seen: set[str] = set()
    for operand in node.operands:
        text = print_expression(operand)
        if text in seen:
            yield _start(operand), "this condition stands here already"
        seen.add(text)


def _tests_for_null(node: syntax.Comparison) -> bool:
    return any(isinstance(side, syntax.Literal) and side.value is None for side in (node.left, node.right))


def _missing(name: str, columns: Columns[ValueType], at: int) -> _Warnings:
    if name not in columns and name not in FIRST_COLUMNS:
        yield at, f"nothing is in the column {name} here: it is always null{near_miss(name, columns)}"


def _union(name: str, types: list[ValueType | None]) -> ValueType:
    """Return the type of a column in records of several pipelines, where it is the same in all."""
    first = types[0] or NULL
    return first if all((type or NULL) == first for type in types) else UNKNOWN


def _extracted(command: syntax.Rex, name: str, columns: object) -> ValueType:
    return UNKNOWN


def _differs(text: str, case: str) -> bool:
    return text != RECASED[case](text)


def _contradicts(node: syntax.And) -> bool:
    """Return whether conditions want two values of one column at once, or a value and null."""
    wanted: dict[str, set[object]] = {}
    for operand in node.operands:
        choice = _options_of_column(operand)
        if choice is not None:
            column, options = choice
            wanted[column] = wanted[column] & options if column in wanted else options
    return not all(wanted.values())


def _options_of_column(node: syntax.Expression) -> tuple[str, set[object]] | None:
    """Return the column that must have one of some constants (None for null) for a condition to hold, and these."""
    if isinstance(node, syntax.IsNull) and not node.negated:
        return _column(node.operand, {None})
    if isinstance(node, syntax.Comparison) and node.operator == "=":
        for side, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(other, syntax.Literal):
                return _column(side, {other.value})
    if isinstance(node, syntax.In) and not node.negated:
        options = [option.value for option in node.options if isinstance(option, syntax.Literal)]
        return _column(node.operand, set(options)) if len(options) == len(node.options) else None
    return None


def _column(node: syntax.Expression, options: set[object]) -> tuple[str, set[object]] | None:
    key = event_key(node)
    if key is not None:
        return f"input_event.{key}", options
    return (node.name, options) if isinstance(node, syntax.Name) else None
