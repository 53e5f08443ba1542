"""Sigma rules -> stanzas of detections, each checked as the search command will read it, or the reason why not.

pySigma reads the rules and applies their modifiers; what it makes of a condition is written as SSA text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, cast

from sigma.conditions import ConditionFieldEqualsValueExpression, ConditionItem
from sigma.exceptions import SigmaError
from sigma.filters import SigmaFilter
from sigma.policy import SigmaPolicy
from sigma.policy.regex_engine import RE2RegexEngine, RegexPattern
from sigma.rule import SigmaRule
from sigma.rule.base import SigmaRuleBase
from sigma.types import SigmaFieldReference

from ssa.content import conf
from ssa.content.detection import Catalogue, Detection, DetectionError
from ssa.content.profile import Profile
from tools.content.conf_text import ConfText
from tools.content.sigma import correlation as correlations
from tools.content.sigma import reading
from tools.content.sigma.condition import Node, can_be
from tools.content.sigma.correlation import Correlation, Named
from tools.content.sigma.mapping import RuleMapping, Source
from tools.content.sigma.refusal import Refused
from tools.content.sigma.stanza import name_of, name_with_id, one_line, search_of, settings_of


def _silent(done: int, of: int) -> None:
    """Show nothing."""


@dataclass(frozen=True)
class Converted:
    """What became of a rule, by the path of its file: the stanza `name` with its settings, or a reason why not.

    `fires_on` are the kinds of events on which it can fire; `unknown` the fields it reads that none of them has.
    """

    file: str
    title: str = ""
    id: str = ""
    level: str = ""
    status: str = ""
    name: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    profile: Profile | None = None
    tags: tuple[str, ...] = ()
    source: Source | None = None
    correlation: Correlation | None = None
    fires_on: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    reason: str = ""
    left_out: bool = False
    """Whether the reason is that the options did not ask for it."""
    is_base: bool = False
    """Whether only a correlation asks for it, so that it does not fire by itself."""


class _Engine(RE2RegexEngine):
    """Takes regular expressions as Python does where RE2, which is safe, does not: they are checked, and never run."""

    def compile(self, pattern: str, flags: int = 0) -> RegexPattern:
        try:
            return super().compile(pattern, flags)
        except super().error:
            return cast("RegexPattern", re.compile(pattern, flags))

    @property
    def error(self) -> Any:
        return (super().error, re.error, OverflowError, RecursionError)

    def __deepcopy__(self, memo: object) -> _Engine:  # a filter is copied for each rule, and RE2's module cannot be
        return self


_POLICY = SigmaPolicy(regex_engine=_Engine())


def convert(
    paths: Sequence[Path], mapping: RuleMapping, show: Callable[[int, int], None] = _silent
) -> Iterator[Converted]:
    """Convert the rules of files and folders, in the order of their paths; Sigma filters among them apply to all.

    A rule that is wrong loses only itself. Of two with one id, the first counts. Correlation rules come last. `show`
    gets how many rules are done, and of how many.
    """
    rules: list[tuple[str, dict[str, Any]]] = []
    filters: list[SigmaFilter] = []
    for path, file in reading.files(paths):
        try:
            found = reading.documents(path)
            rules += [(file, document) for document in found if "filter" not in document]
            filters += [_filter(document) for document in found if "filter" in document]
        except Refused as refused:
            yield Converted(file, reason=str(refused))
    ids: dict[str, str] = {}
    names: set[str] = set()
    named: dict[str, Named] = {}
    rules.sort(key=lambda rule: "correlation" in rule[1])
    for number, (file, document) in enumerate(rules, 1):
        one = convert_one(file, document, filters, mapping, named.get)
        if one.name and one.id in ids:
            one = replace(one, name="", settings={}, reason=f"its id is that of a rule in {ids[one.id]}")
        elif one.name:
            if one.name in names:  # the same title, and the same first part of the id
                one = replace(one, name=name_with_id(one.name, one.id))
            ids[one.id] = file
            names.add(one.name)
            if one.source and not one.correlation:
                for name in (one.id, document.get("name")):
                    if isinstance(name, str):
                        named.setdefault(name, Named(one.id, one.source))
        yield one
        show(number, len(rules))


def convert_one(
    file: str,
    document: dict[str, Any],
    filters: Iterable[SigmaFilter],
    mapping: RuleMapping,
    find: Callable[[str], Named | None] = lambda _: None,
) -> Converted:
    """Convert the document of one rule; `find` returns what a correlation rule names, by name or id."""
    title, id = (one_line(document.get(key), 300) for key in ("title", "id"))
    level, status = (one_line(document.get(key), 20).lower() for key in ("level", "status"))
    correlation: Correlation | None = None
    nodes: list[Node] = []
    rule: SigmaRuleBase
    try:
        if "correlation" in document:
            rule, correlation = correlations.read(document, find, _POLICY)
            source, search = correlation.source, correlations.detection_search(correlation)
        else:
            rule = plain = SigmaRule.from_dict(document, policy=_POLICY)
            for one in filters:
                one.apply_on_rule(plain)
            source = mapping.source(plain.logsource.product, plain.logsource.category, plain.logsource.service)
            search = search_of(plain, source, mapping)
            nodes = [condition.parsed for condition in plain.detection.parsed_condition]
        name, settings = name_of(rule), settings_of(rule, search, PurePosixPath(file).name, source, mapping)
        profile = detection(name, settings).profile
    except (Refused, SigmaError, DetectionError) as error:
        return Converted(file, title, id, level, status, reason=one_line(str(error), 500))
    except Exception as error:
        reason = one_line(f"it is no rule: {type(error).__name__}: {error}", 500)
        return Converted(file, title, id, level, status, reason=reason)
    fires_on = [kind for kind, fields in source.gives.items() if any(True in can_be(node, fields) for node in nodes)]
    unknown = {name for node in nodes for name in _fields(node)}.difference(*source.gives.values())
    return Converted(
        file,
        title,
        settings["id"],
        settings["level"],
        settings["status"],
        name,
        settings,
        profile=profile,
        tags=tuple(f"{tag.namespace}.{tag.name}".lower() for tag in rule.tags),
        source=source,
        correlation=correlation,
        fires_on=(*fires_on,),
        unknown=(*sorted(unknown),),
    )


def detection(name: str, settings: dict[str, str]) -> Detection:
    """Return the detection that the search command reads of a stanza in a conf; raises DetectionError, and Refused.

    The stanza goes through the text of a conf, so that what cannot be in one is found here.
    """
    text = ConfText("")
    text.put(name, settings)
    stanzas = conf.parse(text.text, "local/ssa_detections.conf")
    read = {key: setting.value for key, setting in stanzas.get(name, conf.Stanza()).items()}
    if [*stanzas] != [name] or read != {key: value.strip() for key, value in settings.items()}:
        raise Refused("a conf would not give its texts back as they are")
    return Catalogue(stanzas).find(name)


def _filter(document: dict[str, Any]) -> SigmaFilter:
    try:
        return SigmaFilter.from_dict(document, policy=_POLICY)
    except SigmaError as error:
        raise Refused(f"it is no Sigma filter: {one_line(str(error), 300)}") from error
    except Exception as error:
        raise Refused(one_line(f"it is no Sigma filter: {type(error).__name__}: {error}", 300)) from error


def _fields(node: Node) -> Iterator[str]:
    """Yield the fields that a condition reads."""
    if isinstance(node, ConditionItem):
        for inner in node.args:
            yield from _fields(inner)
    elif isinstance(node, ConditionFieldEqualsValueExpression):
        yield node.field
        if isinstance(node.value, SigmaFieldReference):
            yield node.value.field
