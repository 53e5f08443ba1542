"""However a chunk is read, the answer is the same: scanned in windows of any size, as a whole, and row by row.

The chunks are nasty: quotes, newlines, carriage returns, NUL, broken characters, lists, columns that are missing or
that the command writes itself, and CSV that is none. In `make soak`, 200,000 of them.

What is no CSV at all, which splunkd does not write, can be read in two ways: csv takes a quote in the middle of a cell
for text, the scan counts it. Where such a record is passed by, what follows it is read otherwise, hardly ever.
"""

import csv
import io
import re
from random import Random

import pytest

from ssa.search import command, scan
from ssa.search.protocol import Body, Chunk, MalformedChunkError, Spool
from tests.support.examples import GIVEN, HIT, ROOT, only
from tests.support.soak import SEED, count, report

START = "| from read_ssa_enriched_events() | eval c=lower(input_event.process), n=input_event.process_name | where "
END = ' | eval start_time=1, body={c: c, n: n, user: input_event.user, d: _datamodels}, entities=["a", n]'
INTO = " | into write_ssa_detected_events();"

CONDITIONS = {
    "few": ('like(c, "%mski%")', 'n="Exact.exe"', 'like(c, "%/y %") OR lower(n) IN ("b$c.exe", "cmd.exe")'),
    "many": (*(f'lower(n)="p{number} {number}.exe"' for number in range(9)), 'like(c, "%mski%") AND n!="x"'),
    "any": ("true", 'n="cmd.exe"', 'map_get(input_event, c) = "1"'),
    "columns": ('lower(n)="cmd.exe"', 'n="Exact.exe" OR input_event.x="x.exe"', 'lower(n)="msiexec.exe"'),
    "id": ('lower(n)="cmd.exe" AND input_event.event_id!="x"', 'input_event.dest_user_id="u,v"'),
}
"""The conditions of detections, beside the shipped one: of what a scan searches one by one, or together, or not."""

PIECES = (
    *('"', '""', ",", "\n", "\r\n", "\r", "\0", " ", "$", "$;$", "\\", "é", "💥", "x", "a" * 70, "1", "unknown"),
    *(
        "msiexec.exe",
        "MSIEXEC.EXE",
        "/y ",
        "-Y ",
        "ms\u212ai",
        "MSKI",
        "msk\u0130",
        "mski\u0307",
        "Exact.exe",
        "cmd.exe",
    ),
    *("b$c.exe", "B$C.exe", "p1 1.exe", "P3 3.EXE", "msi\nexec.exe", "u,v"),
)
NAMES = (
    "msiexec.exe",
    "MsiExec.exe",
    "Exact.exe",
    "cmd.exe",
    "CMD.EXE",
    "b$c.exe",
    "p1 1.exe",
    "P8 8.exe",
    "",
    "x.exe",
)
COLUMNS = (*HIT, "tag", "_chunked_idx", "x", "event_id", "dest_user_id", "dest_device_id")
ODD = ("risk_score", "entities", "body", "detection", "ssa_host", "a b", 'a"b', "process")


class Search:
    """The scan of a set of detections, as it is at the start of a search."""

    def __init__(self, app):
        self.problems, self.failed = [], False
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(command, "APP", app)
            self.scan = command.prepare([], self)
        self.detector = self.scan._detector

    def warn(self, text):
        self.problems.append(text)

    def fail(self, text):
        self.problems.append(text)
        self.failed = True

    def state(self):
        """Whether the chunk failed, what was reported, else what was blind or passed over; all is then forgotten."""
        seen = self.detector
        blindness = seen._blind_rows, dict(seen._blind), seen._absent
        passed_over = seen._passed_over_rows, dict(seen._passed_over)
        found = self.failed, self.problems, None if self.failed else (blindness, passed_over)
        self.problems, self.failed, seen._failed = [], False, False
        seen._blind_rows = seen._passed_over_rows = 0
        seen._passed_over.clear()
        seen._blind.clear()
        seen._absent = set()
        return found

    def by_row(self, body):
        """The answer of the plain path, row by row: rows, and what was reported."""
        found = []
        try:
            for number, row in enumerate(rows(body.decode("utf-8", "replace"))):
                if not number:
                    self.detector.note_columns(row)
                hits = self.detector.detect(row, dispatches=False)
                lists = {f"__mv_{name}" for name in self.detector.columns_written}
                row = {name: cell for name, cell in row.items() if name not in lists}
                found += [normal({**row, **hit}) for hit in hits]
        except csv.Error as error:
            self.detector.fail_to_read(error)
        return found, self.state()

    def scanned(self, body, window):
        """The answer of the scan, in windows of so many bytes, of which a few tell how their quotes are counted."""
        out, sent = Spool(), io.BytesIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(scan, "WINDOW", window)
            patch.setattr(scan, "SAMPLE", min(window, 8))
            self.scan.answer(Chunk(Body(io.BytesIO(body), len(body)), out, finished=False))
        out.send(sent)
        return [normal(row) for row in rows(sent.getvalue().decode())], self.state()  # strictly decoded


@pytest.fixture(scope="module")
def searches(tmp_path_factory):
    """A search for each set of detections."""
    found = {}
    for name, conditions in CONDITIONS.items():
        app = tmp_path_factory.mktemp(name)
        (app / "default").mkdir()
        text = only((ROOT / "default/ssa_detections.conf").read_text(), GIVEN)
        for number, condition in enumerate(conditions):
            text += f"\n[{name}{number}]\nid = {name}{number}\nversion = 1\nsearch = {START}{condition}{END}{INTO}\n"
            text += "impact = 10\nconfidence = 10\nmessage = $user$ $x$\nobservables = []\n"
            if name == "columns" and number < 2:
                text += f"columns = user:dest_user_id{', x:process_name' * number}\n"
        (app / "default/ssa_detections.conf").write_text(text)
        found[name] = Search(str(app))
    return found


def separated(values, text):
    """Whether a text is one value, or several with one separator between them that has neither letter nor digit."""
    first = len(values[0])
    separators = {text[first:end] for end in range(first + 1, len(text) + 1)} if len(values) > 1 else {""}
    return any(one.join(values) == text and re.fullmatch(r"[\W_]*", one) for one in separators)


def rows(text):
    """The rows of a body, as the csv module reads it. Of columns with one name the last one counts."""
    reader = csv.reader(line.replace("\0", scan.NUL) for line in io.StringIO(text))
    names = next(reader, [])
    plain = [name for name in names if not (name.startswith("__mv_") and name[len("__mv_") :] in names)]
    for values in reader:
        cells = dict(zip(names, values + [""] * (len(names) - len(values)), strict=False))
        row = {name: cells[name] for name in plain}
        for name in plain:
            several = cells.get(f"__mv_{name}")
            if several and re.fullmatch(r"(?:\$(?:\$\$|[^$])*\$(?:;|$))+", several):
                values = [one.replace("$$", "$") for one in re.findall(r"\$((?:\$\$|[^$])*)\$(?:;|$)", several)]
                if separated(values, cells[name]):
                    row[name] = values
        yield row


def normal(row):
    """A row as a search sees it: a list of one is its value, and what is empty is not there."""
    row = {name: cell[0] if isinstance(cell, list) and len(cell) == 1 else cell for name, cell in row.items()}
    return {name: cell for name, cell in row.items() if cell}


def value(random, column):
    kind = random.random()
    if column == "_time" and kind < 0.9:
        return f"17724420{random.randrange(99):02}.250"
    if column == "process_name" and kind < 0.7:
        return random.choice(NAMES)
    if kind < 0.2:
        return ""
    return "".join(random.choice(PIECES) for _ in range(random.randrange(1, 6)))


def chunk(random):
    """A body as splunkd writes it, be its cells ever so odd."""
    columns = random.sample(COLUMNS, random.randrange(3, len(COLUMNS)))
    if random.random() < 0.2:
        columns += random.sample(ODD, 2)
    lists = [name for name in columns if random.random() < 0.15]
    columns += [f"__mv_{name}" for name in lists]
    if random.random() < 0.05:
        columns.append("__mv_alone")
    if random.random() < 0.3:
        random.shuffle(columns)
    text = io.StringIO()
    written = csv.writer(
        text,
        lineterminator=random.choice(("\n", "\n", "\r\n")),
        quoting=random.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)),
    )
    written.writerow(columns)
    for _ in range(random.choice((0, 1, 3, 12))):
        row = {name: value(random, name) for name in columns}
        for name in lists:
            several = [value(random, name) for _ in range(random.randrange(4))]
            row[f"__mv_{name}"] = ";".join(f"${one.replace('$', '$$')}$" for one in several) * (random.random() < 0.5)
            row[name] = "\n".join(several) if random.random() < 0.9 else row.get(name, "")
        written.writerow([row[name] for name in columns])
    body = text.getvalue().encode()
    return body if random.random() < 0.8 else body[:-1] if body.endswith(b"\n") else body


def spoilt(random, body):
    """The body with one thing in it that should not be there: a broken character, an end of a cell, row or line."""
    at = random.randrange(len(body) + 1)
    piece = random.choice((b"\r", b"\n", b"\0", b"\xff", b"\xed\xa0\x80", b",", b"\xe2\x84", b"\n\n", b"\r\r\n"))
    return body[:at] + piece + body[at:]


def unbalanced(random, body):
    """The body with a quote too many, or one too few."""
    at = random.randrange(len(body))
    if random.random() < 0.5 and b'"' in body[at:]:
        at = body.index(b'"', at)
        return body[:at] + body[at + 1 :]
    return body[:at] + b'"' + body[at:]


def windows(random, body, change):
    whole = len(body) + 1
    return (whole,) if change is unbalanced else (random.choice((1, 2, 7, 31, 64, 200, 1000)), whole)


CELL = rb'(?:"(?:[^"]|"")*"|[^",\r\n]*)'
LINE = rb"%b(?:,%b)*(?:\r?\n|$)" % (CELL, CELL)
HEADER, BODY = re.compile(rb"(?!\r?\n)" + LINE), re.compile(rb"(?:%b)*" % LINE)
"""RFC 4180."""


@pytest.mark.parametrize("kind", CONDITIONS)
@pytest.mark.parametrize("change", [None, spoilt, unbalanced], ids=["plain", "spoilt", "unbalanced"])
def test_scanned_as_row_by_row(searches, kind, change):
    random, total, hits, otherwise = Random(f"{SEED} {kind}"), count(100, 17_000), 0, 0
    for number in range(total):
        body = chunk(random)
        if change:
            body = change(random, body)
        expected = searches[kind].by_row(body)
        hits += len(expected[0])
        for window in windows(random, body, change):
            found = searches[kind].scanned(body, window)
            # Where columns cannot be told from each other, the search may fail instead.
            same = found == expected or (found[1][0] and not HEADER.match(body))
            assert same or not BODY.fullmatch(body), (number, window, body)
            otherwise += not same
    assert hits > total / 10
    assert otherwise <= total / 2_000
    report(f"{total:,} chunks for {kind} detections: {hits:,} hits; {otherwise} that are no CSV read otherwise")


@pytest.mark.parametrize("often", [1, 0.3, 0.01, 0])
def test_quotes_are_counted_alike_where_they_are_few_and_many(often):
    random = Random(f"{SEED} {often}")
    for _ in range(50):
        buffer = bytes(random.choices(b'x"', (1 - often, often), k=random.randrange(5 * scan.SAMPLE)))
        places = sorted(random.choices(range(len(buffer) + 1), k=random.randrange(4)))
        assert scan.quotes_before(buffer, places) == [buffer[:at].count(b'"') for at in (*places, len(buffer))]


@pytest.fixture
def limit():
    """The longest cell; other modules of this process may have set another one."""
    before = csv.field_size_limit(scan.LONGEST_CELL)
    yield scan.LONGEST_CELL
    csv.field_size_limit(before)


def test_a_field_that_is_too_long_fails_the_search_as_row_by_row(searches, limit):
    huge = "x" * (limit + 1)
    rows = [["a", "msiexec.exe", "msiexec /y "], ["b", huge, ""], ["c", "msiexec.exe", "msiexec /y "]]
    text = io.StringIO()
    csv.writer(text).writerows([["user", "process_name", "process"], *rows])
    body = text.getvalue().encode()
    expected = searches["few"].by_row(body)
    assert {row["user"] for row in expected[0]} == {"a"}
    assert "field larger than field limit" in expected[1][1][0]
    assert searches["few"].scanned(body, 1 << 16) == expected


@pytest.mark.parametrize("kind", CONDITIONS)
def test_a_body_that_is_cut_off_is_an_error(searches, kind):
    body = b"".join(chunk(Random(number)) for number in range(2))
    for left in range(len(body)):
        for window in (16, len(body) + 1):
            before, scan.WINDOW = scan.WINDOW, window
            try:
                with pytest.raises(MalformedChunkError, match=r"ends .* bytes too early"):
                    searches[kind].scan.answer(Chunk(Body(io.BytesIO(body[:left]), len(body)), Spool(), finished=True))
            finally:
                scan.WINDOW = before
            searches[kind].state()
