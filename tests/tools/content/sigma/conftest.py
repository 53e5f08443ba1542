"""An app to import into, and rules of our own."""

import shutil

import pytest
import yaml

from tests.support.sigma.own import rule
from tools import ROOT
from tools.__main__ import main

LEVELS = {"low": "test", "high": "stable", "critical": "test", "medium": "experimental"}
TAGS = (["attack.execution"], ["attack.t1003"], ["attack.t1003.002"], [])


@pytest.fixture
def app(tmp_path):
    """What an import reads of an app."""
    app = tmp_path / "ssa_detections"
    shutil.copytree(ROOT / "default", app / "default")
    shutil.copytree(ROOT / "bin/ssa", app / "bin/ssa", ignore=shutil.ignore_patterns("__pycache__"))
    return app


@pytest.fixture
def rules(tmp_path):
    """A folder of rules of several levels, and one that is wrong."""
    folder = tmp_path / "rules"
    (folder / "deep").mkdir(parents=True)
    for number, (level, status) in enumerate(LEVELS.items()):
        path = folder / "deep" / f"{number}.yml"
        path.write_text(yaml.safe_dump(rule(number, level=level, status=status, tags=TAGS[number])))
    (folder / "wrong.yml").write_text(
        yaml.safe_dump(rule(9, level="high", status="test", detection={"condition": "a"}))
    )
    return folder


@pytest.fixture
def run(app, rules, capsys):
    """Runs the command over the rules, or another path; returns its exit code, output and errors."""

    def run(*options, path=rules):
        code = main(["sigma", *([str(path)] if path else []), "--app", str(app), *options])
        output = capsys.readouterr()
        return code, output.out, output.err

    return run
