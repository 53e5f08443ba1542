"""What looks wrong in a detection that runs: warnings for its author, which change nothing.

Published detections carry such faults and run as they are written: a warning says what was likely not meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ssa.language.functions import REGISTRY
from ssa.language.text import syntax
from ssa.language.text.errors import SsaError, near_miss
from ssa.language.text.printer import print_expression

from .columns import FIRST_COLUMNS, OUTPUTS, Columns, after, groups, joined
from .map_keys import event_key
from .pipelines import segments
from .types import GIVEN, NULL, NUMBERS, UNKNOWN, Fact, Facts, asserted, is_known, mismatch, suits

_Found = Iterator["tuple[int, str]"]
_PATTERNS = {"like": "LIKE pattern", "match_regex": "regex", "match": "regex"}
_OUTPUTS = {"start_time": "long", "end_time": "long", "body": "map"}
_ESCAPED = re.compile(r"\\\\|\\[%_]|(\\.)", re.DOTALL)
"""What a LIKE escapes; the group is an escape that says nothing."""
_MAY_DIFFER = re.compile(r"\||\(\?[a-z]*[ix]|\(\?<?[!=]")
"""What makes capitals in a regex harmless, or may: branches, flags, lookarounds."""
_NO_LETTERS = re.compile(r"\\[pPx]?\{[^}]*\}|\\x..|\\u....|\\c.|\\.|\(\?P?<\w+>|\[(?:[^\]\\]|\\.)*\]")
"""Parts of a regex whose capitals stand for no capital in the text."""


def lint(program: syntax.Program) -> list[SsaError]:
    """Return the warnings for a program that compiles, in the order of their places."""
    found = {*_mixed(program), *_Reading(program).warnings(), *_Conditions(program).warnings()}
    return [SsaError(problem, program.text, at) for at, problem in sorted(found)]


def _mixed(program: syntax.Program) -> _Found:
    for at in program.mixed:
        yield at, "AND stands beside OR without parentheses: AND binds first; write the parentheses that you mean"


def _reads(expression: syntax.Expression) -> set[str]:
    return {node.name for node in syntax.postorder(expression) if isinstance(node, syntax.Name)}


def _start(expression: syntax.Expression) -> int:
    return min(node.at for node in syntax.postorder(expression))


class _Reading:
    """Finds what is computed and never read: from the end of each pipeline backwards."""

    def __init__(self, program: syntax.Program) -> None:
        self.program = program

    def warnings(self) -> _Found:
        found = segments(self.program)
        needed: list[set[str] | None] = [None] * len(found)
        for place in reversed(range(len(found))):
            segment, live = found[place], needed[place]
            if live is None and not segment.ends:
                yield segment.statement.at, f"${segment.statement.binding} is never used"
                continue
            live = (live or set()) | set(OUTPUTS if segment.ends else ())
            for command in reversed(segment.commands):
                yield from self._before(command, live)
            for source in segment.sources:
                needed[source] = (needed[source] or set()) | live

    def _before(self, command: syntax.Command, live: set[str]) -> _Found:
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


class _Conditions:
    """Finds what can never be true, and values that are always null."""

    def __init__(self, program: syntax.Program) -> None:
        self.program = program
        self.facts = Facts()

    def warnings(self) -> _Found:
        ends: list[Columns[Fact]] = []
        for segment in segments(self.program):
            columns = joined([ends[source] for source in segment.sources], _joined) if segment.sources else dict(GIVEN)
            for command in segment.commands:
                if isinstance(command, syntax.Where):
                    self.facts.value(command.condition, columns)
                    yield from self._expression(command.condition, columns)
                    if self._never(command.condition):
                        yield _start(command.condition), "this condition can never be true: nothing passes here"
                elif isinstance(command, (syntax.Eval, syntax.Select)):
                    yield from self._columns(command, dict(columns))
                elif isinstance(command, (syntax.Rename, syntax.Rex)):
                    read = [old for old, _ in command.pairs] if isinstance(command, syntax.Rename) else [command.field]
                    for name in read:
                        yield from _missing(name, columns, command.at)
                columns = after(command, columns, self.facts.value, _extracted)
            ends.append(columns)

    def _columns(self, command: syntax.Eval | syntax.Select, columns: dict[str, Fact]) -> _Found:
        for name, expression in command.assignments if isinstance(command, syntax.Eval) else command.items:
            fact = self.facts.value(expression, columns)
            yield from self._expression(expression, columns)
            wanted = _OUTPUTS.get(name)
            if wanted is not None and is_known(fact) and fact.type != wanted:
                yield _start(expression), f"{name} must be a {wanted} and is a {fact.type}: it is left out"
            if isinstance(command, syntax.Eval):
                columns[name] = fact

    def _expression(self, expression: syntax.Expression, columns: dict[str, Fact]) -> _Found:
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

    def _call(self, node: syntax.Call) -> _Found:
        function = REGISTRY[node.function]
        facts = [self.facts.of(argument) for argument in node.arguments]
        wrong = mismatch(function, facts)
        if wrong is not None:
            parameter = function.parameter(wrong)
            expected = f"{parameter.name} must be a {parameter.type} and is a {facts[wrong].type}"
            yield node.at, f"{function.signature} is always null here: {expected}"
        elif node.function == "ucast" and self._never_of_type(node):
            yield (
                node.at,
                f"this ucast always gives its default: the value is a {facts[0].type}, not a {asserted(node)}",
            )
        elif self._wrong_case(node):
            (text, pattern), what = node.arguments[:2], _PATTERNS[node.function]
            case = self.facts.of(text).case
            yield pattern.at, f"this {what} has letters that a text in {case} case never has"

        if node.function == "like" and len(node.arguments) == 2:
            pattern = node.arguments[1]
            for escape in _idle_escapes(pattern)[:1]:
                said = f"in this LIKE pattern {escape} stands for {escape[1:]} alone"
                yield pattern.at, f"{said}: write four backslashes to match one"

    def _never_of_type(self, node: syntax.Call) -> bool:
        fact, target = self.facts.of(node.arguments[0]) if node.arguments else UNKNOWN, asserted(node)
        return target is not None and is_known(fact) and not suits(fact.type, target)

    def _wrong_case(self, node: syntax.Call) -> bool:
        if node.function not in _PATTERNS or len(node.arguments) < 2:
            return False
        pattern = node.arguments[1]
        text = (
            pattern.pattern
            if isinstance(pattern, syntax.Regex)
            else pattern.value
            if isinstance(pattern, syntax.Literal)
            else None
        )
        case = self.facts.of(node.arguments[0]).case
        if not isinstance(text, str) or case is None:
            return False
        if node.function != "like":
            text = "" if _MAY_DIFFER.search(text) else _NO_LETTERS.sub("", text)
        return _differs(text, case)

    def _options(self, node: syntax.Comparison | syntax.In) -> list[tuple[int, str]]:
        """Return for each value that something is compared with its place, and why it can never be it, if so."""
        if isinstance(node, syntax.In):
            return [(_start(option), self._unlike(node.operand, option, "=")) for option in node.options]
        return [(node.at, self._unlike(node.left, node.right, node.operator))]

    def _unlike(self, left: syntax.Expression, right: syntax.Expression, operator: str) -> str:
        facts = self.facts.of(left), self.facts.of(right)
        if facts[1].type == "list" and operator == "=":
            return ""  # IN tests the members of a list
        kinds = {"number" if fact.type in NUMBERS else fact.type for fact in facts}
        if NULL in facts or None in kinds:
            kinds = set()
        if len(kinds) > 1:
            return f"a {facts[0].type} is never equal to a {facts[1].type}, nor before or after it"
        for side, fact in ((left, facts[1]), (right, facts[0])):
            text = side.value if isinstance(side, syntax.Literal) else None
            if operator in ("=", "!=") and isinstance(text, str) and fact.case and _differs(text, fact.case):
                return f'"{text}" is never equal to what is in {fact.case} case: it has letters of the other case'
        return ""

    def _with_null(self, node: syntax.Comparison) -> bool:
        """Tell whether a side is always null; `x = null`, which means IS NULL, is another thing."""
        return NULL in (self.facts.of(node.left), self.facts.of(node.right)) and not _asks_for_null(node)

    def _never(self, node: syntax.Expression) -> bool:
        """Tell whether a condition can be seen never to be true."""
        if isinstance(node, syntax.And):
            return any(map(self._never, node.operands)) or _contradicts(node)
        if isinstance(node, syntax.Or):
            return all(map(self._never, node.operands))
        if isinstance(node, syntax.Call) and self._wrong_case(node):
            return node.function == "like"
        if isinstance(node, syntax.In):
            return not node.negated and all(problem for _, problem in self._options(node))
        if isinstance(node, syntax.Comparison):
            differs = node.operator != "!=" and any(problem for _, problem in self._options(node))
            return self._with_null(node) or differs
        fact = self.facts.of(node)
        return (isinstance(node, syntax.Literal) and node.value is not True) or fact.type not in (None, "boolean")


def _idle_escapes(pattern: syntax.Expression) -> list[str]:
    """Return the escapes of a LIKE pattern that say nothing, since what they escape is a character anyway."""
    value = pattern.value if isinstance(pattern, syntax.Literal) else None
    return [found for found in _ESCAPED.findall(value) if found] if isinstance(value, str) else []


def _repeated(node: syntax.Or) -> _Found:
    seen: set[str] = set()
    for operand in node.operands:
        text = print_expression(operand)
        if text in seen:
            yield _start(operand), "this condition stands here already"
        seen.add(text)


def _asks_for_null(node: syntax.Comparison) -> bool:
    return any(isinstance(side, syntax.Literal) and side.value is None for side in (node.left, node.right))


def _missing(name: str, columns: Columns[Fact], at: int) -> _Found:
    if name not in columns and name not in FIRST_COLUMNS:
        yield at, f"nothing is in the column {name} here: it is always null{near_miss(name, columns)}"


def _joined(name: str, facts: list[Fact | None]) -> Fact:
    """Return what is known of a column in records of several pipelines: what is the same in all."""
    first = facts[0] or NULL
    return first if all((fact or NULL) == first for fact in facts) else UNKNOWN


def _extracted(command: syntax.Rex, name: str, columns: object) -> Fact:
    return UNKNOWN


def _differs(text: str, case: str) -> bool:
    return text != (text.lower() if case == "lower" else text.upper())


def _contradicts(node: syntax.And) -> bool:
    """Tell whether conditions ask one column for two values at once, or for a value and for none."""
    wanted: dict[str, set[object]] = {}
    for operand in node.operands:
        asked = _asked(operand)
        if asked is not None:
            column, options = asked
            wanted[column] = wanted[column] & options if column in wanted else options
    return not all(wanted.values())


def _asked(node: syntax.Expression) -> tuple[str, set[object]] | None:
    """Return the column that a condition asks for one of some constants (None for null), and these."""
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
