"""Parts of docs/benchmark.md that several benchmarks write, each its own: a heading, and what stands under it."""

from __future__ import annotations

from collections.abc import Iterable

from tools import ROOT

PATH = ROOT / "docs/benchmark.md"


def read(heading: str, page: str) -> str:
    """Return a part of a page, from its heading (`## …`) to the next one; empty where there is none."""
    _, found, rest = f"\n{page}".partition(f"\n{heading}\n")
    own, _, _ = rest.partition("\n## ")
    return f"{heading}\n{own.rstrip()}\n" if found else ""


def put(heading: str, lines: Iterable[str], before: str, page: str) -> str:
    """Return a page with lines under a heading, in the place of what was there, else before another heading."""
    new, old = "\n".join([heading, "", *lines, ""]), read(heading, page)
    if old:
        return page.replace(old, new)
    start, found, rest = page.partition(f"\n{before}")
    return f"{start}\n{new}\n{before}{rest}" if found else f"{page}\n{new}"
