"""Conversations of splunkd with a search command: chunks as bytes, the command's replies, and random ones to compare.

The chunks are as recorded splunkds sent them: a `__mv_` column for every column, behind the plain ones; every name and
value quoted that is not plain alphanumeric; chunks without a row that have a header line, or nothing.
"""

import csv
import io
import json
import re
import subprocess
from random import Random

from sandbox.search.chunked import environment
from tests.support.app.search_command import searchinfo
from tests.support.examples import GIVEN, GIVEN_ID, HIT

HEADER = re.compile(rb"chunked 1\.0,(\d+),(\d+)\n")


def chunk(metadata, body=b""):
    text = json.dumps(metadata).encode()
    return b"chunked 1.0,%d,%d\n%b%b" % (len(text), len(body), text, body)


def getinfo(dispatch, *args):
    return chunk({"action": "getinfo", "preview": False, "searchinfo": searchinfo(dispatch, *args)})


def execute(body, finished=False):
    return chunk({"action": "execute", "finished": finished}, body)


def ask(app, python, home, stream, entry="ssadetect.py"):
    """Give a command of an app a whole stream at once; return its exit code, and metadata and body of each reply."""
    ran = subprocess.run(
        [python, str(app / "bin" / entry)],
        input=stream,
        capture_output=True,
        check=False,
        timeout=60,
        env=environment(home),
    )
    return ran.returncode, list(replies(ran.stdout))


def replies(sent):
    """Yield metadata and body of each reply in what a command sent, which is nothing else."""
    at = 0
    while at < len(sent):
        header = HEADER.match(sent, at)
        assert header, sent[at : at + 100]
        end = header.end() + int(header[1])
        at = end + int(header[2])
        assert at <= len(sent)
        yield json.loads(sent[header.end() : end]), sent[end:at]


def messages(replies):
    """The [level, text] pairs of all replies."""
    return [message for metadata, _ in replies for message in metadata.get("inspector", {}).get("messages", [])]


def errors(replies):
    return [text for level, text in messages(replies) if level == "ERROR"]


def rows(body):
    """The rows of a reply: for each the values of its fields that have any."""
    names, *table = csv.reader(io.StringIO(body.decode(), newline=""), strict=True) if body else [[]]
    found = []
    for values in table:
        cells = dict(zip(names, values, strict=True))
        plain = {name: cell for name, cell in cells.items() if not name.startswith("__mv_")}
        found.append({name: cells.get(f"__mv_{name}") or cell for name, cell in plain.items() if cell})
    return names and sorted(name for name in names if not name.startswith("__mv_")), found


# -- random ones

ARGUMENTS = (
    *([()] * 24),
    *((f"detection={GIVEN}",), (f"detection={GIVEN_ID}, Everything",), ("trace=t",), ("trace=No",)),
    *(("detection=",), ("detection=nothing {0}",), ("x",), ("x=1", "trace=perhaps"), ("trace=1", "detection={x}")),
    *(("trace=false", "trace=true"), ("DETECTION=x",), ("detection=Broken",), ("=",), ("detection=a=b",)),
)
CELLS = (
    *(
        "",
        "",
        "a",
        "unknown",
        "-",
        'a "b"',
        "a,b",
        "a\nb",
        "a\r\nb",
        "a\rb",
        "$a$;$b$",
        "{0}",
        "%s",
        "é 漢 💥",
        "\u202e",
    ),
    *("msiexec.exe", "MSIEXEC.EXE", "cmd.exe", "msiexec /y x.dll", "msiexec.exe -Y C:\\x.dll", "1772442000.250"),
)
MORE = ("tag", "_chunked_idx", "risk_score", "entities", "event_id", "dest_user_id", "dest_device_id", "a b")


def quoted(cell):
    """Write a cell as splunkd does."""
    return cell if re.fullmatch("[A-Za-z0-9]*", cell) else '"' + cell.replace('"', '""') + '"'


def body(random):
    """The body of one chunk."""
    columns = [name for name in HIT if random.random() < 0.95]
    columns += random.sample(MORE, random.randrange(3))
    if random.random() < 0.2:
        random.shuffle(columns)
    kind = random.random()
    if kind < 0.1:
        return random.choice((b"", b"\n"))
    if kind < 0.15:
        columns = ["_chunked_idx"]
    lines = [[*columns, *(f"__mv_{name}" for name in columns)]]
    for _ in range(0 if kind < 0.2 else random.choice((1, 1, 3, 40))):
        row = dict(HIT)
        for name in random.sample([*HIT, *MORE], random.randrange(4)):
            row[name] = random.choice(CELLS)
        several = [random.sample(CELLS, random.randrange(2, 4)) if random.random() < 0.03 else [] for _ in columns]
        plain = ["\n".join(values) or row.get(name, "") for name, values in zip(columns, several, strict=True)]
        lists = [";".join(f"${one.replace('$', '$$')}$" for one in values) for values in several]
        lines.append([*plain, *lists])
    return "".join(",".join(map(quoted, line)) + "\n" for line in lines).encode()


def conversation(seed, dispatch):
    """A random conversation: the chunks that splunkd sends, getinfo first."""
    random = Random(seed)
    bodies = [body(random) for _ in range(random.choice((0, 1, 2, 3)))]
    chunks = [execute(one, finished=number == len(bodies) - 1) for number, one in enumerate(bodies)]
    return [getinfo(dispatch, *random.choice(ARGUMENTS)), *chunks]
