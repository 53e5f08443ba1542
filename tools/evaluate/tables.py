"""How the page writes tables, command lines and scores."""

from __future__ import annotations

from collections.abc import Iterable

INFORMATIONAL, LOW = 20, 40
"""Up to here a score is informational, or low: see SEVERITIES."""

LONGEST_LINE = 110


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Write a table."""
    cells = [list(head), *map(list, rows)]
    cells.insert(1, ["---"] * len(cells[0]))
    return "\n".join(f"| {' | '.join(row)} |" for row in cells) + "\n"


def code(line: str) -> str:
    """Write a command line so that it stands in a table: shortened, and what cannot be seen by its number."""
    shown = "".join(c if c.isprintable() or c == " " else f"⟨U+{ord(c):04X}⟩" for c in line).rstrip()
    shown = shown if len(shown) <= LONGEST_LINE else shown[: LONGEST_LINE - 1] + "…"
    quoted = f"`` {shown} ``" if "`" in shown else f"`{shown}`"
    return quoted.replace("|", "\\|") if shown else "(none)"


def share(part: int, whole: int) -> str:
    """Write a count of several, and its percentage."""
    return f"{part} of {whole} ({100 * part / whole:.0f} %)" if whole else "–"
