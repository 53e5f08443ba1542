"""The packaged action writes into splunkd's spool: whole files or none, whoever owns the search, whatever fails."""

import errno
import fcntl
import os
import stat
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest

from ssa.action import spool
from ssa.action.alert import EXIT_OK, EXIT_SPLUNKD, EXIT_USAGE
from ssa.action.sink import SinkError
from ssa.action.spool import ABANDONED, BREAKER, EXTENSION, STAGED, Spool
from tests.support.app.alerting import counts, on_each_python, result, users
from tests.support.servers.faults import Faults, fault


@pytest.fixture
def home(tmp_path):
    """A Splunk home, without a splunkd."""
    for folder in ("var/run/splunk", "var/spool/splunk"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def files(home):
    return sorted(path for path in (home / "var").rglob("*") if path.is_file())


def sink(home, **changed):
    return Spool(**{"home": str(home), "index": "risk", "source": "SSA - Test - Rule", "host": "sh1", **changed})


# -- the file


def test_a_file_has_a_header_and_a_breaker_before_each_event_and_is_its_owners_alone(home):
    sink(home).write(["1.000, a", "2.000, b"])
    (file,) = files(home)
    assert file.parent == home / "var/spool/splunk"
    assert file.read_bytes().decode() == (
        '***SPLUNK*** index="risk" host="sh1" source="SSA - Test - Rule"\n'
        "==##~~##~~  1E8N3D4E6V5E7N2T9 ~~##~~##==\n1.000, a\n==##~~##~~  1E8N3D4E6V5E7N2T9 ~~##~~##==\n2.000, b"
    )
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_no_two_files_have_one_name(home):
    for _ in range(100):
        sink(home).write(["1.000, a"])
    assert len(files(home)) == 100


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SSA - Test - Rule", "SSA - Test - Rule"),
        ('a" index="main', "a_ index=_main"),
        ("a\r\n1.000, b", "a␍␊1.000, b"),
        ("a***SPLUNK*** index=main", "a**_SPLUNK*** index=main"),
        ("a\\", "a"),
        ("a\\b", "a\\b"),
        ("ключ é 💥", "ключ é 💥"),
        ("\u2028\x00\ud800", "␤␀⟨U+D800⟩"),
    ],
    ids=ascii,
)
def test_the_name_of_a_search_ends_neither_its_value_nor_the_line(home, text, expected):
    sink(home, source=text, host=text).write(["1.000, a"])
    (file,) = files(home)
    header, *events = file.read_text("utf-8").split(BREAKER)
    assert header == f'***SPLUNK*** index="risk" host="{expected}" source="{expected}"'
    assert events == ["1.000, a"]


# -- whoever owns the search


@on_each_python
@pytest.mark.parametrize("role", ["power", "user", "admin"])
def test_an_owner_of_any_role_gets_risk_written(action, role):
    action.splunkd.users["paul"] = ("secret", role)
    code, log = action.run(result(), payload={"session_key": action.splunkd.login("paul"), "owner": "paul"})
    assert (code, len(action.events), action.writes) == (EXIT_OK, 2, [])
    assert "written=2 written_before=0 not_written=0 ignored=0 index=risk dry_run=0 sink=spool problems=0" in log
    remembers = role == "admin"
    assert (len(action.ledger), "Make admin the owner of the search" in log) == (2 * remembers, not remembers)


@pytest.mark.parametrize("delivery", ["spool", "receivers"])
@pytest.mark.parametrize("index", ["main", "risk2", "RISK", "risk,main", 'risk" host="x'])
def test_an_index_that_no_admin_allows_is_refused_with_the_line_to_add(action, index, delivery):
    action.splunkd.indexes.update(("main", "risk2"))
    action.local("alert_actions", f"[ssa_risk]\ndelivery = {delivery}\n")
    code, log = action.run(result(), index=index)
    assert (code, action.events, action.splunkd.requests) == (EXIT_USAGE, [], [])
    assert f"allowed_indexes = risk, {index} under [ssa_risk] in local/alert_actions.conf" in log


def test_a_saved_search_cannot_allow_an_index_nor_choose_the_delivery(action):
    action.splunkd.indexes.add("main")
    settings = "".join(
        f"action.ssa_risk.{prefix}{name} = {value}\n"
        for prefix in ("", "param.")
        for name, value in (("allowed_indexes", "main"), ("delivery", "receivers"))
    )
    action.local("savedsearches", f"[SSA - Test - Rule]\nsearch = x\n{settings}")
    parameters = {"allowed_indexes": "main", "delivery": "receivers"}
    assert action.run(result(), index="main", **parameters)[0] == EXIT_USAGE
    code, log = action.run(result(), payload=parameters, **parameters)
    assert (code, len(action.events), action.writes) == (EXIT_OK, 2, [])
    assert "sink=spool" in log


def test_an_admin_allows_an_index_and_chooses_the_delivery(action):
    action.splunkd.indexes.add("main")
    action.local("alert_actions", "[ssa_risk]\nallowed_indexes = risk, main\ndelivery = receivers\n")
    code, log = action.run(result(), index="main")
    assert (code, {event["index"] for event in action.events}, len(action.writes)) == (EXIT_OK, {"main"}, 1)
    assert "sink=receivers" in log


# -- splunkd does not answer, or is not there


@pytest.mark.parametrize("uri", ["http://127.0.0.1:9", "nonsense"])
def test_without_splunkd_the_events_are_written_and_read_when_it_is_back(action, uri):
    action.shorten("4s")
    code, log = action.run(result(), payload={"server_uri": uri})
    assert (code, len(action.events), action.ledger) == (EXIT_OK, 2, [])
    assert "WARN" in log
    assert "sink=spool" in log


def test_a_splunkd_that_never_answers_costs_no_risk(action):
    action.shorten("10s")
    with Faults(action.splunkd.uri, lambda request: fault("silent")) as proxy:
        code, _ = action.run(*users(600), payload={"server_uri": proxy.uri})
    assert (code, len(action.events)) == (EXIT_OK, 601)


# -- the folder cannot be written


def replace_by(path, kind):
    """Put something else where a folder of the server was; return how to undo it."""
    aside = path.with_name(path.name + ".aside")
    path.rename(aside)
    if kind == "a file":
        path.write_text("")
    elif kind == "a link to nowhere":
        path.symlink_to(path.with_name("nowhere"))

    def undo():
        if kind != "missing":
            path.unlink()
        aside.rename(path)

    return undo


@pytest.mark.parametrize("kind", ["missing", "a file", "a link to nowhere"])
def test_where_the_spool_cannot_be_written_receivers_take_the_events(action, kind):
    undo = replace_by(action.splunkd.spool.folder, kind)
    try:
        code, log = action.run(*users(600))
    finally:
        undo()
    assert (code, len(action.events), len(action.writes)) == (EXIT_OK, 601, 3)
    assert log.count("were written by receivers instead. spool: splunkd's spool cannot be written: ") == 1
    assert "sink=receivers" in log
    assert leftovers(action) == []


def test_where_neither_takes_the_events_both_are_named_and_the_loss_is_counted(action):
    undo = replace_by(action.splunkd.spool.folder, "missing")
    action.splunkd.users["paul"] = ("secret", "user")
    try:
        code, log = action.run(result(), payload={"session_key": action.splunkd.login("paul")})
    finally:
        undo()
    assert (code, action.events, counts(log)["not_written"]) == (EXIT_SPLUNKD, [], 2)
    assert "ERROR risk events 1 to 2 were not written: spool: splunkd's spool cannot be written: " in log
    assert "; receivers: splunkd at " in log
    assert "lacks the capability edit_tcp or edit_log_alert_event" in log


@pytest.fixture
def elsewhere():
    """A folder on another file system than tests have."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        if Path(folder).stat().st_dev == Path(tempfile.gettempdir()).stat().st_dev:
            pytest.fail("this machine has one file system only")
        yield Path(folder)


def test_a_run_folder_on_another_file_system_is_passed_over(home, elsewhere):
    (home / "var/run/splunk").rmdir()
    (home / "var/run/splunk").symlink_to(elsewhere)
    sink(home).write(["1.000, a"])
    (file,) = files(home)
    assert (file.parent, list(elsewhere.iterdir())) == (home / "var/spool/splunk", [])


def test_a_spool_that_is_a_file_system_of_its_own_is_an_error_and_nothing_is_left(home, elsewhere):
    (home / "var/spool/splunk").rmdir()
    (home / "var/spool/splunk").symlink_to(elsewhere)
    with pytest.raises(SinkError, match="Invalid cross-device link") as refused:
        sink(home).write(["1.000, a"])
    assert (refused.value.temporary, refused.value.status) == (False, None)
    assert (files(home), list(elsewhere.iterdir())) == ([], [])


# -- the disk is full, a scanner holds the file


@pytest.mark.parametrize("step", ["open", "fsync", "replace"])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_an_error_at_any_step_leaves_nothing_and_may_pass(home, monkeypatch, step, error):
    def fail(*_):
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(spool.os, step, fail)
    with pytest.raises(SinkError, match=os.strerror(error)) as refused:
        sink(home).write(["1.000, a"])
    monkeypatch.undo()
    assert (files(home), refused.value.temporary) == ([], True)


@pytest.mark.parametrize(("blocks", "expected"), [(0, "receivers"), (50, "receivers"), (5_000, "spool")])
def test_a_disk_that_is_full_is_tried_again_and_then_left_to_receivers(action, blocks, expected):
    """No file of the process can grow beyond so many KB."""
    action.local("alert_actions", "[ssa_risk]\nmaxtime = 20s\n")
    code, log = action.run(*users(600), shell=f"ulimit -f {blocks}")
    assert (code, len(action.events), counts(log)["not_written"]) == (EXIT_OK, 601, 0)
    assert f"sink={expected}" in log
    assert ("try 1 failed, again in" in log) == (expected == "receivers")
    assert leftovers(action) == []


def test_a_disk_that_has_room_again_is_used_again(home, monkeypatch):
    failures = iter([OSError(errno.ENOSPC, "No space left on device")] * 2)
    fsync = os.fsync

    def fail_twice(descriptor):
        for failure in failures:
            raise failure
        fsync(descriptor)

    monkeypatch.setattr(spool.os, "fsync", fail_twice)
    with pytest.raises(SinkError):
        sink(home).write(["1.000, a"])
    sink(home).write(["1.000, a"])
    assert len(files(home)) == 1


def test_on_windows_a_file_is_closed_before_it_is_moved_and_one_that_is_held_open_is_tried_again(home, monkeypatch):
    monkeypatch.setattr(spool.sys, "platform", "win32")
    replace, opened = os.replace, []

    def refuse_open_files(path, target):
        assert not [each for each in Path("/proc/self/fd").iterdir() if each.exists() and each.samefile(path)]
        opened.append(path)
        if len(opened) <= 2:
            raise PermissionError(errno.EACCES, "The process cannot access the file")
        replace(path, target)

    monkeypatch.setattr(spool.os, "replace", refuse_open_files)
    with pytest.raises(SinkError) as refused:
        sink(home).write(["1.000, a"])
    assert refused.value.temporary
    sink(home).write(["1.000, a"])
    assert len(files(home)) == 1


# -- what ended runs leave behind


def leftovers(action):
    """What is being written, or was when its run ended."""
    var = action.instance.home / "var"
    return [path for stage in ("run/splunk", "spool") for path in (var / stage).glob(f"{STAGED}*")]


def staged(home, name, age=0.0):
    path = home / "var/run/splunk" / f"{STAGED}{name}{EXTENSION}"
    path.write_text("half")
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_a_run_removes_what_earlier_runs_left_and_nothing_else(home):
    left, younger = staged(home, "left", age=5), staged(home, "younger", age=-5)
    (home / "var/run/splunk/other.txt").write_text("another's")
    (home / "var/run/splunk" / f"{STAGED}note.txt").write_text("another's")
    written = staged(home, "written", age=5)
    with written.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        sink(home).clean()
    assert not left.exists()
    assert {path.name for path in files(home)} == {younger.name, written.name, "other.txt", f"{STAGED}note.txt"}
    sink(home).clean()
    assert not written.exists()


@pytest.mark.parametrize("system", ["without locks", "Windows"])
def test_where_no_lock_tells_an_hour_does(home, monkeypatch, system):
    old, young = staged(home, "old", ABANDONED + 5), staged(home, "young", ABANDONED - 60)
    if system == "Windows":
        monkeypatch.setattr(spool.sys, "platform", "win32")
    else:

        def unsupported(*_):
            raise OSError(errno.ENOTSUP, "not supported")

        monkeypatch.setattr(spool.fcntl, "flock", unsupported)
    sink(home).clean()
    assert (old.exists(), young.exists()) == (False, True)
    sink(home).write(["1.000, a"])


def test_a_run_that_is_killed_while_it_writes_leaves_nothing_for_splunkd_and_the_next_one_cleans_up(action):
    path = staged(action.instance.home, "killed", age=1)
    killed = action.instance.home / "var/run/splunk" / "hold.py"
    killed.write_text(
        f"import fcntl, time\nfile = open({str(path)!r}, 'r+b')\nfcntl.flock(file, fcntl.LOCK_EX)\n"
        "print(flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([action.python, str(killed)], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        action.run(result())
        assert leftovers(action) == [path]
        process.kill()
    action.run(result(user="other"))
    assert (leftovers(action), len(action.events)) == ([], 3)
    killed.unlink()


def test_a_file_that_is_removed_while_it_is_written_is_written_again(home, monkeypatch):
    def remove(path, target):
        Path(path).unlink()
        replace(path, target)

    replace = os.replace
    monkeypatch.setattr(spool.os, "replace", remove)
    with pytest.raises(SinkError) as refused:
        sink(home).write(["1.000, a"])
    assert refused.value.temporary


def test_actions_that_run_at_once_never_touch_one_file(home):
    """Threads of one process share no lock, so that each cleaning is one of another run."""
    started = threading.Barrier(4)

    def run(number):
        started.wait()
        for each in range(50):
            writer = sink(home, source=f"search {number}")
            writer.clean()
            writer.write([f"{number}.{each:03}, a", f"{number}.{each:03}, b"])

    threads = [threading.Thread(target=run, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(files(home)) == 200
    lines = [line for path in files(home) for line in path.read_text().split("\n")[1:] if line[:2] != "=="]
    assert len(lines) == len(set(lines)) == 400
