"""A correlation rule -> a detection of its own, and the search that counts the hits of the rules it names.

The search runs the named rules anew, over events, and not over the risk that their set has written: that has no hit of
a rule without a score, only so many of a loud one, and few of the fields that are grouped by. For one or a few rules a
prefilter keeps nearly all events away, which makes it cheap. Windows of time move with the events (streamstats), so
that none falls between two: a correlation fires once, at the event with which its condition becomes true.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sigma.correlations import SigmaCorrelationCondition, SigmaCorrelationConditionOperator, SigmaCorrelationRule
from sigma.policy import SigmaPolicy

from ssa.content.datamodels import DATA_MODELS
from ssa.content.detection import Detection
from ssa.content.fields import COLUMNS
from tools.content import stanzas
from tools.content.pushdown import EVERYTHING, prefilter
from tools.content.sigma.condition import column, quoted
from tools.content.sigma.mapping import Source
from tools.content.sigma.refusal import Refused

MOST_EVENTS = 10_000
"""Events of a window that streamstats looks at (limits.conf: max_stream_window)."""

LONGEST_SECONDS = 7 * 86_400
"""Timespan (s): the search reads it twice over, each hour."""

MOST_RULES, MOST_GROUPS = 20, 10

LATE = 3_600
"""Seconds that an event may be late, beyond the ten minutes that a run waits."""

COUNTED, FROM = "correlated", "correlated_from"
"""Columns of what is counted, and of when it began (epoch ms)."""

KINDS = ("event_count", "value_count", "temporal", "temporal_ordered")


@dataclass(frozen=True)
class Named:
    """A rule that a correlation names: its id, where its log source lies, and whether its own hits are wanted, too."""

    id: str
    source: Source


class Expression(NamedTuple):
    """An expression of SPL, and the columns that it reads."""

    text: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Correlation:
    """What a correlation counts: hits of `rules` (ids) within `seconds` that agree in `groups`, `least` or more.

    `value` is what value_count counts. `generate`: the rules also fire by themselves.
    """

    kind: str
    rules: tuple[str, ...]
    generate: bool
    seconds: int
    least: int
    groups: tuple[Expression, ...]
    value: Expression | None
    source: Source


def read(
    document: dict[str, Any], find: Callable[[str], Named | None], policy: SigmaPolicy
) -> tuple[SigmaCorrelationRule, Correlation]:
    """Read the document of a correlation rule; `find` returns a rule by its name or id.

    Raises Refused, and SigmaError.
    """
    rule = SigmaCorrelationRule.from_dict(document, policy=policy)
    kind = rule.type.name.lower()
    if kind not in KINDS:
        raise Refused(f"correlations of the type {kind} are not converted: {', '.join(KINDS)} are")
    found = {one.reference: find(one.reference) for one in rule.rules or ()}
    missing = [name for name, one in found.items() if one is None]
    if missing:
        raise Refused(f"it names {missing[0]!r}, which is no converted rule: give that one, too, by its name or id")
    rules = {one.id: one for one in found.values() if one}
    if not 0 < len(rules) <= MOST_RULES:
        raise Refused(f"it names {len(rules):,} rules, not 1 to {MOST_RULES}")
    sources = {one.source.category: one.source for one in rules.values()}
    if len(sources) > 1:
        raise Refused(f"its rules are of several log sources: {', '.join(sources)}")
    (source,) = sources.values()
    ids = {reference: one.id for reference, one in found.items() if one}
    least = _least(rule.condition, kind, len(rules))
    if not 0 < rule.timespan.seconds <= LONGEST_SECONDS:
        raise Refused(f"its timespan has {rule.timespan.seconds:,} seconds, not 1 to {LONGEST_SECONDS:,}")
    groups = rule.group_by or []
    if len(groups) > MOST_GROUPS:
        raise Refused(f"it groups by {len(groups):,} fields, not {MOST_GROUPS} at most")

    def expression(name: str) -> Expression:
        alias = rule.aliases.aliases.get(name)
        if alias is None:
            return _first_of(source.field(name).columns)
        if not {one.reference for one in alias.mapping} <= ids.keys():
            raise Refused(f"its alias {name!r} is for rules that it does not name")
        cases = {ids[one.reference]: _first_of(source.field(field).columns) for one, field in alias.mapping.items()}
        text = ", ".join(f'detection_id="{id}", {first.text}' for id, first in cases.items())
        return Expression(f"case({text})", tuple(column for first in cases.values() for column in first.columns))

    value = None
    if kind == "value_count":
        fields = rule.condition.fieldref if isinstance(rule.condition, SigmaCorrelationCondition) else None
        if not isinstance(fields, str):
            raise Refused("value_count is of one field")
        value = expression(fields)
    made = Correlation(
        kind, (*rules,), rule.generate, rule.timespan.seconds, least, (*map(expression, groups),), value, source
    )
    return rule, made


def _least(condition: object, kind: str, rules: int) -> int:
    if not isinstance(condition, SigmaCorrelationCondition):
        raise Refused("conditions that combine rules by and, or, not are not converted")
    if kind == "temporal_ordered":
        return rules
    operators = {SigmaCorrelationConditionOperator.GTE: 0, SigmaCorrelationConditionOperator.GT: 1}
    if condition.op not in operators:
        operator = condition.op.name.lower()
        raise Refused(
            f"its condition {operator} bounds a number from above, which holds at every first event: use gte or gt"
        )
    if not isinstance(condition.count, int) or not 0 < condition.count + operators[condition.op] <= MOST_EVENTS:
        raise Refused(f"its condition wants {condition.count}, not a whole number from 1 to {MOST_EVENTS:,}")
    return condition.count + operators[condition.op]


def _first_of(columns: tuple[str, ...]) -> Expression:
    """Write what is read of a row, without regard to case; raises Refused for a column that is no plain name."""
    for name in columns:
        if not stanzas.PLAIN.fullmatch(name):
            raise Refused(
                f"the column {name!r} cannot be written in a search: give the field another in the mapping file"
            )
    read = ", ".join(f"'{name}'" for name in columns)  # else a dot in a name joins two texts
    return Expression(f"lower(coalesce({read}))", columns)


def detection_search(correlation: Correlation) -> str:
    """Write the search of a correlation's detection: of rows that were counted, those with enough are hits."""
    body = ", ".join(f"{quoted(name)}, {column(name)}" for name in (*correlation.source.body, COUNTED))
    return (
        "| from read_ssa_enriched_events() "
        f"| eval timestamp=parse_long({column('_time')}), counted=parse_long({column(COUNTED)}), "
        f"began=parse_long({column(FROM)}) "
        f"| where counted >= {correlation.least} "
        "| eval start_time=began, end_time=timestamp, "
        f"entities=mvappend({column('dest_user_id')}, {column('dest_device_id')}), body=create_map([{body}]) "
        "| into write_ssa_detected_events();"
    )


def search_settings(
    correlation: Correlation, own: Detection, named: Sequence[Detection], filter_macro: str
) -> dict[str, str]:
    """Return the settings of a correlation's saved search; `own` is its detection, `named` are those that it counts."""
    model = own.datamodel
    reach = 2 * correlation.seconds  # of what is counted at an event, and at the one before it, nothing is missing
    settings = stanzas.search_settings(own, stanzas.Metadata((model,), ()))
    back = 70 + (LATE + reach) // 60
    return {
        **settings,
        "disabled": "1",
        "search": _search(correlation, own, named, filter_macro, reach),
        "dispatch.earliest_time": f"-{back}m@m",
    }


def _search(correlation: Correlation, own: Detection, named: Sequence[Detection], filter_macro: str, reach: int) -> str:
    terms = [prefilter(one) for one in named]
    wanted = "" if EVERYTHING in terms else f" ({' OR '.join(f'({one})' for one in dict.fromkeys(terms))})"
    names = [f"correlation_by_{number}" for number in range(len(correlation.groups))]
    by = f" by {', '.join(names)}" * bool(names)
    makes = [f"{name}={expression.text}" for name, expression in zip(names, correlation.groups, strict=True)]
    if correlation.value:
        makes.append(f"correlation_value={correlation.value.text}")
    return " | ".join(
        (
            f"`{DATA_MODELS[own.datamodel].macro}`{wanted}",
            _passed([*named, own], correlation),
            f'ssadetect detection="{",".join(correlation.rules)}"',
            f"`ssa_usual` | `ssa_allow_list` | `{filter_macro}`",
            "sort 0 _time",
            *([f"eval {', '.join(makes)}"] if makes else []),
            *_counted(correlation, by),
            f"eval correlation_holds=if({COUNTED}>={correlation.least}, 1, 0)",
            f"streamstats current=false window=1 global=false last(correlation_holds) as correlation_held{by}",
            "addinfo",
            f"where correlation_holds=1 AND coalesce(correlation_held, 0)=0 AND _time>=info_min_time+{reach}",
            f"eval {FROM}=round({FROM}*1000)",
            f"fields - {', '.join([*COLUMNS, *stanzas.ENTITY])}, correlation_*, info_*",
            f'ssadetect detection="{own.id}" | `ssa_allow_list` | `{filter_macro}`',
            "addinfo",
            "table _time, detection, risk_score, dest_user_id, dest_device_id, process_name, process, *",
        )
    )


def _counted(correlation: Correlation, by: str) -> list[str]:
    """Return the commands that count, at each hit, those of the timespan up to it."""
    if correlation.kind == "temporal_ordered":
        return _in_order(correlation, by)
    count = {"event_count": "count", "value_count": "dc(correlation_value)", "temporal": "dc(detection_id)"}
    window = f"streamstats time_window={correlation.seconds}s"
    return [f"{window} {count[correlation.kind]} as {COUNTED}, min(_time) as {FROM}{by}"]


def _in_order(correlation: Correlation, by: str) -> list[str]:
    """Return those that find, at each hit of the last rule, the latest beginning of all rules before it in order."""
    *before, last = correlation.rules
    commands, began = [], "_time"
    for number, rule in enumerate(before):
        commands.append(f'eval correlation_at_{number}=if(detection_id="{rule}", {began}, null())')
        commands.append(f"streamstats max(correlation_at_{number}) as correlation_from_{number}{by}")
        began = f"correlation_from_{number}"
    commands.append(f'eval {FROM}=if(detection_id="{last}", {began}, null())')
    within = f"isnotnull({FROM}) AND _time-{FROM}<={correlation.seconds}"
    commands.append(f"eval {COUNTED}=if({within}, {len(correlation.rules)}, 0)")
    return commands


def _passed(detections: Sequence[Detection], correlation: Correlation) -> str:
    """Return the command that passes on the columns that detections and expressions read."""
    names = {
        name: None
        for one in detections
        for name in stanzas.fields(one).partition(" | ")[0].removeprefix("fields ").split(", ")
    }
    for expression in (*correlation.groups, *([correlation.value] if correlation.value else [])):
        names |= dict.fromkeys(expression.columns)
    wanted = "fields *" if "*" in names else f"fields {', '.join(one for one in names if one not in (COUNTED, FROM))}"
    return wanted + " | fields - _raw" * ("_raw" not in names)
