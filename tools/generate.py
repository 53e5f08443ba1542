"""Write what is derived: pages of detections, of the language and of the sandbox, the demo's events."""

from __future__ import annotations

import sys

from tools import ROOT, demo_data, language, pages, spl


def outputs() -> dict[str, str]:
    """Return path in the repository -> content of every derived file."""
    demo = {f"sandbox/demo/{name}": text for name, text in demo_data.build().items()}
    return {**pages.pages(), language.PATH: language.page(), spl.PATH: spl.page(), **demo}


if __name__ == "__main__":
    for path, text in outputs().items():
        target = ROOT / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.is_file() or target.read_text() != text:
            target.write_text(text, newline="")
            sys.stdout.write(f"wrote {path}\n")
