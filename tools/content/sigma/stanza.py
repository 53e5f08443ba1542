"""A rule -> the settings of its stanza in ssa_detections.conf. Nothing in a rule reaches beyond the setting it is."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import date, datetime
from uuid import NAMESPACE_URL, uuid5

from sigma.rule import SigmaRule
from sigma.rule.base import SigmaRuleBase

from ssa.content.detection import format_score
from tools.content.sigma.condition import Writer, column, quoted
from tools.content.sigma.mapping import RuleMapping, Source
from tools.content.sigma.refusal import Refused
from tools.content.stanzas import json_text

LONGEST_TITLE = 77
"""Characters of a title in a stanza's name: with a blank and the start of the id as long as any name may be."""

LONGEST = 4_000
"""Characters of any other text."""

LONGEST_CONDITION = 1_000_000
"""Characters of a condition: that of a published rule with a thousand values has a twentieth."""

LICENSE = "DRL 1.1"
"""The licence of published rules, which do not state it one by one: it asks that a match names the rule's author."""

WRITTEN = "imported_score"
"""The setting with the impact and confidence that an import has written."""

TTP_LEVELS = ("high", "critical")

_UNSAFE = {ord("["): "(", ord("]"): ")", ord('"'): "'", ord("`"): "'", ord("|"): "/", ord("\\"): "/", ord("$"): None}
"""What a stanza's header or a search would read as its own, in a title."""

_TECHNIQUE = re.compile(r"t[0-9]{4}(\.[0-9]{3})?", re.ASCII)


def one_line(given: object, longest: int = LONGEST) -> str:
    """Return a text as one line of visible characters, which a conf gives back as it is; of another value, nothing."""
    text = given if isinstance(given, str) else ""
    visible = "".join(" " if unicodedata.category(char)[0] == "C" else char for char in text[: 4 * longest])
    return " ".join(visible.split())[:longest].rstrip("\\ ")


def comma_list(given: Iterable[object]) -> str:
    """Write texts as a setting, separated by commas: a comma in an address is written otherwise, any other goes."""
    texts = (one_line(item) for item in given)
    return ", ".join(
        dict.fromkeys(text.replace(",", "%2C" if "://" in text else ";") for text in texts if text)
    )  # fmt: skip


def rule_id(rule: SigmaRuleBase) -> str:
    """Return the id of a rule; of one without an id, one that is made of its title, so that it stays."""
    return str(rule.id or uuid5(NAMESPACE_URL, f"sigma:{rule.title}"))


def name_of(rule: SigmaRuleBase) -> str:
    """Return the name of a stanza: titles repeat, so it ends with the first part of the id."""
    title = one_line(rule.title.translate(_UNSAFE), LONGEST_TITLE).strip() or "Sigma rule"
    return f"{title} {rule_id(rule)[:8]}"


def name_with_id(name: str, id: str) -> str:
    """Return the name of a stanza with all of its id, for one that another has: as long as any may be."""
    return f"{name[: LONGEST_TITLE + 9 - len(id) - 1].removesuffix(id[:8]).rstrip()} {id}"


def search_of(rule: SigmaRule, source: Source, mapping: RuleMapping) -> str:
    """Write the search of a rule; raises Refused, and SigmaError for a condition that is none."""
    writer = Writer(source, mapping)
    where = writer.write(condition.parsed for condition in rule.detection.parsed_condition)
    if len(where) > LONGEST_CONDITION:
        raise Refused(f"its condition would have {len(where):,} characters, more than {LONGEST_CONDITION:,}")
    body = ", ".join(f"{quoted(name)}, {column(name)}" for name in source.body)
    return (
        "| from read_ssa_enriched_events() "
        f"| eval timestamp=parse_long({column('_time')}), {writer.definitions} "
        f"| where {where} "
        "| eval start_time=timestamp, end_time=timestamp, "
        f"entities=mvappend({column('dest_user_id')}, {column('dest_device_id')}), body=create_map([{body}]) "
        "| into write_ssa_detected_events();"
    )


def settings_of(rule: SigmaRuleBase, search: str, file: str, source: Source, mapping: RuleMapping) -> dict[str, str]:
    """Return the settings of a rule that came from a file, with its search as SSA text."""
    level = rule.level.name.lower() if rule.level else "medium"
    status = rule.status.name.lower() if rule.status else ""
    changed = [_day(day) for day in (rule.date, rule.modified) if day]
    title, author = one_line(rule.title.replace("$", "")), one_line((rule.author or "unknown").replace("$", ""))
    attack = [tag.name for tag in rule.tags if tag.namespace == "attack"]
    return {
        "id": rule_id(rule),
        "version": f"{max(changed):%Y%m%d}" if changed else "1",
        "date": max(changed).isoformat() if changed else "",
        "author": author,
        "license": one_line(rule.license) or LICENSE,
        "source": one_line(f"Sigma: {file}"),
        "level": level,
        "status": status,
        "tags": comma_list(f"{tag.namespace}.{tag.name}".lower() for tag in rule.tags),
        "type": "TTP" if level in TTP_LEVELS else "Anomaly",
        "product": "Sigma",
        "datamodel": source.datamodel,
        "description": one_line(rule.description),
        "search": search,
        "impact": format_score(mapping.impact.get(level, mapping.otherwise[0])),
        "confidence": format_score(mapping.confidence.get(status, mapping.otherwise[1])),
        "message": f"{title} (Sigma rule by {author}) {source.message}",
        "observables": json_text([*source.observables]),
        "mitre_attack_id": comma_list(name.upper() for name in attack if _TECHNIQUE.fullmatch(name)),
        "cve": comma_list(f"CVE-{tag.name.replace('.', '-')}".upper() for tag in rule.tags if tag.namespace == "cve"),
        "analytic_story": source.story,
        "how_to_implement": source.how_to_implement,
        "known_false_positives": one_line("; ".join(map(one_line, rule.falsepositives))),
        "references": comma_list(rule.references),
    }


def _day(day: date) -> date:
    return day.date() if isinstance(day, datetime) else day
