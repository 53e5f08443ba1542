"""Write what is generated: the one list of those files, each with its generator and what it is generated from.

Each file, and each generated stanza of a conf, carries the mark of tools/marks.py; where a format has no comments, the
list gives the reason. A marked page that its generator no longer writes goes away, as does a marked stanza.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from tools import ROOT
from tools.content import demo_data, engine, generated
from tools.docs import detections, language, sandbox_page, sigma_page
from tools.evaluate import page as evaluation
from tools.marks import MARK

NO_COMMENTS = "has no comments"
DAY = "tools/content/demo_day.toml, tools/content/demo_data.py"


class Output(NamedTuple):
    """Files that one generator writes."""

    files: str
    """A path in the repository, or a pattern of paths."""
    sources: str
    """What they are generated from."""
    generate: Callable[[], Mapping[str, str]] | None
    """Returns path -> content; None where another command writes them: `sources` names it."""
    unmarked: str = ""
    """Why the files carry no mark; empty where each carries one."""


def _demo(suffix: str) -> Callable[[], dict[str, str]]:
    return lambda: {f"sandbox/demo/{name}": text for name, text in demo_data.build().items() if name.endswith(suffix)}


def _conf(name: str, stanzas: Callable[[], Iterable[generated.Stanza]]) -> Output:
    path = f"default/{name}.conf"

    def generate() -> dict[str, str]:
        return {path: generated.rewritten((ROOT / path).read_text("utf-8"), path, stanzas())}

    return Output(path, f"{generated.DETECTIONS}, {generated.TABLE}: the stanzas with a mark", generate)


def _page(path: str, sources: str, page: Callable[[], str]) -> Output:
    return Output(path, sources, lambda: {path: page()})


OUTPUTS = (
    _conf("macros", generated.macros),
    _conf("savedsearches", generated.saved_searches),
    _conf("analyticstories", generated.stories),
    _conf("ssa_detection_index", generated.index_entries),
    _page(engine.PATH, engine.SOURCES, engine.module),
    Output("docs/detections/*.md", generated.DETECTIONS, detections.detection_pages),
    Output(detections.LAYER, generated.DETECTIONS, detections.layer, "JSON " + NO_COMMENTS),
    _page(language.PATH, "bin/ssa/language, tools/docs/language.py", language.page),
    _page(sandbox_page.PATH, "sandbox/commands, tests/sandbox/commands", sandbox_page.page),
    _page(sigma_page.PATH, ", ".join(sigma_page.SOURCES), sigma_page.page),
    _page(evaluation.PATH, evaluation.SOURCE, evaluation.page),
    Output("sandbox/demo/*.log", DAY, _demo(".log"), "a log of Windows events " + NO_COMMENTS),
    Output("sandbox/demo/catalogue.json", DAY, _demo(".json"), "JSON " + NO_COMMENTS),
    Output("docs/benchmark.md", "`make bench-scan`, which measures", None),
    Output("docs/images/*.png", "`make screenshots`, which draws the views", None, "a picture " + NO_COMMENTS),
)


def outputs() -> dict[str, str]:
    """Return path in the repository -> content of every file that `make generate` writes."""
    return {path: text for output in OUTPUTS if output.generate is not None for path, text in output.generate().items()}


def main() -> int:
    """Write the files that change, and remove marked ones that are no longer generated; return the exit code."""
    try:
        texts = outputs()
    except generated.OverwriteError as error:
        sys.stderr.write(f"{error}\nNothing was written.\n")
        return 1
    for path, text in texts.items():
        target = ROOT / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.is_file() or target.read_bytes() != text.encode():
            target.write_text(text, encoding="utf-8", newline="")
            sys.stdout.write(f"wrote {path}\n")
    for output in OUTPUTS:
        if output.generate is None or output.unmarked:
            continue
        for target in sorted(ROOT.glob(output.files)):
            path = target.relative_to(ROOT).as_posix()
            if path not in texts and MARK in target.read_text("utf-8"):
                target.unlink()
                sys.stdout.write(f"removed {path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
