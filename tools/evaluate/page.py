"""The page docs/evaluation.md: the story, and four rules for `/y`, with every miss and every false alarm by name."""

from __future__ import annotations

from tools.docs.pages import GIVEN
from tools.evaluate import figures as story
from tools.evaluate import published, rules
from tools.evaluate.catalogue import Catalogue, Part, Row, load
from tools.evaluate.rules import Verdict
from tools.evaluate.tables import INFORMATIONAL, LOW, code, table
from tools.marks import page_mark

PATH = "docs/evaluation.md"
SOURCE = "tools/evaluate/parts"

HARDENED = "hardened"
COMPARED = ("attack", "unknown", "void", "benign", "other")
"""Parts on which the rules for /y are compared."""

FALSE = ("benign", "other")
"""Those in which to fire is a false alarm."""

ABOUT = f"""# Evaluation: what do the detections find, and what not?

{page_mark(SOURCE)}

The detections of the story *{rules.STORY}*,
by their shipped text, over one catalogue of events. Its rows come from how Windows and msiexec are documented to
behave, and from what is published of attacks, of installers and of rules' false alarms; each names its source. None
was run on Windows for this page. An attack is *known* where a source shows that it works, else *inferred*. Behind an
event that no source has as it stands, but that follows a rule's pattern or a report's words, is *(form inferred)*. A
score up to {INFORMATIONAL} is informational, up to {LOW} low.
"""

FOUR = f"""## Four rules for `/y`

The registrations of DLLs alone, and four rules for them:

| Rule | Logic |
| --- | --- |
| given | the detection *{GIVEN}*, its shipped text; every hit scores 35 |
| ESCU | Splunk ESCU, *Windows MSIExec DLLRegisterServer*: the process or its original name is msiexec.exe, and the command line has `/y` or `-y` anywhere |
| Sigma | Sigma, *Suspicious Msiexec Execute Arbitrary DLL*: the image ends with `\\msiexec.exe`, the command line has ` /y` with any of five dashes, and none of four places of legitimate DLLs |
| hardened | the detection *{rules.HARDENED}*, its shipped text; the score follows what is known of DLL and parent |
"""  # noqa: E501 (a table has one line for each rule)

READING = """A rule that fires on a row of the first part is right, on one of the last two it is a false alarm, and on
*looks like it* it reports an attempt that fails. The given rule, ESCU's and Sigma's know no degrees. The hardened one
does: a score up to 20 is informational, up to 40 low, and 0 reports that it is blind and adds no risk; that counts as
no alarm and as no catch.
"""

Verdicts = dict[str, Verdict]
Judged = list[tuple[Row, Verdicts]]


def judged(part: Part, compared: dict[str, rules.Rule]) -> Judged:
    """Return the verdict of each rule on each row of a part."""
    return [(row, {name: rule(row.event) for name, rule in compared.items()}) for row in part.rows]


def answer(verdict: Verdict) -> str:
    """Name the verdict of the hardened detection, by the words of the catalogue."""
    if not verdict.fires:
        return "blind" if verdict.blind else "none"
    return "low" if (verdict.score or 0) <= LOW else "alarm"


def listed(row: Row) -> str:
    """Write a row as an item of a list."""
    renamed = row.event.get("process_path", "").rpartition("\\")[2]
    as_name = f" (as {renamed})" if renamed.lower() != "msiexec.exe" else ""
    return f"- {row.what}{as_name}: {code(row.line)}, {row.source}"


def figures(parts: dict[str, tuple[Part, Judged]], names: list[str]) -> str:
    """Write how often each rule fires, a line for each part."""
    lines = []
    for part, judgements in parts.values():
        shown = [verdicts for row, verdicts in judgements if not row.no_trace]
        counts = [sum(verdicts[rule].fires for verdicts in shown) for rule in names]
        share = [f" ({100 * count / len(shown):.0f} %)" if part.works == "known" else "" for count in counts]
        lines.append([part.title, str(len(shown)), *(f"{count}{of}" for count, of in zip(counts, share, strict=True))])
        if part.name in FALSE:
            above = sum(answer(verdicts[HARDENED]) == "alarm" for verdicts in shown)
            lines.append(
                [f"{part.title}, with a score above low", str(len(shown)), *("" for _ in names[1:]), str(above)]
            )
    return table(["", "rows", *names], lines)


def counts(rule: str) -> list[tuple[str, int, int]]:
    """Return, for each part on /y, its title, on how many rows a rule fires, and how many rows there are."""
    judge, fired = rules.compared()[rule], []
    for part in map(load().part, COMPARED):
        shown = [row for row in part.rows if not row.no_trace]
        fired.append((part.title, sum(judge(row.event).fires for row in shown), len(shown)))
    return fired


def misses(part: Part, judgements: Judged, names: list[str]) -> str:
    """Write, for each rule, the rows that work and that it misses."""
    lines = []
    for rule in names:
        rows = [row for row, verdicts in judgements if not verdicts[rule].fires and not row.no_trace]
        lines += [f"**{rule}**: {len(rows)}\n", *(["\n".join(map(listed, rows)) + "\n"] if rows else [])]
    return "\n".join(lines)


def false_alarms(parts: list[tuple[Part, Judged]], names: list[str]) -> str:
    """Write, for each rule, the rows of these parts on which it fires."""
    lines = []
    for rule in names:
        fires = [(part, [row for row, verdicts in judgements if verdicts[rule].fires]) for part, judgements in parts]
        items = [
            item
            for part, rows in fires
            for item in ([f"- {part.title}: every row"] if len(rows) == len(part.rows) else map(listed, rows))
        ]
        lines += [f"**{rule}**: {sum(len(rows) for _, rows in fires)}\n", "\n".join(items) + "\n"]
    return "\n".join(lines)


def page() -> str:
    """Write the page."""
    return "\n".join([ABOUT, *story.sections(), *_four(), published.section(), "## Sources\n", sources(load())])


def _four() -> list[str]:
    """Write the sections on the four rules for /y."""
    compared = rules.compared()
    names = list(compared)
    parts = {name: (part, judged(part, compared)) for name in COMPARED for part in [load().part(name)]}
    attacks, false = parts["attack"][1], [parts[name] for name in FALSE]
    return [
        FOUR,
        f"### How often each rule fires\n\n{sum(len(part.rows) for part, _ in parts.values())} rows:\n",
        figures(parts, names),
        READING,
        "### No trace in the event\n\nThese work, and no rule on the event can find them.\n",
        table(["what", "hardened", "why"], _hidden(attacks)),
        f"### What works and is missed\n\n{misses(*parts['attack'], names)}",
        f"### False alarms\n\n{false_alarms(false, [name for name in names if name != HARDENED])}",
        "**hardened**, each with its score:\n",
        table(["what", "score", "source"], _scored([row for _, judgements in false for row in judgements])),
        "### Looks like it\n\nHow the hardened detection rates what does nothing, or is not known to do anything:\n",
        table(["what", "command line", "score", "source"], _attempts([*parts["void"][1], *parts["unknown"][1]])),
    ]


def _hidden(judgements: Judged) -> list[list[str]]:
    return [[row.what, answer(verdicts[HARDENED]), row.no_trace] for row, verdicts in judgements if row.no_trace]


def _scored(judgements: Judged) -> list[list[str]]:
    rows = [(row, verdicts[HARDENED]) for row, verdicts in judgements]
    return [[row.what, _score(verdict), row.source] for row, verdict in rows if verdict.fires or verdict.blind]


def _attempts(judgements: Judged) -> list[list[str]]:
    return [[row.what, code(row.line), _score(verdicts[HARDENED]), row.source] for row, verdicts in judgements]


def _score(verdict: Verdict) -> str:
    if verdict.blind:
        return "0 (blind)"
    return f"{verdict.score:g}" if verdict.fires else "–"


def sources(catalogue: Catalogue) -> str:
    """Write the sources that rows name."""
    return table(["", "source"], [[name, text] for name, text in catalogue.sources.items()])
