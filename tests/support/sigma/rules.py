"""Real Sigma rules and their samples for tests: from the folder that SSA_SIGMA_RULES names, never from the project."""

import functools
import os
import tarfile
from pathlib import Path

import pytest
import yaml

from tools.content.sigma.conversion import convert
from tools.content.sigma.mapping import RuleMapping

FOLDER = "SSA_SIGMA_RULES"


def folder():
    """The named folder. Skips the test when none is named."""
    named = os.environ.get(FOLDER)
    if not named:
        pytest.skip(f"set {FOLDER} to a folder with Sigma rules")
    return Path(named)


@functools.cache
def unpacked(archive, target):
    """Unpack an archive of the folder; return where."""
    with tarfile.open(folder() / archive) as tar:
        tar.extractall(target, filter="data")
    return target


@functools.cache
def documents(rules):
    """Each rule file's document, by its path below the folder."""
    return {
        path.relative_to(rules).as_posix(): yaml.safe_load(path.read_text("utf-8")) for path in rules.rglob("*.yml")
    }


@functools.cache
def converted(rules):
    """What the conversion makes of a folder of rules."""
    return list(convert([rules], RuleMapping()))


def samples(regression):
    """(rule id, event log, how many of its events the rule must find, where it says so) of each sample."""
    found = []
    for info in sorted(regression.rglob("info.yml")):
        about = yaml.safe_load(info.read_text("utf-8"))
        for one in about["regression_tests_info"]:
            found.append((about["rule_metadata"][0]["id"], regression / one["path"], one.get("match_count")))
    return found
