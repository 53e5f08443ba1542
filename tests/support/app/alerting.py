"""The packaged alert action as splunkd starts it: a process, a payload on stdin, results in the dispatch folder."""

import gzip
import json
import os
import re
import shutil
import subprocess
from contextlib import closing, contextmanager

import pytest

from sandbox.search.chunked import encode_rows, environment
from sandbox.search.instance import Instance
from sandbox.search.server import DISPATCH
from sandbox.splunkd import Splunkd
from sandbox.store.sql import field_name
from ssa.rows.hits import detect
from tests.support import pythons
from tests.support.examples import HIT, given_detection

KEY = "secret^session_key.4711"
APP = "ssa_detections"
LEVELS = ("INFO", "WARN", "ERROR")

on_each_python = pytest.mark.parametrize("python", list(pythons.found()), indirect=True)
"""For what depends on Python; other tests take one of them each, and in `make soak` all."""


def result(**changes):
    """A row that the search command found: raw events' fields, and what the detection adds."""
    row = {**HIT, **changes}
    (hit,) = detect(given_detection(), row)
    return {**row, **hit}


def users(number, start=0):
    """Rows of as many users on one device."""
    whole = result(user="jdoe")

    def renamed(cell, name):
        return [renamed(item, name) for item in cell] if isinstance(cell, list) else cell.replace("jdoe", name)

    return [{k: renamed(v, f"user{each}") for k, v in whole.items()} for each in range(start, start + number)]


class Action:
    """The app in an instance, and its splunkd; `run` starts the action as splunkd does."""

    entry = "ssa_risk.py"

    def __init__(self, instance, splunkd, python):
        self.instance, self.splunkd, self.python = instance, splunkd, python
        self.app = instance.apps / APP
        self.dispatch = instance.home / DISPATCH / "scheduler__admin__1"
        self.ran = 0

    def reset(self, installed):
        """Be as new: the app as it was installed, nothing indexed, nothing remembered."""
        shutil.rmtree(self.app, ignore_errors=True)
        shutil.copytree(installed, self.app, copy_function=os.link)  # tests add files, or remove some
        shutil.rmtree(self.dispatch, ignore_errors=True)
        self.splunkd.spool.read()
        self.splunkd.spool.seen.clear()
        for table in ("events", "kvstore"):
            self.instance.database.execute(f"DELETE FROM {table}")
        self.splunkd.sessions = {KEY: frozenset({"edit_tcp"})}
        self.splunkd.indexes = {"main", "risk"}
        self.splunkd.failures.clear()
        self.splunkd.drops.clear()
        self.splunkd.requests.clear()

    def payload(self, *rows, payload=None, **parameters):
        """What splunkd sends, its results file written."""
        columns = list(dict.fromkeys(name for row in rows for name in row))
        self.ran += 1
        file = self.dispatch / f"results_{self.ran}.csv.gz"
        file.parent.mkdir(parents=True, exist_ok=True)
        table = [[row.get(name) for name in columns] for row in rows]
        file.write_bytes(gzip.compress(encode_rows(columns, table), 1))
        return {
            "app": APP,
            "owner": "admin",
            "results_file": str(file),
            "server_host": "search_head",
            "server_uri": self.splunkd.uri,
            "session_key": KEY,
            "sid": "scheduler__admin__1",
            "search_name": "SSA - Test - Rule",
            "configuration": parameters,
            "result": {},
            **(payload or {}),
        }

    def run(self, *rows, payload=None, shell="", **parameters):
        """Exit code and log of the action on some results; `payload` overrides what splunkd sends, `shell` is done
        before."""
        return self.start(json.dumps(self.payload(*rows, payload=payload, **parameters)), shell=shell)

    def start(self, stdin, *arguments, shell=""):
        command = self.command(*(arguments or ["--execute"]))
        ran = subprocess.run(
            ["bash", "-c", f'{shell}; exec "$@"', "bash", *command] if shell else command,
            input=stdin.encode(),
            capture_output=True,
            check=False,
            timeout=60,
            env=environment(self.instance.home),
        )
        self.splunkd.spool.read()
        log = ran.stderr.decode()
        assert ran.stdout == b""
        assert KEY not in log
        assert all(line.split(" ")[0] in LEVELS for line in log.splitlines()), log
        return ran.returncode, log

    def command(self, *arguments):
        return [self.python, str(self.app / "bin" / self.entry), *arguments]

    def local(self, conf, text):
        """Add to a conf what an admin would."""
        (self.app / "local").mkdir(exist_ok=True)
        with (self.app / "local" / f"{conf}.conf").open("a") as file:
            file.write(text)

    def shorten(self, maxtime="2s"):
        """Give the action less time, where it is to give up."""
        self.local("alert_actions", f"[ssa_risk]\nmaxtime = {maxtime}\n")

    @property
    def events(self):
        """What is indexed, in the order of writing, but for splunkd's own log."""
        self.splunkd.spool.read()
        with self.instance.database.cursor() as database:
            cursor = database.execute("FROM events ORDER BY rowid")
            names = [field_name(column[0]) for column in cursor.description]
            rows = [{k: v for k, v in zip(names, row, strict=True) if v is not None} for row in cursor.fetchall()]
        return [row for row in rows if row["index"] != "_internal"]

    def collection(self, name):
        return self.instance.kvstore.collection(APP, name)

    @property
    def ledger(self):
        return self.collection("ssa_risk_ledger").find()

    def requests_to(self, path):
        """The requests whose path ends so."""
        return [url for url in self.splunkd.requests if url.partition("?")[0].endswith(path)]

    @property
    def files(self):
        """How many files splunkd has read from its spool."""
        return len(self.splunkd.spool.seen)

    @property
    def writes(self):
        return self.requests_to("/receivers/simple")


@contextmanager
def running(home, python, tls=False):
    """The action in an instance of its own; `reset` installs the app. Without TLS, a proxy can stand between."""
    with closing(Instance(home)) as instance, Splunkd(instance, tls=tls) as splunkd:
        yield Action(instance, splunkd, python)


def counts(log):
    """The figures of the last line: name -> number."""
    return {name: int(number) for name, number in re.findall(r" ([a-z_]+)=(\d+)\b", log.splitlines()[-1])}


def assert_hidden(text):
    for part in (KEY, KEY.replace("^", "%5E"), *(KEY[start : start + 8] for start in range(len(KEY) - 7))):
        assert part not in text, part
