"""Write what is derived: pages, the demo's events, and the confs that repeat what ssa_detections.conf says."""

from __future__ import annotations

import sys

from tools import ROOT
from tools.content import demo_data, generated
from tools.docs import language, site, spl
from tools.evaluate import page as evaluation

DERIVED = {
    "default/macros.conf": generated.macros,
    "default/savedsearches.conf": generated.saved_searches,
    "default/analyticstories.conf": generated.stories,
}
"""Confs of which a part is derived: the rest stays as it is."""


def outputs() -> dict[str, str]:
    """Return path in the repository -> content of every derived file."""
    demo = {f"sandbox/demo/{name}": text for name, text in demo_data.build().items()}
    confs = {path: derive((ROOT / path).read_text()) for path, derive in DERIVED.items()}
    single = {language.PATH: language.page(), spl.PATH: spl.page(), evaluation.PATH: evaluation.page()}
    return {**site.outputs(), **single, **demo, **confs}


if __name__ == "__main__":
    for path, text in outputs().items():
        target = ROOT / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.is_file() or target.read_text() != text:
            target.write_text(text, newline="")
            sys.stdout.write(f"wrote {path}\n")
