"""The command line of the tools for detections: `python -m tools COMMAND …`."""

from __future__ import annotations

import argparse
import sys
from types import ModuleType

from tools import explain, importer

COMMANDS: dict[str, ModuleType] = {
    "explain": explain,
    "import": importer,
}
"""Each command is a module: its docstring is the help, `arguments(parser)` declares, `run(asked)` does the work."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit code."""
    top = argparse.ArgumentParser(prog="python -m tools", description="Tools for detections.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        about = (module.__doc__ or "").strip()
        one = commands.add_parser(name, help=about.partition("\n")[0], description=about)
        module.arguments(one)
    asked = top.parse_args(arguments)
    return int(COMMANDS[asked.command].run(asked))


if __name__ == "__main__":
    sys.exit(main())
