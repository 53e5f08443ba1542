"""Measure many rules: `python -m tools.bench.rules [--rules 1,100,500,1415] [--rows N] [--runs N] [--without WHAT]
[--write]`.

Contains and endswith rules in the statistics of published ones, or with SSA_SIGMA_RULES those themselves, over rows in
the statistics of real events, or with SSA_REAL_EVENTS over those: ours, a plain command of splunk-sdk, SQLite and
DuckDB, which take turns in one run. Each figure is the least CPU time of some runs. Exit code 1 where two of them do
not find the same.
"""

from __future__ import annotations

import argparse
import sys

from tools.bench.rules import page


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.rules", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rules", default=",".join(map(str, page.COUNTS)), metavar="N,…", help="how many rules")
    parser.add_argument("--rows", type=int, default=page.ROWS, metavar="N")
    parser.add_argument("--runs", type=int, default=page.RUNS, metavar="N")
    parser.add_argument("--without", default="", metavar="WHAT,…", help=f"some of {','.join([*page.LABELS][1:])}")
    parser.add_argument("--write", action="store_true", help="write this part of docs/benchmark.md")
    asked = parser.parse_args(arguments)
    counts = tuple(sorted(map(int, asked.rules.split(","))))
    lines = []
    for line in page.report(counts, asked.rows, asked.runs, frozenset(asked.without.split(","))):
        print(line, flush=True)
        lines.append(line)
    if asked.write:
        before, _, after = page.PATH.read_text("utf-8").partition(page.HEADING)
        page.PATH.write_text(before + "\n".join(lines) + "\n\n" + after[after.index("## What is measured") :], "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
