"""What is pushed down into Splunk: never an event less than the detection would find, whichever way search reads it."""

import re
from random import Random

import duckdb
import pytest

from sandbox.search import matching, spl
from sandbox.store import sql
from ssa.content import conf
from ssa.content.datamodels import PROCESSES
from ssa.content.fields import sources
from ssa.language import SsaError, compile_text
from ssa.rows import event
from ssa.rows.cells import values
from tests.support.examples import ROOT, given_detection
from tests.support.language import literals
from tests.support.language.cases import END, START
from tests.support.language.expressions import FIELDS
from tests.support.language.printing import print_program
from tests.support.soak import SEED, count, report
from tools.content import pushdown

MACROS = conf.merge([str(ROOT / "default/macros.conf")])
DATASET = pushdown.dataset_columns(PROCESSES)


class DetectionText:
    """A detection as far as this module knows one."""

    def __init__(self, text, **columns):
        self.plan = compile_text(text)
        self.columns = columns

    def sources(self, name):
        return sources(name, self.columns)


def where(condition, **columns):
    made = "".join(f"| eval {name}={expression} " for name, expression in columns.items())
    return DetectionText(f"{START}{made}| where {condition}{END}")


# -- what is written


@pytest.mark.parametrize(
    ("condition", "terms"),
    [
        ('lower(input_event.process_name)="regsvr32.exe"', "regsvr32"),
        ('lower(input_event.parent_process_name) IN ("cmd.exe", "mshta.exe")', "(cmd OR mshta)"),
        ('lower(input_event.original_file_name)="msiexec.exe"', "msiexec"),
        ('lower(input_event.process_name)="schtasks.exe"', "schtas*"),
        ('input_event.process_name="schtasks.exe"', "schtasks"),
        ('lower(input_event.process_name)="taskkill.com"', 'process_name="*ill.com"'),
        ('lower(input_event.process_name)="7z.exe"', 'process_name="7z.exe"'),
        ('input_event.file_name="cmd.exe"', 'file_name="cmd.exe"'),
        (r'input_event.process like "%\\\\temp\\\\%"', r'process="*\\temp\\*"'),
        ('input_event.process like "% -enc %"', 'process="*-enc*"'),
        ('input_event.process like "a b%"', 'process="a b*"'),
        ('input_event.process=" a.exe"', 'process="*a.exe"'),
        ('input_event.process="a.exe "', 'process="a.exe*"'),
        ('input_event.process="ab*ab"', 'process="ab*"'),
        ("""input_event.process like '%say "hello" to%'""", 'process="*hello*"'),
        ('input_event.process like "%$env:tmp$%`x"', 'process="*env:tmp*"'),
        ('lower(input_event.process) like "%taskmgr ski%"', 'process="*mgr s*"'),
        ('lower(input_event.process) like "%ali%"', 'process="*al*"'),
        ('input_event.dest_user_id="eve"', '(user="eve" OR dest_user_id="eve")'),
        ('input_event.a="x1" AND (input_event.b="y2" OR input_event.b="z3")', 'a="x1" (b="y2" OR b="z3")'),
        ('input_event.a="x1" OR input_event.a="x1"', 'a="x1"'),
        ('input_event.a like "%x%"', "*"),
        ('input_event.a="x"', 'a="x"'),
        ('input_event["packed data"]="x1"', "*"),
        ('input_event.latest="x1" OR input_event.b="y2"', "*"),
        ('input_event._time="1772442000250"', "*"),
        ('input_event.event_id="e1"', "*"),
        ("match_regex(input_event.a, /x1/)", 'a="*x1*"'),
    ],
)
def test_the_prefilter_has_the_required_texts_in_the_words_of_search(condition, terms):
    assert pushdown.prefilter(where(condition)) == terms


@pytest.mark.parametrize(
    ("condition", "has"),
    [
        ('lower(input_event.process_name)="regsvr32.exe"', True),
        ('lower(input_event.process_name) IN ("schtasks.exe", "at1.exe") AND input_event.a="x1"', True),
        ('lower(input_event.process_name) IN ("schtasks.exe", "at.exe")', False),
        ('lower(input_event.process_name)="cmd.exe" OR input_event.process like "%cmd%"', False),
        ('input_event.file_name="cmd.exe"', False),
        ("match_regex(input_event.a, /x1/)", False),
    ],
)
def test_a_word_finds_events_at_once_where_each_of_them_has_one(condition, has):
    assert pushdown.has_words(where(condition)) == has


@pytest.mark.parametrize(
    ("condition", "terms"),
    [
        ('lower(input_event.process_name)="regsvr32.exe"', 'Processes.process_name="regsvr32.exe"'),
        ('lower(input_event.process_name)="schtasks.exe"', 'Processes.process_name="schtas*"'),
        ('input_event.dest_user_id="eve"', 'Processes.user="eve"'),
        ('input_event.dest_device_id="ws"', '(Processes.dest="ws" OR host="ws")'),
        ('input_event.registry_path="x1"', "(index=* OR index=_*)"),
        ('input_event.registry_path="x1" AND input_event.process="p1"', 'Processes.process="p1"'),
    ],
)
def test_the_where_of_tstats_has_the_names_of_the_data_model(condition, terms):
    assert pushdown.tstats_where(where(condition), PROCESSES) == terms


@pytest.mark.parametrize(
    ("condition", "raw", "tstats"),
    [
        ('input_event.dest_user_id="eve"', 'src_user="eve"', "(index=* OR index=_*)"),
        ('lower(input_event.process_name)="cmd.exe"', 'process="cmd.exe"', 'Processes.process="cmd.exe"'),
        ('input_event.a="x1"', "*", "(index=* OR index=_*)"),
    ],
)
def test_a_field_with_a_column_of_its_own_is_looked_for_there_alone(condition, raw, tstats):
    wanted = where(condition)
    wanted.columns = {"dest_user_id": "src_user", "process_name": "process", "a": "index"}
    assert (pushdown.prefilter(wanted), pushdown.tstats_where(wanted, PROCESSES)) == (raw, tstats)


def test_a_clause_too_long_to_read_is_left_out():
    options = ", ".join(f'"{number}"' for number in range(pushdown.MAX_TERMS + 1))
    assert pushdown.prefilter(where(f'input_event.a IN ({options}) AND input_event.b="x1"')) == 'b="x1"'


def test_the_prefilter_of_the_shipped_detection_has_its_program_and_either_switch():
    assert pushdown.prefilter(given_detection()) == 'msiexec (process="*/y*" OR process="*-y*")'
    assert pushdown.tstats_where(given_detection(), PROCESSES) == (
        'Processes.process_name="msiexec.exe" (Processes.process="*/y*" OR Processes.process="*-y*")'
    )


def test_the_names_of_the_data_model_are_those_that_the_accelerated_searches_ask_for():
    grouped_by = MACROS["ssa_tstats_by"]["definition"].value.removeprefix("by ").removesuffix(" span=1s").split()
    assert [*DATASET.values(), "_time"] == grouped_by


# -- what is found


def expression(terms):
    reader = spl.SearchReader(spl.Command("search", terms, 0, 0))
    condition = reader.expression()
    reader.end()
    return condition


def in_ascii(text):
    return "".join(char.lower() if char.isascii() else char for char in text)


def meets(node, row):
    """Tell whether a row meets terms, as narrowly as search may read them: only the case of ASCII is no matter."""
    if node.kind in ("and", "or"):
        return (all if node.kind == "and" else any)(meets(arg, row) for arg in node.args)
    if not node.args:
        word = re.escape(in_ascii(node.text)).replace(r"\*", "[^ ]*")
        return re.search(rf"(?:^|[ \\\".=]){word}(?:$|[ \\\".])", in_ascii(row["_raw"])) is not None
    pattern = re.escape(in_ascii(node.args[1].text)).replace(r"\*", "(?s:.)*")
    cell = row.get(node.args[0].text)
    held = cell if isinstance(cell, list) else [cell or ""]
    return any(re.fullmatch(pattern, in_ascii(value)) for value in held)


class Searched:
    """Rows in the sandbox's database, which reads terms in its own way."""

    def __init__(self, names):
        self.names = names
        self.database = duckdb.connect()
        self.database.execute(sql.SETUP)
        columns = ", ".join(f"{sql.ident(name)} VARCHAR[]" for name in names)
        self.database.execute(f"CREATE TABLE rows (_raw VARCHAR, {columns})")
        self.rows = sql.Relation("rows", {"_raw": "VARCHAR", **dict.fromkeys(names, "VARCHAR[]")})

    def dropped(self, rows, terms):
        """Return how many of the rows do not meet the terms."""
        self.database.execute("DELETE FROM rows")
        cells = [[row["_raw"], *(values(row.get(name)) or None for name in self.names)] for row in rows]
        self.database.executemany(f"INSERT INTO rows VALUES (?{', ?' * len(self.names)})", cells)
        condition = matching.matches(expression(terms), self.rows, None)
        return self.database.execute(f"SELECT count(*) FROM rows WHERE ({condition}) IS NOT TRUE").fetchone()[0]


def row_of(random, held):
    """Return a row that gives this input event; a user may be in the column of CIM, several values in several."""
    row = {name: value for name, value in held.items() if value}
    if "user" in row and random.random() < 0.5:
        row["dest_user_id"] = row["user"]
    for name, text in list(row.items()):
        if "\n" in text and random.random() < 0.5:
            row[name] = values(text.split("\n"))
    names = values(row.get("process_name"))
    row["_raw"] = " ".join(f"Process Name: C:\\Windows\\{name}" for name in names)
    return row


@pytest.mark.parametrize(
    ("condition", "held"),
    [
        ('lower(input_event.process) like "%ali%"', {"process": "c:\\al\u0130ce"}),
        ('lower(input_event.process) like "ski%"', {"process": "S\u212a\u0130"}),
        ('lower(input_event.process_name)="schtasks.exe"', {"process_name": "SCHTAS\u212aS.EXE"}),
        ('lower(input_event.process_name)="kali.exe"', {"process_name": "\u212aali.exe"}),
        ('upper(input_event.process)="STRASSE.TXT"', {"process": "straße.txt"}),
        ('lower(input_event.process) like "%-y %"', {"process": ["a -y", "b -Y c"]}),
        ('input_event.process="a\nlonger"', {"process": ["a", "longer"]}),
        ('input_event.process="a\nlonger"', {"process": "a\nlonger"}),
        ('input_event.dest_user_id="eve"', {"user": ["unknown", "eve"]}),
        ("""input_event.process like '%say "hi%'""", {"process": 'x say "hi" y'}),
    ],
)
def test_a_value_that_is_hard_to_search_for_is_not_lost(condition, held):
    wanted, names = where(condition), values(held.get("process_name"))
    row = {**held, "_raw": "".join(f"\\{name}" for name in names)}
    assert any(wanted.plan.run(event.input_event(row, wanted.plan.input_fields)))
    assert meets(expression(pushdown.prefilter(wanted)), row)
    seen = in_data_model(row)
    assert meets(expression(pushdown.tstats_where(wanted, PROCESSES)), by_model(seen))


def in_data_model(row):
    """Return a row as the macro ssa_tstats_rows gives it: without what the data model does not have."""
    return {name: row.get(name) for name in (*DATASET, "_raw")}


def test_no_event_that_a_detection_hits_is_lost():
    random, number = Random(SEED), count(150, 12_000)
    raw = Searched([*FIELDS, "dest_user_id"])
    model = Searched(list(DATASET.values()))
    tried = {"prefilter": 0, "tstats_where": 0}
    for _ in range(number):
        tree = literals.requiring_program(random)
        text = print_program(tree).replace('"user"', '"dest_user_id"')
        try:
            wanted = DetectionText(text)
        except SsaError:
            continue
        near = [literals.near(random, tree, wanted.plan.required) for _ in range(25)]
        rows = [row_of(random, held) for held, _ in near]
        for terms, seen, searched, named in (
            (pushdown.prefilter(wanted), rows, raw, lambda row: row),
            (pushdown.tstats_where(wanted, PROCESSES), [in_data_model(row) for row in rows], model, by_model),
        ):
            hits = [
                named(row)
                for row, (_, models) in zip(seen, near, strict=True)
                if any(wanted.plan.run(event.input_event(row, wanted.plan.input_fields), models))
            ]
            if terms in (pushdown.EVERYTHING, pushdown.EVERYTHING_INDEXED) or not hits:
                continue
            tried["prefilter" if searched is raw else "tstats_where"] += len(hits)
            parsed = expression(terms)
            assert [row for row in hits if not meets(parsed, row)] == [], (text, terms)
            assert searched.dropped(hits, terms) == 0, (text, terms)
    assert min(tried.values()) > number / 2
    report(f"{number} programs pushed down; hits of those with a prefilter: {tried}")


def by_model(row):
    named = {DATASET[name]: row[name] for name in DATASET}
    return {**named, "_raw": row["_raw"]}
