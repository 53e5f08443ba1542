"""Published rules about msiexec, and which of our detections find the same: the page's section "Coverage"."""

from __future__ import annotations

import tomllib
from collections import Counter
from dataclasses import dataclass, fields
from pathlib import Path

from tools.evaluate.tables import table

FILE = Path(__file__).with_name("published.toml")

REPOSITORIES = {
    "ESCU": "splunk/security_content",
    "Elastic SIEM": "elastic/detection-rules",
    "Elastic endpoint": "elastic/protections-artifacts",
    "Sigma": "SigmaHQ/sigma",
}
"""Where rules are published: the name on the page, and the repository on GitHub."""

RELATIONS = ("equal", "wider", "narrower", "none")
"""What our detections find, compared to what the rule is for."""

LACKING = ("narrower", "none")
"""Relations in which something is left out: the page says why."""

ABOUT = """## Coverage

The rules of four public repositories that are about msiexec and Windows Installer, as they stood by November 2026, and
which of our detections find the same. Compared is what a rule is for, not what else its text happens to match, and text
with text: for this section none was run. *Wider*: ours find it, and more; *narrower*: the rule finds something that
ours leave out. A hit with a low score counts as found. The endpoint repository could not be listed in full, so rules of
it may be missing.
"""


class PublishedError(ValueError):
    """A wrong entry of the list; the message names it."""


@dataclass(frozen=True)
class Published:
    """A published rule; `ours` are names of our detections, `why` what they leave out."""

    repository: str
    name: str
    id: str
    path: str
    looks_for: str
    ours: tuple[str, ...]
    relation: str
    why: str = ""

    @property
    def link(self) -> str:
        """The rule's name, linked to its text."""
        return f"[{self.name}](https://github.com/{REPOSITORIES[self.repository]}/blob/HEAD/{self.path})"


def load(file: Path = FILE) -> tuple[Published, ...]:
    """Read the list. Raises PublishedError for a wrong entry, tomllib.TOMLDecodeError for a file that is no TOML."""
    with file.open("rb") as handle:
        entries = tomllib.load(handle)["rules"]
    rules = tuple(_rule(f"{file.name}, rule {number}", entry) for number, entry in enumerate(entries, 1))
    for (repository, id), times in Counter((rule.repository, rule.id) for rule in rules).items():
        if times > 1:
            raise PublishedError(f"{file.name}: {repository} has {id} {times} times")
    return rules


def _rule(place: str, entry: dict[str, object]) -> Published:
    place += f" ({entry.get('name', 'without a name')})"
    if unknown := entry.keys() - {field.name for field in fields(Published)}:
        raise PublishedError(f"{place}: {', '.join(sorted(unknown))} is no field")
    ours, texts = entry.get("ours"), {name: value for name, value in entry.items() if name != "ours"}
    for name in ("repository", "name", "id", "path", "looks_for", "relation"):
        if not texts.get(name):
            raise PublishedError(f"{place}: {name} is missing")
    if wrong := [name for name, value in texts.items() if not isinstance(value, str)]:
        raise PublishedError(f"{place}: {wrong[0]} is a text")
    if not isinstance(ours, list) or not all(isinstance(name, str) for name in ours):
        raise PublishedError(f"{place}: ours is a list of names")
    rule = Published(ours=tuple(ours), **{name: str(value) for name, value in texts.items()})
    for name, value, known in (
        ("repository", rule.repository, tuple(REPOSITORIES)),
        ("relation", rule.relation, RELATIONS),
    ):
        if value not in known:
            raise PublishedError(f"{place}: {name} is one of {', '.join(known)}")
    if bool(rule.ours) == (rule.relation == "none"):
        raise PublishedError(f"{place}: relation is none where ours is empty, and only there")
    if not rule.why and rule.relation in LACKING:
        raise PublishedError(f"{place}: why is needed where relation is {rule.relation}")
    return rule


def section() -> str:
    """Write the section of the page: how many rules of each relation, and each rule."""
    rules = load()
    return "\n".join([
        ABOUT,
        table(["", "rules", *RELATIONS], _counts(rules)),
        table(["rule", "looks for", "ours", "relation", "what ours leave out"], map(_row, rules)),
    ])  # fmt: skip


def _counts(rules: tuple[Published, ...]) -> list[list[str]]:
    lines = [(name, [rule for rule in rules if rule.repository == name]) for name in REPOSITORIES]
    lines.append(("all", list(rules)))
    return [
        [name, str(len(some)), *(str(sum(rule.relation == relation for rule in some)) for relation in RELATIONS)]
        for name, some in lines
    ]


def _row(rule: Published) -> list[str]:
    cells = [f"{rule.repository}: {rule.link}", rule.looks_for, ", ".join(rule.ours) or "–", rule.relation, rule.why]
    return [cell.replace("|", "\\|") for cell in cells]
