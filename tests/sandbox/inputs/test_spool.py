"""The spool is read as splunkd reads it, traps included: what is half written, named twice or badly quoted is lost."""

import threading
import uuid

import pytest

from sandbox.errors import SandboxError
from sandbox.inputs.spool import Spool
from sandbox.search.instance import Instance
from sandbox.splunkd import Splunkd

HEADER = '***SPLUNK*** index="risk" host="sh1" source="SSA - Test - Rule"'
BREAKER = "\n==##~~##~~  1E8N3D4E6V5E7N2T9 ~~##~~##==\n"
PROPS = r"""[stash_test]
HEADER_MODE = firstline
LEARN_MODEL = false
SHOULD_LINEMERGE = false
LINE_BREAKER = (\r?\n==##~~##~~  1E8N3D4E6V5E7N2T9 ~~##~~##==\r?\n)
TIME_PREFIX = ^
TIME_FORMAT = %s.%Q
MAX_TIMESTAMP_LOOKAHEAD = 20
MAX_DAYS_AGO = 10000
TRUNCATE = 0
TRANSFORMS-st = set_sourcetype_to_stash
"""
INPUTS = """[batch://$SPLUNK_HOME/var/spool/splunk/...stash_test]
queue = stashparsing
sourcetype = stash_test
move_policy = sinkhole
crcSalt = <SOURCE>

[batch://$SPLUNK_HOME\\var\\spool\\splunk\\...stash_test]
queue = stashparsing
sourcetype = stash_test
move_policy = sinkhole
crcSalt = <SOURCE>
"""


def event(number):
    return f'17000000{number:02}.000, search_name="x", n="{number}"'


WHOLE = HEADER + "".join(BREAKER + event(number) for number in (1, 2))


class Spooled:
    """A server with an app that has a batch input, and its spool, which nobody else reads."""

    def __init__(self, home):
        self.instance = Instance(home)
        default = self.instance.apps / "app/default"
        default.mkdir(parents=True)
        (default / "props.conf").write_text(PROPS)
        (default / "inputs.conf").write_text(INPUTS)
        self.spool = Spool(self.instance, lambda: {"main", "risk"})
        self.folder, self.run = self.spool.folder, home / "var/run/splunk"
        self.run.mkdir(parents=True, exist_ok=True)

    def drop(self, text, name="", extension=".stash_test"):
        """Move a file into the spool."""
        name = name or uuid.uuid4().hex
        (self.run / name).write_bytes(text.encode())
        (self.run / name).rename(self.folder / f"{name}{extension}")

    def found(self, *names):
        """Read the spool; return what is indexed then."""
        self.spool.read()
        assert list(self.folder.iterdir()) == []
        rows = self.instance.search("search index=* | sort 0 _time, n").rows
        return [tuple(row.get(name) for name in names) for row in rows if row["index"] != "_internal"]


@pytest.fixture
def spooled(tmp_path):
    spooled = Spooled(tmp_path)
    yield spooled
    spooled.instance.close()


def test_a_file_that_is_moved_in_is_indexed_event_by_event_and_deleted(spooled):
    spooled.drop(WHOLE)
    assert spooled.found("index", "host", "source", "sourcetype", "_time", "n") == [
        ("risk", "sh1", "SSA - Test - Rule", "stash", "1700000001", "1"),
        ("risk", "sh1", "SSA - Test - Rule", "stash", "1700000002", "2"),
    ]


def test_a_file_in_the_middle_of_being_written_is_swallowed_and_the_rest_of_it_is_lost(spooled):
    with (spooled.folder / "half.stash_test").open("w") as file:
        file.write(WHOLE[:-20])
        file.flush()
        assert [n for (n,) in spooled.found("n")] == ["1", None]
        file.write(WHOLE[-20:])
    assert [n for (n,) in spooled.found("n")] == ["1", None]


def test_the_catch_all_takes_what_no_other_input_takes_header_and_all(spooled):
    (spooled.folder / "of.stash_test.tmp").write_text(WHOLE)
    found = spooled.found("index", "sourcetype", "_raw")
    assert {(index, sourcetype) for index, sourcetype, _ in found} == {("main", None)}
    assert HEADER in {raw for _, _, raw in found}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("***SPLUNK*** index=risk host=h source=s", ("risk", "h", "s")),
        ('***SPLUNK*** index="risk" host="h" source="a b=c"', ("risk", "h", "a b=c")),
        # who does not quote has another's text read as settings
        ('***SPLUNK*** index="risk" host="h" source="a" index="main"', ("main", "h", "a")),
        ('***SPLUNK*** index="risk" host="h" source="a\\" index="main"', ("main", "h", "a\\")),
    ],
)
def test_the_first_line_sets_where_the_events_go(spooled, header, expected):
    spooled.drop(header + BREAKER + event(1))
    assert spooled.found("index", "host", "source") == [expected]


@pytest.mark.parametrize("inside", [BREAKER.strip(), HEADER, BREAKER.replace("  ", " ")])
def test_a_breaker_or_header_within_an_event_is_text(spooled, inside):
    spooled.drop(HEADER + BREAKER + event(1) + f', text="{inside}"' + BREAKER + event(2))
    assert [n for (n,) in spooled.found("n")] == ["1", "2"]


def test_an_event_right_behind_the_header_is_lost(spooled):
    spooled.drop(f"{HEADER}\n{event(1)}{BREAKER}{event(2)}")
    assert spooled.found("n") == [("2",)]


def test_without_a_header_events_go_to_main_with_the_files_path_as_source(spooled):
    spooled.drop(event(1), "plain")
    assert spooled.found("index", "host", "source") == [
        ("main", "search_head", str(spooled.folder / "plain.stash_test"))
    ]


def test_a_name_that_is_used_twice_loses_the_second_file(spooled):
    for _ in range(2):
        spooled.drop(WHOLE, "same")
        assert len(spooled.found("n")) == 2
    spooled.drop(WHOLE, "other")
    assert len(spooled.found("n")) == 4


def test_the_events_of_an_index_that_is_not_there_are_dropped_with_a_warning(spooled):
    spooled.drop(WHOLE.replace('"risk"', '"nowhere"'))
    assert spooled.found("n") == []
    (row,) = spooled.instance.search("search index=_internal component=IndexerService").rows
    assert "Received event for unconfigured/disabled/deleted index=nowhere with source=" in row["_raw"]


def test_what_was_written_while_splunkd_stood_still_is_read_when_it_starts(spooled):
    with Splunkd(spooled.instance, tls=False):
        pass
    spooled.drop(WHOLE)
    assert list(spooled.folder.iterdir()) != []
    assert spooled.instance.search("search index=risk").rows == []
    with Splunkd(spooled.instance, tls=False):
        assert len(spooled.instance.search("search index=risk").rows) == 2


def test_files_that_two_writers_move_in_while_it_reads_are_each_read_once(spooled):
    files = 100

    def write(writer):
        for number in range(files):
            spooled.drop(HEADER + "".join(f'{BREAKER}1700000001.000, n="{writer}-{number}-{k}"' for k in range(3)))

    with Splunkd(spooled.instance, tls=False) as splunkd:
        writers = [threading.Thread(target=write, args=[each]) for each in range(2)]
        for each in writers:
            each.start()
        for each in writers:
            each.join()
        splunkd.spool.read()
        found = [row["n"] for row in spooled.instance.search("search index=risk | table n").rows]
    assert len(found) == len(set(found)) == 2 * files * 3


@pytest.mark.parametrize("setting", ["move_policy = copy", "host_regex = x", "queue = indexQueue"])
def test_a_setting_that_is_not_modelled_is_an_error(spooled, setting):
    (spooled.instance.apps / "app/default/inputs.conf").write_text(INPUTS.replace("move_policy = sinkhole", setting))
    spooled.drop(WHOLE)
    with pytest.raises(SandboxError, match=f"{setting} is not supported by the sandbox"):
        spooled.spool.read()


def test_what_goes_wrong_while_it_reads_by_itself_is_raised_when_it_stops(spooled):
    (spooled.instance.apps / "app/default/inputs.conf").write_text(INPUTS + "\nnonsense")
    with pytest.raises(SandboxError, match="expected 'key = value'"), Splunkd(spooled.instance, tls=False) as splunkd:
        spooled.drop(WHOLE)
        splunkd.reader.join(10)
