"""README.md and docs/: the commands of a shell, and the searches, that stand in blocks and in code spans."""

import re
import shutil
from collections.abc import Iterator
from textwrap import indent
from typing import NamedTuple

from tools import ROOT

PAGES = ["README.md", *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))]

PROGRAMS = {"splunk", "docker", "make", "git", "curl", "python", "python3", "pip", "npm"}
"""What a page may call by name, whether this machine has it or not."""

WINDOWS = ".exe"
"""End of a program that stands in an event: no command of a reader's shell."""

OF_SSA = "from read_ssa"
"""Begins the text of a detection, which looks like SPL and is none: tests/detections runs it."""


class Snippet(NamedTuple):
    """A line of a block, or a code span, without what Markdown needs around it."""

    page: str
    text: str
    inline: bool


def snippets(page: str) -> Iterator[Snippet]:
    """Yield what a page sets as code, in its order, but for detections in their own language."""
    text = re.sub(r"<!--.*?-->", "", (ROOT / page).read_text("utf-8"), flags=re.DOTALL)
    fenced = re.compile(r"^ *```.*\n((?:.*\n)*?) *```$", re.MULTILINE)
    text = fenced.sub(lambda block: "" if OF_SSA in block[1] else indent(f"\n{block[1]}", "    "), text)
    in_block = True  # an indented line is code behind an empty line, or behind code
    for line in text.splitlines():
        in_block = not line.strip() or (in_block and re.match(r" {4}", line) is not None)
        if in_block and line.strip():
            yield Snippet(page, line.strip(), inline=False)
        else:
            yield from (Snippet(page, span, inline=True) for span in spans(line))


def spans(line: str) -> Iterator[str]:
    """Yield the code spans of a line; in a row of a table, a pipe stands behind a backslash."""
    for _, span in re.findall(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", line):
        span = span[1:-1] if span.startswith(" ") and span.endswith(" ") else span
        yield span.replace(r"\|", "|") if line.lstrip().startswith("|") else span


def command(snippet: Snippet) -> str:
    """Return the command without a comment behind it, if a reader can type it into a shell; else an empty text."""
    text = re.sub(r" +# .*", "", snippet.text)
    words = re.sub(r"^(?:[A-Z_]+=\S+ +)+", "", text).split()
    if len(words) < 2 or words[0].endswith(WINDOWS):
        return ""
    options = any(re.match(r"[-/$.]\S", word) for word in words[1:])
    known = words[0] in PROGRAMS or words[0].startswith((".venv/", "./"))
    return text if known or (options and shutil.which(words[0]) is not None) else ""


def is_search(snippet: Snippet) -> bool:
    """Whether it is SPL: a pipeline, what begins with a macro or an index, or what a filter macro holds."""
    return bool(re.match(r"\| ?\w\w|index=|`\w[^`]*` *\S|(search|where) [^|]*[=<>][\w\"]", snippet.text))


def commands(*pages: str) -> dict[str, str]:
    """Return the commands of pages, each once and in order: command -> the page."""
    found: dict[str, str] = {}
    for page in pages:
        for snippet in snippets(page):
            if text := command(snippet):
                found.setdefault(text, page)
    return found


def searches(*pages: str) -> dict[str, str]:
    """Return the searches of pages, each once and in order: search -> the page."""
    found: dict[str, str] = {}
    for page in pages:
        for snippet in snippets(page):
            if is_search(snippet) and not command(snippet):
                found.setdefault(snippet.text, page)
    return found
