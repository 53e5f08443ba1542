"""However a chunk is read, the answer is the same: scanned in windows of any size, as a whole, and row by row.

The chunks are nasty: quotes, newlines, carriage returns, NUL, broken characters, lists, columns that are missing or
that the command writes itself, and CSV that is none. In `make soak`, 200,000 of them.
"""

import csv
import io
import re
import tracemalloc
from itertools import chain
from random import Random

import pytest

from ssa.search import command
from ssa.search.messages import here
from ssa.search.protocol import Body, Chunk, MalformedChunkError, Spool
from ssa.search.scan import records, scan
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

    def inform(self, text):
        """No test has an index: that it is missing is no problem."""

    def warn(self, text):
        self.problems.append(text)

    def fail(self, text):
        self.problems.append(text)
        self.failed = True

    def state(self):
        """What was reported, what was blind or passed over, and how many rows were lost; all is then forgotten."""
        seen = self.detector
        counts = [one for readers in seen._readers for one in (readers.blind_rows(), readers.blind_chunks)]
        counts.append(seen._passed_over)
        found = (self.problems, [+one for one in counts], seen._passed_over_rows), seen._lost
        self.problems, self.failed, seen._failed = [], False, False
        seen._passed_over_rows = seen._lost = 0
        seen._examples = []
        for one in counts:
            one.clear()
        return found

    def by_row(self, body, has_rows=True):
        """The answer of the plain path, row by row: rows, and what was reported."""
        found = []
        plain, read = rows(body.decode("utf-8", "replace"))
        if has_rows:
            self.detector.note_columns(plain)
        for row in read:
            hits = self.detector.detect(row, dispatches=False)
            lists = {f"__mv_{name}" for name in self.detector.columns_written}
            row = {name: cell for name, cell in row.items() if name not in lists}
            found += [normal({**row, **hit}) for hit in hits]
        return found, self.state()

    def scanned(self, body, window, finished=False):
        """The answer of the scan, in windows of so many bytes, of which a few tell how their quotes are counted."""
        out, sent = Spool(), io.BytesIO()
        self.scan._chunks = 0
        with pytest.MonkeyPatch.context() as patch:
            for module in (scan, records):
                patch.setattr(module, "WINDOW", window)
            patch.setattr(records, "SAMPLE", min(window, 8))
            self.scan.answer(Chunk(Body(io.BytesIO(body), len(body)), out, finished))
        out.send(sent)
        return [normal(row) for row in rows(sent.getvalue().decode())[1]], self.state()  # strictly decoded


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
    """The columns and the rows of a body, as the csv module reads it. Of columns with one name the last one counts."""
    reader = csv.reader(line.replace("\0", scan.NUL) for line in io.StringIO(text))
    names = next(reader, [])
    plain = [name for name in names if not (name.startswith("__mv_") and name[len("__mv_") :] in names)]
    return plain, [of_cells(names, plain, values or [""]) for values in reader if values or len(names) == 1]


def of_cells(names, plain, values):
    cells = dict(zip(names, values, strict=True))
    row = {name: cells[name] for name in plain}
    for name in plain:
        several = cells.get(f"__mv_{name}")
        if several and re.fullmatch(r"(?:\$(?:\$\$|[^$])*\$(?:;|$))+", several):
            values = [one.replace("$$", "$") for one in re.findall(r"\$((?:\$\$|[^$])*)\$(?:;|$)", several)]
            if separated(values, cells[name]):
                row[name] = values
    return row


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


def quoted(cell, needed):
    """A cell, in quotes if it has what needs them."""
    return '"' + cell.replace('"', '""') + '"' if re.search(needed, cell) else cell


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
    quote = random.choice((r'[",\r\n]', r"[^A-Za-z0-9]", "|.*"))  # as little as RFC 4180 has it, as splunkd, all
    lines = [columns]
    for _ in range(random.choice((0, 1, 3, 12))):
        row = {name: value(random, name) for name in columns}
        for name in lists:
            several = [value(random, name) for _ in range(random.randrange(4))]
            row[f"__mv_{name}"] = ";".join(f"${one.replace('$', '$$')}$" for one in several) * (random.random() < 0.5)
            row[name] = "\n".join(several) if random.random() < 0.9 else row.get(name, "")
        lines.append([row[name] for name in columns])
    end = random.choice(("\n", "\n", "\r\n"))
    body = "".join(",".join(quoted(cell, quote) for cell in line) + end for line in lines).encode()
    return body if random.random() < 0.8 else body.removesuffix(end.encode())


def spoilt(random, body):
    """The body with one thing in it that should not be there: a broken character, an end of a cell, row or line."""
    at = random.randrange(len(body) + 1)
    piece = random.choice((b"\r", b"\n", b"\0", b"\xff", b"\xed\xa0\x80", b",", b"\xe2\x84", b"\n\n", b"\r\r\n"))
    return body[:at] + piece + body[at:]


def unbalanced(random, body, at):
    """The body with a quote too many there, or one too few; None where that makes no difference."""
    if body[at] == 0x22 and random.random() < 0.8:
        return body[:at] + body[at + 1 :]
    return body[:at] + b'"' + body[at:]


def windows(random, body):
    return random.choice((1, 2, 7, 31, 64, 200, 1000)), len(body) + 1


CELL = rb'(?:"(?:[^"]|"")*"|[^",\r\n]*)'
LINE = re.compile(rb"(?!\r*\n)%b(?:,%b)*\r*(?:\n|$)" % (CELL, CELL))
"""RFC 4180, with any number of carriage returns before a newline."""


def split(body):
    """The records of a body, as RFC 4180 has it: each ends at a newline with an even number of quotes before it."""
    found = [b""]
    for line in body.splitlines(keepends=True) if b"\r" not in body else re.findall(rb"[^\n]*\n|[^\n]+", body):
        found[-1] += line
        if not found[-1].count(b'"') % 2:
            found.append(b"")
    return found if found[-1] else found[:-1]


def width(record):
    return len(next(csv.reader(io.StringIO(record.decode("utf-8", "replace").replace("\0", scan.NUL)))))


@pytest.mark.parametrize("kind", CONDITIONS)
def test_scanned_as_row_by_row(searches, kind):
    random, total, hits = Random(f"{SEED} {kind}"), count(100, 17_000), 0
    for number in range(total):
        body = chunk(random)
        expected = searches[kind].by_row(body, len(split(body)) > 1)
        assert expected[1][1] == 0
        hits += len(expected[0])
        for window in windows(random, body):
            assert searches[kind].scanned(body, window) == expected, (number, window, body)
    assert hits > total / 10
    report(f"{total:,} chunks for {kind} detections: {hits:,} hits")


@pytest.mark.parametrize("kind", CONDITIONS)
def test_a_row_that_is_no_csv_is_counted_and_costs_no_other(searches, kind):
    """Counted is one that may match, at least, and a row of another number of cells only if it may.

    Where quotes are at the wrong place the rows next to it can be lost, too, hardly ever: here the cells are full of
    what looks like the end of one.
    """
    random, total, lost, hits, costly = Random(f"{SEED} {kind}"), count(100, 17_000), 0, 0, 0
    search = searches[kind].detector.search
    for number in range(total):
        body = spoilt(random, chunk(random))
        header, *others = split(body)
        if not LINE.fullmatch(header) or b"\n" in header.rstrip() or b"\r\r" in header:
            searches[kind].scanned(body, len(body) + 1)
            continue
        bad = [one for one in others if not LINE.fullmatch(one) or width(one) != width(header)]
        bad = [one for one in bad if one.strip(b"\r\n")]
        read, (seen, _) = searches[kind].by_row(
            b"".join([header, *(one for one in others if one not in bad)]), bool(others)
        )
        hits, lost = hits + len(read), lost + len(bad)
        least = sum(search is None or search.places(one) != [] for one in bad)
        for window in windows(random, body):
            found, (also_seen, counted) = searches[kind].scanned(body, window)
            assert all(one in read for one in found), (number, window, body)
            assert least <= counted <= len(bad), (number, window, body)
            costly += (found, also_seen) != (read, seen)
    assert hits > total / 10
    assert lost > total / 20
    assert costly <= total / 200
    report(
        f"{total:,} chunks for {kind} detections: {hits:,} hits, {lost:,} rows that are no CSV; {costly} cost another"
    )


@pytest.mark.parametrize("kind", CONDITIONS)
def test_a_quote_too_many_or_too_few_never_makes_a_row_of_a_cell(searches, kind):
    """It costs its row, and seldom the one before or behind it."""
    random, total, others = Random(f"{SEED} {kind}"), count(100, 17_000), 0
    for number in range(total):
        body = chunk(random)
        header, *parts = split(body)
        place = random.randrange(len(header), len(body)) if parts else 0
        spoilt = unbalanced(random, body, place)
        if not parts or spoilt is None:
            continue
        hits = [searches[kind].by_row(header + one)[0] for one in parts]
        ends = [sum(map(len, [header, *parts[: at + 1]])) for at in range(len(parts))]
        bad = next(at for at, end in enumerate(ends) if place < end)
        hits[bad] = []
        for window in windows(random, body):
            found, (_, counted) = searches[kind].scanned(spoilt, window)
            every = list(chain(*hits))
            assert all(one in every for one in found), (number, window, spoilt)
            assert counted, (number, window, spoilt)
            others += found != every
    report(f"{total:,} chunks for {kind} detections: in {others:,} one more row was lost")
    assert others <= total / 10, others


@pytest.mark.parametrize("often", [1, 0.3, 0.01, 0])
def test_quotes_are_counted_alike_where_they_are_few_and_many(often):
    random = Random(f"{SEED} {often}")
    for _ in range(50):
        buffer = bytes(random.choices(b'x"', (1 - often, often), k=random.randrange(5 * records.SAMPLE)))
        places = sorted(random.choices(range(len(buffer) + 1), k=random.randrange(4)))
        assert records.quotes_before(buffer, places) == [buffer[:at].count(b'"') for at in (*places, len(buffer))]


NAMES_READ = ["_time", "user", "process_name", "process", "dest", "__mv_user"]


def line(user, process="msiexec /y ", dest="d"):
    """A row as splunkd writes it."""
    cells = ["1772442000.250", user, "msiexec.exe", process, dest, ""]
    return ",".join(quoted(cell, "[^A-Za-z0-9]") for cell in cells) + "\n"


FORGED = "\n".join(
    ["x", *[line("evil", "msiexec /y").strip().replace('"', "")] * 3, "1,evil,msiexec.exe,msiexec /y,d,", "x"]
)
"""What an attacker may write into a cell: text that looks like rows, of as many cells as there are columns."""

DAMAGES = {
    "a carriage return": (line("bad").replace("bad", "b\rad"), "a carriage return stands in it, and not in quotes"),
    "a long cell": (line("bad", "x" * (2 << 20)), "it has {size:,} bytes, and 1,048,576 are read"),
    "a long cell of rows": (
        line("bad", line("evil") * (2 << 20 >> 5)),
        "it has {size:,} bytes, and 1,048,576 are read",
    ),
    "a cell too many": (line("bad,bad").replace('"bad,bad"', "bad,bad"), "7 cells, and 6 columns"),
    "a cell too few": (line("bad").replace(",bad", ""), "5 cells, and 6 columns"),
    "a quote in a plain cell": (line('b"ad').replace('"b""ad"', 'b"ad'), "a quote stands where none can be"),
    "a quote in a quoted cell": (line("b ad").replace("b ad", 'b "ad'), "a quote stands where none can be"),
    "a doubled quote that is single": (line('b "ad"').replace('""', '"', 1), "a quote stands where none can be"),
    "the first quote missing": (line("bad")[1:], "a quote stands where none can be"),
    "an early quote missing": (line("b ad").replace('"b ad"', '"b ad'), "a quote stands where none can be"),
    "the last quote missing": (line("bad", dest="a b").replace('"a b"', '"a b'), "a quote stands where none can be"),
    "the last quote doubled": (line("bad", dest="a b").replace('"a b"', '"a b""'), "a quote stands where none can be"),
    "a quote in rows in a cell": (
        line("bad", f"{FORGED}#{FORGED}").replace("#", '"'),
        "a quote stands where none can be",
    ),
    "rows in a cell without its first quote": (
        line("bad", FORGED).replace('"x', "x"),
        "4 cells, and 6 columns",
    ),
    "rows in a cell without its last quote": (
        line("bad", FORGED).replace('x"', "x"),
        "a quote stands where none can be",
    ),
}
"""A row of a user called bad, and what is reported of it."""


@pytest.fixture
def longest(monkeypatch):
    """No row of more than 1 MB is read, to be quick."""
    for module in (scan, records):
        monkeypatch.setattr(module, "LONGEST_ROW", 1 << 20)


def at(before, damaged):
    """How a report names a damaged row behind others."""
    return f"bytes {len(before.encode()):,} to {len((before + damaged).encode()):,} of chunk 1"


@pytest.mark.parametrize("window", [100, 1 << 16])
@pytest.mark.parametrize("kind", ["few", "any"])
@pytest.mark.parametrize(("damaged", "reason"), DAMAGES.values(), ids=DAMAGES)
@pytest.mark.usefixtures("longest")
def test_a_damaged_row_costs_no_other_and_is_named(searches, damaged, reason, kind, window):
    """The rows around it have newlines, quotes, commas and carriage returns in their cells."""
    header, search = ",".join(NAMES_READ) + "\n", searches[kind]
    odd = line("b", 'msiexec /y "x\r"\n,",\n', "x\ry"), line("c", "msiexec /y \n1,2,3,4,5,6\n")
    good = "".join([line("a"), *odd, line("d")])
    hits, _ = search.by_row((header + good * 3).encode())
    assert len(hits) >= 12
    found, ((problems, *_), _) = search.scanned(
        "".join([header, good, damaged, good, damaged, good]).encode(), window, True
    )
    assert found == hits
    reason = reason.format(size=len(damaged) - 1)
    first, second = at(header + good, damaged), at(header + good + damaged + good, damaged)
    assert problems == [
        f"{here()}2 rows cannot be read and are not judged, all others are: {first}: {reason}; {second}: {reason}"
    ]


def test_many_damaged_rows_are_one_message(searches):
    body = ",".join(NAMES_READ) + "\n" + line("bad").replace("bad", "b\rad") * 1_234
    reason = "a carriage return stands in it, and not in quotes"
    header, bad = ",".join(NAMES_READ) + "\n", line("bad") + "x"
    five = "; ".join(f"{at(header + bad * number, bad)}: {reason}" for number in range(5))
    _, ((problems, *_), _) = searches["few"].scanned(body.encode(), 1 << 16, True)
    assert problems == [f"{here()}1,234 rows cannot be read and are not judged, all others are: {five}; and 1,229 more"]


class Long:
    """A stream of a header, a hit, a row with a cell of a length, and a hit."""

    def __init__(self, length, piece):
        start = (",".join(NAMES_READ) + "\n" + line("a") + line("bad", "###")).encode()
        start, end = start.split(b"###")
        self.piece = piece
        self.parts = [start, *[piece] * (length // len(piece)), end + line("b").encode()]
        self.length = sum(map(len, self.parts))
        self.held = b""

    def read(self, size):
        if len(self.held) < size:
            number = size // len(self.piece) + 2
            self.held = b"".join([self.held, *self.parts[:number]])
            del self.parts[:number]
        taken, self.held = self.held[:size], self.held[size:]
        return taken


@pytest.mark.parametrize("piece", [b"x" * 4096, b'""' * 2048, (FORGED * 60).encode()], ids=["text", "quotes", "rows"])
@pytest.mark.usefixtures("longest")
def test_a_cell_of_any_length_takes_little_memory(searches, piece):
    stream, out = Long(20 << 20, piece), Spool()
    searches["few"].state()
    tracemalloc.start()
    try:
        searches["few"].scan.answer(Chunk(Body(stream, stream.length), out, finished=False))
        assert tracemalloc.get_traced_memory()[1] < 12 << 20
    finally:
        tracemalloc.stop()
    sent = io.BytesIO()
    out.send(sent)
    assert [row["user"] for row in rows(sent.getvalue().decode())[1]] == ["a", "a", "b", "b"]
    assert searches["few"].state()[1] == 1


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
