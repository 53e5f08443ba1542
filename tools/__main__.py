"""The command line of the tools for detections: `python -m tools COMMAND …`."""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
from types import ModuleType

from tools import backfill, replay
from tools.content import explain, export, importer, index, sigma
from tools.content.authoring import cases, new

COMMANDS: dict[str, ModuleType] = {
    "backfill": backfill,
    "explain": explain,
    "export": export,
    "import": importer,
    "index": index,
    "new": new,
    "replay": replay,
    "sigma": sigma,
    "test": cases,
}
"""Each command is a module: its docstring is the help, `arguments(parser)` declares, `run(options)` does the work."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit code."""
    top = argparse.ArgumentParser(prog="python -m tools", description="Tools for detections.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        about = (module.__doc__ or "").strip()
        one = commands.add_parser(name, help=about.partition("\n")[0], description=about)
        module.arguments(one)
    options = top.parse_args(arguments)
    output = io.StringIO()
    try:
        with contextlib.redirect_stdout(output):
            return int(COMMANDS[options.command].run(options))
    finally:
        write(output.getvalue())


def write(text: str) -> None:
    """Write a text to standard output, as far as there is one: a closed output does not change the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    with contextlib.suppress(BrokenPipeError):
        if sys.stdout is not None:
            sys.stdout.write(text)
            sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
