"""ssadetect, which speaks the protocol itself, and the plain StreamingCommand of splunk-sdk answer alike.

Compared are the exit code, the metadata of each reply with its messages, and columns and rows of each body (not their
order of columns, nor how cells are quoted). Where they differ, the reason stands in DIFFERENCES.
"""

import json
import shutil
import subprocess
from random import Random

import pytest

from tests.support import pythons
from tests.support.app.conversations import (
    ask,
    chunk,
    conversation,
    errors,
    execute,
    getinfo,
    messages,
    replies,
    rows,
)
from tests.support.app.search_command import local, stanza
from tests.support.examples import HIT
from tests.support.soak import SEED, count, report

APPS = {
    "shipped": "",
    "more": stanza("Everything")
    + stanza("Broken", "| from {nowhere}()")
    + stanza(
        "Another User",
        "| from read_ssa_enriched_events() | where input_event.dest_user_id IS NOT NULL "
        "| into write_ssa_detected_events();",
        columns="dest_user_id:process_name",
    ),
    "any field": stanza(
        "Any",
        "| from read_ssa_enriched_events() "
        '| where map_get(input_event, lower("PROCESS_NAME")) = "MsiExec.exe" AND input_event.event_id IS NOT NULL '
        "| into write_ssa_detected_events();",
    ),
    "none": "[default]\ndisabled = 1\n",
}
"""What stands in local/ssa_detections.conf of each app that is asked."""

ROW = (
    ",".join(f'"{name}"' for name in HIT)
    + "\n"
    + ",".join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in HIT.values())
    + "\n"
)
ENDS = "splunkd's input cannot be read: "


@pytest.fixture(scope="module")
def apps(installed, tmp_path_factory):
    found = {}
    for name, text in APPS.items():
        found[name] = shutil.copytree(installed, tmp_path_factory.mktemp("parity") / "ssa_detections")
        local(found[name], text)
    return found


@pytest.fixture
def home(tmp_path):
    return tmp_path


@pytest.fixture
def both(apps, python, home):
    """Ask both commands of an app: ours, and the reference."""

    def answers(stream, app="shipped"):
        entries = ("ssadetect.py", "ssadetect_sdk.py")
        return [ask(apps[app], python, home, stream, entry) for entry in entries]

    return answers


def comparable(answer):
    code, sent = answer
    return code, [(metadata, rows(body)) for metadata, body in sent]


def test_any_conversation_gets_the_same_answer(both, home):
    hits, failed, total = 0, 0, count(20, 1 + 2_000 // len(pythons.found()), short=9)
    for number in range(total):
        random = Random(f"{SEED} {number}")
        stream = b"".join(conversation(random.random(), home))
        ours, reference = map(comparable, both(stream, random.choice([*APPS, "shipped", "more"])))
        assert ours == reference, (number, stream)
        hits += sum(len(found) for _, (_, found) in ours[1])
        failed += ours[0] != 0
    assert hits > total
    assert 0 < failed < total
    report(f"{total:,} conversations: {hits:,} hits, {failed} refused, each answered alike")


CHILD = """
import io, json, sys
sys.path[:0] = [sys.argv[1] + "/bin", sys.argv[1] + "/bin/lib"]
from ssa.search import command, sdk_command

def ours(stream, sink):
    return command.serve(stream, sink)

def reference(stream, sink):
    on_sdk = sdk_command.SsaDetectCommand()
    try:
        on_sdk.process(["ssadetect_sdk.py"], stream, sink)
    except SystemExit as ended:
        return ended.code
    return int(on_sdk.failed)

asked = json.load(sys.stdin)
for cut in asked["cuts"]:
    for serve in ours, reference:
        sink = io.BytesIO()
        code = serve(io.BytesIO(asked["stream"].encode("latin-1")[:cut]), sink)
        print(json.dumps([code, sink.getvalue().decode("latin-1")]))
"""
"""Asks both commands in one process, thousands of times: a stream that ends at each place asked for."""


def test_a_conversation_that_breaks_off_anywhere_gets_the_same_answer_up_to_there_and_ours_an_error(apps, python, home):
    """Cut within a chunk, the SDK takes a part of a body for the whole, which hides events: ours fails the search."""
    chunks = [getinfo(home), execute(ROW.encode()), execute(b""), execute(ROW.encode() * 2, finished=True)]
    stream, ends = b"".join(chunks), [sum(map(len, chunks[: place + 1])) for place in range(len(chunks))]
    wanted = count(60, len(stream), short=30)
    cuts = sorted({*Random(SEED).sample(range(len(stream)), wanted), *ends})
    ran = subprocess.run(
        [python, "-c", CHILD, str(apps["more"])],
        input=json.dumps({"stream": stream.decode("latin-1"), "cuts": cuts}),
        capture_output=True,
        text=True,
        check=False,
    )
    answers = [(code, [*replies(sent.encode("latin-1"))]) for code, sent in map(json.loads, ran.stdout.splitlines())]
    assert len(answers) == 2 * len(cuts), ran.stderr
    for cut, (code, ours), (_, reference) in zip(cuts, answers[::2], answers[1::2], strict=True):
        whole = sum(end <= cut for end in ends)
        assert comparable((0, ours[:whole])) == comparable((0, reference[:whole])), cut
        assert (code, len(ours), len(errors(ours))) == ((0, whole, 0) if cut in ends else (1, whole + 1, 1)), cut
    report(f"a conversation that breaks off at {len(cuts):,} places of {len(stream):,}")


DIFFERENCES = {
    "a body is cut off": (
        lambda home: getinfo(home) + execute(ROW.encode())[:-3],
        "ends 3 bytes too early",
        "the SDK takes what is there for all of it, and hides events",
    ),
    "getinfo is missing": (
        lambda home: b"",
        "it ends before getinfo",
        "the SDK reports a TypeError of its own",
    ),
    "a header is none": (
        lambda home: getinfo(home) + execute(ROW.encode()) + b"chunked 2.0,1,1\n{}",
        "which is no header",
        "the SDK ends without a reply, so that the user reads of an exit code alone",
    ),
    "another action": (
        lambda home: getinfo(home) + chunk({"action": "getinfo"}),
        "Expected execute action, not getinfo",
        "the SDK names the line of its own file",
    ),
    "an option of the SDK": (
        lambda home: getinfo(home, "logging_level=DEBUG"),
        "Unrecognized option: logging_level=DEBUG",
        "the SDK's own (logging_configuration, logging_level, record, show_configuration) are no options of ours",
    ),
    "a row is damaged": (
        lambda home: (
            getinfo(home) + execute(ROW[:-1].encode() + b"\rx\n" + ROW.split("\n", 1)[1].encode(), finished=True)
        ),
        "1 row cannot be read and is not judged, all others are",
        "the SDK reads a chunk with csv, which loses the rest of it",
    ),
    "args is null": (
        lambda home: getinfo(home).replace(b'"args": []', b'"args": 0 '),
        "no searchinfo with args",
        "the SDK takes anything but a list for no arguments, which would run every detection",
    ),
}
"""What each side answers otherwise: the stream, what our error says, and the reason."""


@pytest.mark.parametrize(("stream", "problem", "reason"), DIFFERENCES.values(), ids=DIFFERENCES)
def test_where_they_differ_ours_says_what_is_wrong(both, home, stream, problem, reason):
    ours, reference = both(stream(home))
    assert ours != reference, f"no difference any more: {reason}"
    assert ours[0] == 1
    (text,) = errors(ours[1])
    assert problem in text


def test_a_nul_is_shown_by_ours_and_fails_the_reference_or_stays(both, home):
    """Python 3.9's csv stops at a NUL, later ones take it; ours writes the sign for it, whichever Python runs it."""
    stream = getinfo(home) + execute(ROW.replace("jdoe", "j\0doe").encode(), finished=True)
    (code, ours), (reference_code, reference) = both(stream)
    assert (code, messages(ours)) == (0, [])
    assert rows(ours[1][1])[1][0]["user"] == "j␀doe"
    assert reference_code == bool(errors(reference))


@pytest.mark.parametrize("splunkds_own", [True, False])
@pytest.mark.parametrize(
    ("user", "several", "entities"),
    [
        ("jdoe", "$forged$;$twice$", "$jdoe$;$ws-01.example$"),
        ("jdoe", "$j$;$oe$", "$jdoe$;$ws-01.example$"),
        ("jdoe", "$jdoe$;", "$jdoe$;$ws-01.example$"),
        ("", "$forged$;$twice$", "ws-01.example"),
        ("a\nb", "$a$;$b$", "$a\nb$;$ws-01.example$"),
    ],
)
def test_an_event_whose_field_is_called_like_a_list_forges_none(both, home, user, several, entities, splunkds_own):
    """The SDK by itself takes any column `__mv_x` for the values of x, also one that an event brought in."""
    header, row = ROW.rstrip().replace('"jdoe"', f'"{user}"').split("\n", 1)
    lists = [f"__mv_{name}" for name in [*HIT, "__mv_user"]] if splunkds_own else []
    text = f'{",".join([header, "__mv_user", *lists])}\n{row},"{several}"{"," * len(lists)}\n'
    ours, reference = both(getinfo(home) + execute(text.encode(), finished=True))
    assert [rows(answer[1][1][1])[1][0]["entities"] for answer in (ours, reference)] == [entities] * 2
