"""`python -m tools replay`, as an engineer runs it, against a server that is cut off, killed and started again."""

import gzip
import os
import random
import re
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from types import SimpleNamespace

import pytest
import trustme

from sandbox.inputs import windows
from sandbox.search.instance import Instance
from sandbox.splunkd import Splunkd, Token
from tests.support.servers.breaking import Cuts
from tests.support.servers.server import ACKNOWLEDGED, PASSWORD, TOKEN, USER, Server
from tests.support.soak import SEED
from tools import ROOT
from tools.replay.batches import batches
from tools.replay.hec import Hec
from tools.replay.journal import Journal

pytestmark = pytest.mark.xdist_group("replay")

START = 1_700_000_000


def event(number, command="msiexec /i x.msi"):
    at = datetime.fromtimestamp(START + number * 1.25, UTC).isoformat().replace("+00:00", "Z")
    return (
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><EventID>4688</EventID>"
        f"<TimeCreated SystemTime='{at}'/><Channel>Security</Channel><Computer>h{number % 7}</Computer></System>"
        f"<EventData><Data Name='CommandLine'>{command}</Data></EventData></Event>\n"
    )


@pytest.fixture
def file(tmp_path):
    """1,500 events: each text is there twice, some have more than one line, or other than ASCII."""
    file = tmp_path / "events.log"
    texts = ("msiexec", "two\nlines", "\N{SNOWMAN} \N{MATHEMATICAL BOLD CAPITAL A} \\ &quot; \t")
    file.write_text("".join(event(number // 2, texts[number // 2 % 3]) for number in range(1_500)))
    return file


@pytest.fixture
def mortal(archive, tmp_path):
    """A server of its own process, to be killed."""
    with Server(tmp_path / "splunk", archive) as server:
        yield server


@pytest.fixture(scope="module")
def splunkd(archive, tmp_path_factory):
    with closing(Instance(tmp_path_factory.mktemp("splunk"))) as instance:
        instance.install(archive)
        with Splunkd(instance, users={USER: (PASSWORD, "admin")}) as splunkd:
            splunkd.indexes.add("wineventlog")
            yield splunkd


@pytest.fixture
def server(splunkd):
    """The server of this module's tests, without an event."""
    splunkd.instance.database.execute("DELETE FROM events")
    splunkd.tokens = {TOKEN: Token(), ACKNOWLEDGED: Token(ack=True)}
    splunkd.failures.clear()

    def stored():
        return splunkd.instance.search("search index=* | sort 0 _time").rows

    return SimpleNamespace(uri=splunkd.uri, hec_uri=splunkd.hec_uri, ca=splunkd.ca_file, stored=stored)


def command(server, file, *options, lookup=True):
    """Return the command; given options win over its own."""
    own_options = ["--url", server.hec_uri, "--settle", "0.5", "--patience", "8", "--ca", server.ca]
    own_options += ["--splunkd", server.uri] if lookup else []
    return [sys.executable, "-m", "tools", "replay", str(file), *map(str, [*own_options, *options])]


ENVIRONMENT = {**os.environ, "SSA_HEC_TOKEN": TOKEN, "SPLUNK_USERNAME": USER, "SPLUNK_PASSWORD": PASSWORD}


def replay(server, file, *options, lookup=True, **environment):
    """Run it; return its exit code, what it says, and what it complains of, in one line."""
    run, env = command(server, file, *options, lookup=lookup), {**ENVIRONMENT, **environment}
    ran = subprocess.run(run, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    for secret in (env["SSA_HEC_TOKEN"], PASSWORD):
        assert not secret or secret not in ran.stdout + ran.stderr
    return ran.returncode, ran.stdout, " ".join(ran.stderr.split())


def texts(file):
    return Counter(event.raw for event in windows.read_events(file))


def state(file):
    return file.with_name(file.name + ".replay")


def done(file):
    """Return the number of the last batch that a replay has noted as done."""
    found = re.findall(r'^\{"done": (\d+)', state(file).read_text(), re.M) if state(file).exists() else []
    return int(found[-1]) if found else 0


def raws(server):
    return Counter(row["_raw"] for row in server.stored())


def test_every_event_arrives_as_it_is(server, file):
    code, output, _ = replay(server, file)
    assert (code, output.partition("=")[0]) == (0, "1,500 events are in the index: index")
    rows = server.stored()
    assert Counter(row["_raw"] for row in rows) == texts(file)
    assert (rows[2]["host"], float(rows[2]["_time"]), rows[2]["index"]) == ("h1", START + 1.25, "wineventlog")
    assert (rows[2]["source"], rows[2]["sourcetype"]) == ("XmlWinEventLog:Security", "XmlWinEventLog")


def test_what_is_given_wins_over_the_events_own(server, file):
    assert replay(server, file, "--host", "h", "--source", "s", "--sourcetype", "t", "--index", "main")[0] == 0
    metadata = {tuple(row[name] for name in ("host", "source", "sourcetype", "index")) for row in server.stored()}
    assert metadata == {("h", "s", "t", "main")}


@pytest.mark.parametrize(("token", "seed"), [(TOKEN, 1), (ACKNOWLEDGED, 2)], ids=["answers", "acknowledgments"])
def test_every_event_arrives_once_though_one_request_in_ten_is_cut_off_and_both_ends_are_killed(
    mortal, file, token, seed
):
    seed += SEED
    chance = random.Random(seed)
    deaths = sorted((chance.randrange(2, 58), whose) for whose in ["client"] * 4 + ["server"] * 2)
    code, logs = None, []
    with Cuts(mortal.hec_uri, seed) as hec, Cuts(mortal.uri, seed) as rest:
        run = command(mortal, file, "--batch", "25", "--url", hec.uri, "--splunkd", rest.uri)
        while code is None or (code != 0 and len(logs) < 20):
            logs.append(mortal.home / f"client{len(logs)}.log")
            with logs[-1].open("w") as log:
                env = {**ENVIRONMENT, "SSA_HEC_TOKEN": token}
                client = subprocess.Popen(run, cwd=ROOT, env=env, stdout=log, stderr=log)
            while client.poll() is None:
                if deaths and done(file) >= deaths[0][0]:
                    time.sleep(chance.random() / 30)
                    if deaths.pop(0)[1] == "client":
                        client.kill()
                        break
                    mortal.kill()
                    mortal.start()
                    hec.to, rest.to = mortal.hec_uri, mortal.uri
                time.sleep(0.002)
            code = client.wait()
    texts_of_logs = [log.read_text() for log in logs]
    assert (code, deaths) == (0, []), texts_of_logs[-1]
    assert len(texts_of_logs) >= 5
    assert min(hec.counts.values()) >= 3, hec.counts
    assert raws(mortal) == texts(file)
    assert not any(token in text for text in [*texts_of_logs, state(file).read_text()])


def test_it_goes_on_where_it_stopped_and_does_nothing_when_all_is_done(server, file):
    with Cuts(server.hec_uri, share=1) as cuts:
        code, _, wrong = replay(server, file, "--url", cuts.uri, "--patience", "0")
        assert (code, "gave up after 0 s; start the same command again" in wrong) == (1, True)
        cuts.share = 0
        assert replay(server, file, "--url", cuts.uri)[0] == 0
        before = cuts.counts["requests"]
        assert replay(server, file, "--url", cuts.uri)[0] == 0
        assert cuts.counts["requests"] == before
    assert raws(server) == texts(file)


@pytest.fixture
def stopped(server, file):
    """A replay that stopped after its second batch was sent, without knowing whether that is in the index: it is."""
    assert replay(server, file, "--batch", "100")[0] == 0
    lines = state(file).read_text().splitlines(keepends=True)
    state(file).write_text("".join(lines[:4]) + lines[4][:-5])  # the last line was not written to its end
    assert lines[3] == '{"done": 1, "sent": 2}\n'
    return file


def test_without_a_search_a_batch_of_unknown_fate_is_the_users_choice(server, stopped):
    code, _, wrong = replay(server, stopped, "--batch", "100", lookup=False)
    assert (code, "batch 2 (100 events, ssa_replay::" in wrong) == (1, True)
    assert "whether the server took it is unknown. Give --splunkd" in wrong
    assert "or --resend, to send it again and perhaps have it twice" in wrong
    state(stopped).write_text(state(stopped).read_text() + '{"done": 14, "sent": 15}\n')
    assert replay(server, stopped, "--batch", "100", "--resend", lookup=False)[0] == 0
    assert sum((raws(server) - texts(stopped)).values()) == 100


@pytest.fixture
def other(stopped):
    """The replay that stopped, as if it were another, of which nothing is in the index; its run."""
    state(stopped).write_text(re.sub('(?<="run": ")[0-9a-f]*', "0" * 32, state(stopped).read_text()))
    return "0" * 32


def send(server, file, run, number, events):
    """Send the first events of a batch."""
    batch = next(islice(batches([file], run, 100, 0, {"index": "wineventlog"}), number - 1, None))
    hec = Hec(server.hec_uri, TOKEN, "", ssl.create_default_context(cafile=server.ca))
    with closing(hec.http):
        hec.send(b"\n".join(batch.body.split(b"\n")[:events]))


def test_a_batch_that_is_there_in_part_is_reported(server, stopped, other):
    send(server, stopped, other, 2, 37)
    code, _, wrong = replay(server, stopped, "--batch", "100")
    assert (code, "37 events are in the index, though HEC takes a batch whole" in wrong) == (1, True)


def test_a_batch_that_shows_late_is_waited_for(server, stopped, other):
    late = threading.Timer(3, send, [server, stopped, other, 2, 100])
    late.start()
    code, _, _ = replay(server, stopped, "--batch", "100", "--settle", "20")
    late.join()
    assert code == 0
    assert Counter(row["ssa_replay"] for row in server.stored() if row["ssa_replay"].startswith(other)) == {
        f"{other}-{number}": 100 for number in range(2, 16)
    }


def test_a_search_that_does_not_see_what_is_there_is_not_believed(server, stopped, other):
    code, _, wrong = replay(server, stopped, "--batch", "100")
    assert (code, "the search finds nothing of batch 1 either, which HEC has taken" in wrong) == (1, True)
    assert raws(server) == texts(stopped)


@pytest.mark.parametrize("change", ["events", "options"])
def test_a_replay_does_not_go_on_with_something_else(server, stopped, change):
    options = ["--batch", "100"]
    if change == "events":
        with stopped.open("a") as more:
            more.write(event(9))
    else:
        options += ["--host", "other"]
    code, _, wrong = replay(server, stopped, *options)
    assert (code, "this replay began with other events or options: " in wrong) == (1, True)
    assert ("events (then 1500, now 1501), SHA-256" if change == "events" else "--host (then None, now other)") in wrong
    assert raws(server) == texts(stopped) - Counter([event(9).strip()] * (change == "events"))


def test_two_replays_at_a_time_are_refused(server, file):
    with Journal(state(file)):
        assert "another replay is at work" in replay(server, file)[2]
    assert not state(file).exists()


def test_another_file_is_not_taken_for_a_state(server, file):
    before = file.read_text()
    code, _, wrong = replay(server, file, "--state", file)
    assert (code, "is not the state file of a replay" in wrong, file.read_text()) == (1, True, before)


@pytest.mark.parametrize(
    ("options", "environment", "message"),
    [
        ([], {"SSA_HEC_TOKEN": "none-that-it-knows"}, '"Invalid token" (code 4): Splunk does not know this token'),
        ([], {"SSA_HEC_TOKEN": ""}, "the environment variable SSA_HEC_TOKEN: no token there (see --token-file)"),
        ([], {"SSA_HEC_TOKEN": "two\nlines"}, "the environment variable SSA_HEC_TOKEN: a token is one word of ASCII"),
        (["--index", "elsewhere"], {}, '"Incorrect index" (code 7): there is no such index, or the token may not'),
        (
            ["--ca", "other.pem"],
            {},
            "its certificate is not trusted (unable to get local issuer",
        ),
        (["--ca", "events.log"], {}, "events.log: expected certificates in PEM ([X509"),
        (["--splunkd", "https://127.0.0.1:9", "--patience", "0"], {}, "Connection refused: gave up after 0 s"),
        ([], {"SPLUNK_PASSWORD": "wrong"}, "splunkd does not know this user and password, or token"),
        ([], {"SPLUNK_PASSWORD": ""}, "--splunkd needs SPLUNK_USERNAME and SPLUNK_PASSWORD, or SPLUNK_TOKEN"),
        (["--url", "http://127.0.0.1:9", "--patience", "0"], {}, "Connection refused: gave up after 0 s"),
    ],
)
def test_what_is_wrong_is_reported_and_nothing_is_left_behind(server, file, options, environment, message):
    trustme.CA().cert_pem.write_to_path(file.with_name("other.pem"))
    options = [file.with_name(option) if option.endswith(("pem", "log")) else option for option in options]
    code, _, wrong = replay(server, file, *options, **environment)
    assert (code, message in wrong) == (1, True), wrong
    assert not state(file).exists()
    assert replay(server, file)[0] == 0
    assert raws(server) == texts(file)


def test_a_file_that_is_none_of_events_is_refused_before_anything_is_sent(server, file):
    other = file.with_name("events.csv")
    other.write_text("_time,process\n1,msiexec\n")
    code, _, wrong = replay(server, other)
    assert (code, f"replay: {other} is CSV: save the events as .evtx or XML" in wrong) == (1, True), wrong
    assert (server.stored(), state(other).exists()) == ([], False)


def test_what_cannot_be_seen_of_the_events_is_told_before_they_are_sent(server, file):
    file.write_text(event(1, "") + event(2) + event(3)[:-20] + "\n")
    code, _, told = replay(server, file)
    assert code == 0
    assert f"{file}, event 3: damaged XML: " in told
    assert f"{file}, 1 of 3 events, the first is event 1: no command line, so no detection that reads one" in told
    assert "damaged events, 1 in all, are sent as they are" in told
    assert len(server.stored()) == 3


def test_a_busy_server_gets_the_request_again_and_one_that_failed_midway_does_not(splunkd, server, file):
    splunkd.failures.extend([503, 503, 500])
    code, _, wrong = replay(server, file, lookup=False)
    assert (code, wrong.count('HTTP 503, "Server is busy" (code 9): again in')) == (1, 2)
    assert 'HTTP 500, "Internal server error" (code 8): again in' in wrong
    assert "whether the server took it is unknown" in wrong
    assert replay(server, file, "--resend", lookup=False)[0] == 0
    assert Counter(row["_raw"] for row in server.stored()) == texts(file)


@pytest.mark.parametrize(
    "option", [["--url", "https://user:secret@host:8088"], ["--url", "host:8088"], ["--index", 'x" | delete'],
               ["--batch", "0"], ["--settle", "-1"], ["--splunkd", "https://host:8089", "--resend"]],
)  # fmt: skip
def test_an_option_that_makes_no_sense_is_refused(file, option):
    run = [sys.executable, "-m", "tools", "replay", file, "--url", "https://host:8088", *option]
    ran = subprocess.run(run, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (ran.returncode, "secret" in ran.stderr) == (2, False)
    assert f"argument {'--resend' if '--resend' in option else option[0]}: " in ran.stderr


def test_now_moves_all_times_and_keeps_their_distances(server, file):
    assert replay(server, file, "--now")[0] == 0
    rows = server.stored()
    times = [float(row["_time"]) for row in rows]
    assert [at - times[0] for at in times] == sorted(event.time - START for event in windows.read_events(file))
    assert -60 < times[-1] - time.time() <= 0


def test_a_token_in_a_file_and_a_file_that_is_packed(server, file):
    packed, secret = file.with_name("events.gz"), file.with_name("token")
    packed.write_bytes(gzip.compress(file.read_bytes()))
    secret.write_text(f"{TOKEN}\n")
    assert replay(server, packed, "--token-file", secret, SSA_HEC_TOKEN="")[0] == 0
    assert raws(server) == texts(file)


PEAK = "; print(open('/proc/self/status').read())"


def test_memory_is_bounded(server, tmp_path):
    file = tmp_path / "many.log"
    with file.open("w") as many:
        many.writelines(event(number, "msiexec " + "x" * 1_000) for number in range(50_000))
    python, _, _, *words = command(server, file)
    run = [python, "-c", f"import sys; from tools.__main__ import main; main(){PEAK}", *words]
    output = subprocess.run(run, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert output.startswith("50,000 events are in the index")
    assert int(re.search(r"VmHWM:\s*(\d+) kB", output)[1]) < 150_000
