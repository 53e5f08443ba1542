"""Modules that are loaded when they are used."""

import subprocess
import sys

from tests.support.examples import ROOT

CHILD = """
import sys
sys.path.insert(0, sys.argv[1] + "/bin")
from ssa.search import lazily
lazily.defer()
assert "logging" in sys.modules and "tokenize" not in sys.modules
import gzip, tempfile, urllib.parse
from logging.config import fileConfig
from xml.etree import ElementTree
from inspect import getmembers, isclass, isfunction, signature
from shutil import make_archive
assert type(gzip) is type(tempfile) is lazily._StandIn
tempfile.tempdir = "/there"
assert tempfile.tempdir == "/there" and "random" not in sys.modules
assert gzip.decompress(gzip.compress(b"x")) == b"x"
assert urllib.parse.quote("a b") == "a%20b"
assert ElementTree.fromstring("<a/>").tag == "a"
assert tempfile.gettempdir() == "/there" and "random" in sys.modules
try:
    make_archive("x", "no format")
except ValueError:
    pass
import inspect, shutil, logging.config, tempfile, urllib.parse
assert [type(m) for m in (inspect, shutil, tempfile, urllib.parse)] == [type(sys)] * 4
assert str(signature(fileConfig)).startswith("(*")
class Some:
    a = 1
    def b(self): pass
    class c: pass
for predicate in (isfunction, isclass, callable, lambda value: True):
    assert getmembers(Some, predicate) == inspect.getmembers(Some, predicate)
assert not hasattr(sys.modules["splunklib.client"], "__path__")
"""


def test_a_stand_in_becomes_the_module_that_is_asked_for(python):
    ran = subprocess.run(
        [python, "-S", "-c", CHILD, str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": next(path for path in sys.path if path.endswith("site-packages"))},
    )
    assert ran.returncode == 0, ran.stderr
