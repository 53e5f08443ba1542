"""docs/sigma.md: Sigma rules as one search; what is supported is what the conversion does with a rule of each kind."""

from __future__ import annotations

import re
from pathlib import Path

from sigma.correlations import SigmaCorrelationType
from sigma.modifiers import modifier_mapping

from ssa.content import conf
from tools import ROOT
from tools.content.sigma import DEFAULT_LEVELS, DEFAULT_STATUSES
from tools.content.sigma.conversion import convert_one
from tools.content.sigma.correlation import KINDS, LONGEST_SECONDS, MOST_EVENTS, MOST_GROUPS, MOST_RULES
from tools.content.sigma.mapping import RuleMapping
from tools.content.sigma.trial import NOISY_HITS, NOISY_SHARE
from tools.marks import page_mark

PATH = "docs/sigma.md"
SOURCES = ("tools/docs/sigma_page.md", "tools/content/sigma", "docs/benchmark.md", "default/macros.conf")

NEEDS = {"cased": "contains|cased", "all": "contains|all", "base64": "base64|contains", "expand": "expand"}
NEEDS |= {"base64offset": "base64offset|contains"}
NEEDS |= {one: f"{one}|base64" for one in ("utf16", "utf16be", "wide")}
NEEDS |= {one: f"re|{one}" for one in ("i", "ignorecase", "m", "multiline", "s", "dotall")}
"""Modifier -> those that it needs beside it, or has beside it in most rules."""

VALUES: dict[str, object] = {
    "all": ["a", "b"],
    "cidr": "10.0.0.0/8",
    "exists": True,
    "fieldref": "Company",
    "windash": "-x",
}
VALUES |= {"expand": "%Administrators%"}
VALUES |= dict.fromkeys(("lt", "lte", "gt", "gte", "minute", "hour", "day", "week", "month", "year"), 1)
"""Modifier -> a value that it takes."""

EVENTS = (1_000_000, 10_000_000, 40_000_000)
"""Events an hour, of which the price is shown."""

INDEXERS = 10

TEXT = Path(__file__).with_suffix(".md")
"""The page, with <<names>> of what is computed."""


def rule(items: dict[str, object]) -> dict[str, object]:
    """Return a rule with one search."""
    logsource = {"product": "windows", "category": "process_creation"}
    return {"title": "x", "logsource": logsource, "detection": {"a": items, "condition": "a"}}


def modifiers() -> list[tuple[str, str]]:
    """Return the modifiers that pySigma reads, by what becomes of a rule with one."""
    mapping = RuleMapping()
    found: dict[str, list[str]] = {}
    for name in modifier_mapping:
        key = f"CommandLine|{NEEDS.get(name, name)}"
        reason = convert_one("x", rule({key: VALUES.get(name, "text")}), [], mapping).reason
        what = reason.replace(f"modifier {name} ", "modifier ") or "yes"
        found.setdefault(what, []).append(f"`{NEEDS.get(name, name)}`".replace("|", "\\|"))
    return [(", ".join(sorted(names)), what) for what, names in found.items()]


def conditions() -> list[tuple[str, str]]:
    """Return what else a rule is made of."""
    return [
        ("`and`, `or`, `not`, parentheses, `1 of x*`, `all of them`", "yes; names with `_` in front are not in `them`"),
        ("lists, maps, wildcards `*` and `?`, their escapes", "yes, in any case"),
        ("`null`, an empty text", "yes: both are a field without a value, as Splunk has no other"),
        ("keywords without a field", "yes, anywhere in `_raw`"),
        ("Sigma filters", "yes"),
    ]


def correlations() -> list[tuple[str, str]]:
    """Return the types of correlations, by whether they are converted."""
    found: dict[str, list[str]] = {"yes": [], "no": []}
    for kind in (kind.name.lower() for kind in SigmaCorrelationType):
        found["yes" if kind in KINDS else "no"].append(f"`{kind}`")
    return [("correlations " + ", ".join(kinds), what) for what, kinds in found.items()]


def fields() -> list[tuple[str, str]]:
    """Return each mapped field, and its columns."""
    (source,) = RuleMapping().sources

    def listed(columns: tuple[str, ...]) -> str:
        return ", ".join(f"`{one}`" for one in columns)

    return [
        (f"`{name}`", listed(field.columns) + f"; from its start {listed(field.whole)}" * bool(field.whole))
        for name, field in source.fields.items()
    ]


def table(head: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    """Write a table."""
    lines = [head, ("---", "---"), *rows]
    return "\n".join(f"| {left} | {right} |" for left, right in lines) + "\n"


def costs(benchmark: str) -> dict[int, float]:
    """Return CPU µs a row by number of rules, of a text of docs/benchmark.md: of published rules where it has them."""
    many = benchmark.partition("## Many rules")[2]
    part = (many.partition("### Published rules")[2] or many).partition("Python 3.13")[0]
    rows = re.findall(r"^\| ([\d,]+) \| [\d.]+ \| [\d.]+ \| ([\d.]+) \|", part, re.MULTILINE)
    return {int(count.replace(",", "")): float(cost) for count, cost in rows}


def price() -> str:
    """Write what rules cost, events an hour by rules: CPU hours in each hour are processor cores."""
    found = {count: cost for count, cost in costs((ROOT / "docs/benchmark.md").read_text("utf-8")).items() if count > 1}
    if not found:
        return "[benchmark.md](benchmark.md) has the cost of a row.\n"
    head = (
        "| events an hour | " + " | ".join(f"{count:,} rules ({cost:g} µs)" for count, cost in found.items()) + " |\n"
    )
    rule = "|---" * (len(found) + 1) + "|\n"
    cores = ("".join(f" {events * cost / 3.6e9:.2f} cores |" for cost in found.values()) for events in EVENTS)
    return head + rule + "".join(f"| {events:,} |{line}\n" for events, line in zip(EVENTS, cores, strict=True))


def run() -> str:
    """Write how long an hourly run takes on the largest estate of the table."""
    found = costs((ROOT / "docs/benchmark.md").read_text("utf-8"))
    if not found:
        return ""
    most, events = max(found), EVENTS[-1]
    seconds = events * found[most] / 1e6
    return (
        f"An hourly run of {most:,} rules over {events:,} events takes {seconds:,.0f} s of CPU in all, which the "
        f"indexers share: with {INDEXERS} of them, {seconds / INDEXERS / 60:.1f} minutes each, on one core."
    )


def ledger() -> str:
    """Write what the ledger holds of a set, by the macros that limit it."""
    macros = conf.merge([str(ROOT / "default/macros.conf")])
    results, most = (int(macros[name]["definition"].value) for name in ("ssa_set_results", "ssa_ledger_most"))
    runs = 30 * 24
    return (
        f"A run keeps at most {results:,} hits (macro `ssa_set_results`), so a set that always reaches that fills "
        f"{2 * results * runs:,} rows; {most:,} (macro `ssa_ledger_most`), where the KV store gets slow, are "
        f"{most // (2 * runs):,} hits in each hourly run."
    )


def page() -> str:
    """Return the page."""
    computed = {
        "mark": page_mark(*SOURCES),
        "noisy": str(NOISY_HITS),
        "share": f"{1 / NOISY_SHARE:,.0f}",
        "levels": DEFAULT_LEVELS.replace(",", " and "),
        "statuses": DEFAULT_STATUSES.replace(",", " or "),
        "supported": table(("in a rule", "converted"), [*modifiers(), *conditions(), *correlations()]),
        "fields": table(("Sigma", "row"), fields()),
        "rules": str(MOST_RULES),
        "groups": str(MOST_GROUPS),
        "days": str(LONGEST_SECONDS // 86_400),
        "events": f"{MOST_EVENTS:,}",
        "price": price(),
        "run": run(),
        "ledger": ledger(),
    }
    return re.sub("<<([a-z]+)>>", lambda found: computed[found[1]], TEXT.read_text("utf-8"))
