"""Measure a trial: `python -m tools.bench.rules.trial [--events N] [--rules N]`.

What `python -m tools sigma RULES --try FILE` does from end to end, rules read, converted and indexed, events read, and
run through the packaged command: events a second, of wall time and, as other load makes that longer, of processor time
of both processes; 1 % of the events are a hit. The rules are those of
SSA_SIGMA_RULES, else made ones. Exit code 1 where other hits are found than a function in Python for each rule finds.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from xml.sax.saxutils import escape

import yaml

from tools.bench.rules import documents, rows
from tools.bench.rules.measuring import Rules
from tools.bench.scan.runs import machine
from tools.content.sigma import conversion, trial
from tools.content.sigma.mapping import RuleMapping

EVENTS, RULES, RATE = 100_000, 850, 0.01
GOAL = 2_000
"""Events a second of processor time."""

_SYSMON = (
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-"
    "Sysmon' Guid='{{5770385F-C22A-43E0-BF4C-06F5698FFBD9}}'/><EventID>1</EventID><Version>5</Version><Level>4</Level>"
    "<TimeCreated SystemTime='{time}'/><Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>{host}"
    "</Computer></System><EventData>{data}</EventData></Event>"
)
_DATA = {
    "ProcessId": "process_id",
    "Image": "process_path",
    "CommandLine": "process",
    "CurrentDirectory": "process_current_directory",
    "User": "user",
    "IntegrityLevel": "process_integrity_level",
    "Hashes": "process_hash",
    "ParentImage": "parent_process_path",
    "ParentCommandLine": "parent_process",
    "OriginalFileName": "original_file_name",
    "Description": "Description",
    "Product": "Product",
    "Company": "Company",
}
"""Sysmon's name of a column of rows.py."""


def event(number: int, user: str, device: str, line: str) -> str:
    """Return an event of a new process, in one row of XML."""
    return text({"user": user, "dest": device, "process": line, "process_path": "C:\\x.exe"}, number)


def text(row: rows.Row, number: int) -> str:
    """Return a row of rows.py as an event of Sysmon."""
    found = ((name, row[column]) for name, column in _DATA.items() if column in row)
    data = "".join(f"<Data Name='{name}'>{escape(value)}</Data>" for name, value in found)
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(1_700_000_000 + number // 8))
    return _SYSMON.format(time=f"{at}.{number % 8 * 125:03d}0000Z", host=escape(row["dest"]), data=data)


def measured(home: Path, events: int, count: int) -> tuple[trial.Trial, int, float]:
    """Return what a trial found, how many hits there are, and its processor time (s); `home` is a folder."""
    bases = rows.bases(False)
    is_real = bool(os.environ.get(documents.FOLDER))
    rules = Rules(home, count, bases, is_real)
    names = {rule.name for rule in rules.all}
    candidates = documents.documents(count + count // 4 + 10, bases, is_real)
    folder = home / "rules"
    folder.mkdir()
    mapping = RuleMapping()
    for number, document in enumerate(candidates):
        if conversion.convert_one("bench", document, [], mapping).name in names:
            (folder / f"{number}.yml").write_text(yaml.safe_dump(document), "utf-8")
    made = rows.blown_up(bases, lambda row: any(rules.found(row)), events, RATE)
    with (home / "events.log").open("w", encoding="utf-8") as file:
        file.writelines(text(row, number) + "\n" for number, row in enumerate(made))
    planted = sum(sum(1 for _ in rules.found(row)) for row in made)
    started, spent = time.monotonic(), processor()
    converted = [one for one in conversion.convert([folder], mapping) if one.name]
    done = trial.tried(converted, [home / "events.log"])
    done.seconds = time.monotonic() - started
    return done, planted, processor() - spent


def processor() -> float:
    """Return the seconds of processor time of this process and those that it has started, which have ended."""
    return sum(os.times()[:4])


def main(arguments: list[str] | None = None) -> int:
    """Measure, and print one line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.bench.rules.trial", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--events", type=int, default=EVENTS, metavar="N")
    parser.add_argument("--rules", type=int, default=RULES, metavar="N")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as home:
        done, planted, spent = measured(Path(home), asked.events, asked.rules)
    hits = sum(fired.hits for fired in done.fired.values())
    rate, least = done.events / done.seconds, done.events / spent
    goal = "met" if least >= GOAL else "missed"
    print(
        f"{asked.rules:,} rules over {done.events:,} events: {hits:,} hits of {planted:,}, {done.seconds:.1f} s, "
        f"{rate:,.0f} events a second, {least:,.0f} of processor time (at least {GOAL:,}: {goal}); {machine()}"
    )
    return int(hits != planted or done.events != asked.events)


if __name__ == "__main__":
    sys.exit(main())
