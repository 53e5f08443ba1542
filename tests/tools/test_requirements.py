"""What `make` installs for a command is what the command imports: a newcomer's .venv has no more."""

import re
import sys
from importlib.metadata import packages_distributions

import pytest

from tests.support.imports import imports
from tools import ROOT

OURS = {"ssa", "sandbox", "tools", "tests"}
DEV = ("tools/build/inspect_app.py", "tools/ui/screenshots.py")
"""Files that the Makefile runs with requirements/dev.txt."""
BROWSER = "tools/ui/browser.py"
"""What the second of them, and tests, drive a browser with."""
SIGMA = ("tools/content/sigma/", "tools/bench/", "tools/docs/sigma_page.py")
"""Files that it runs with requirements/sigma.txt, too."""

FILES = sorted(path.relative_to(ROOT).as_posix() for top in ("sandbox", "tools") for path in (ROOT / top).rglob("*.py"))


def required(name):
    text = (ROOT / f"requirements/{name}.txt").read_text("utf-8")
    return {found.lower() for found in re.findall(r"^([\w-]+)==", text, re.MULTILINE)}


def test_every_import_of_a_command_is_installed_for_it():
    distributions = packages_distributions()
    missing = []
    for file in FILES:
        if file in (*DEV, BROWSER):
            continue
        allowed = required("sandbox") | (required("sigma") if file.startswith(SIGMA) else set())
        tops = {name.partition(".")[0] for name in imports(ROOT / file)}
        for top in tops - OURS - sys.stdlib_module_names - {"splunklib"}:
            if not {name.lower() for name in distributions.get(top, [top])} & allowed:
                missing.append(f"{file}: {top}")
    assert missing == []


@pytest.mark.parametrize("file", DEV)
def test_what_needs_more_is_run_with_more(file):
    module = file.removesuffix(".py").replace("/", ".")
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert re.search(rf"^[\w-]+: \$\(VENV\)/dev.*\n\t.* -m {re.escape(module)}(?: \$\(\w+\))?$", makefile, re.MULTILINE)
