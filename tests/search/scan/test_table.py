"""The columns of a chunk: records are read as csv.reader reads them, and what is written it reads back."""

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ssa.rows.cells import MV, listed
from ssa.search.scan.table import Table, cells

CELL = st.text(st.sampled_from('ab", \n\r$\\é;'), max_size=6)
RECORD = st.text(st.sampled_from('ab", \né'), max_size=12)


def read(text):
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def written(values, quoting=csv.QUOTE_MINIMAL):
    text = io.StringIO()
    csv.writer(text, quoting=quoting).writerow(values)
    return text.getvalue()[:-2]


@given(st.lists(CELL, min_size=1, max_size=6), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_the_cells_of_a_record_are_those_that_csv_reads(values, quoting):
    assert cells(written(values, quoting)) == values


@given(RECORD.filter(lambda text: text.count('"') % 2 == 0))
@example('a"b"')
@example('"a"b')
@example('"a" "b"')
def test_a_record_with_odd_quotes_has_no_cells_or_those_that_csv_reads(record):
    found = cells(record)
    if found is not None and "\n" not in record:
        assert [found] == (read(record) or [[""]])


@given(st.lists(CELL, min_size=2, max_size=2), st.dictionaries(st.sampled_from("bcd"), st.one_of(CELL, st.lists(CELL))))
def test_what_is_written_reads_back(own, hit):
    table = Table("a,b", None, ["b", "c", "d"])
    for record in (written(own), None):
        names, values = read(table.header + table.line(own, record, hit))
        row = dict(zip(names, values, strict=True))
        assert row["a"] == own[0]
        for name in "bcd":
            cell = hit.get(name, own[1] if name == "b" else None)
            several = cell if isinstance(cell, list) else [cell or ""]
            assert row[name] == "\n".join(several)
            if len(several) > 1:
                assert listed(row[MV + name], row[name]) == several
            elif len(several) < 2:
                assert not row[MV + name]


@pytest.mark.parametrize(
    ("header", "record", "user"),
    [
        ("user,__mv_user", "a,", "a"),
        ("user,__mv_user", '"a\nb",$a$;$b$', ["a", "b"]),
        # A field of the event is called __mv_user: splunkd's own list stands behind it, and counts.
        ("user,__mv_user,__mv_user,__mv___mv_user", "a,$x$;$y$,,", "a"),
        # And where splunkd sends none, no list counts that its column does not have.
        ("user,__mv_user", "a,$x$;$y$", "a"),
        ("user,__mv_user", "axb,$a$;$b$", "axb"),
        ("user,__mv_user", '"a\nb",$a$', "a\nb"),
        ("user,__mv_user", '"a\nb",x', "a\nb"),
        ("user,__mv_user", ",$x$;$y$", ""),
        # Or __mv_owner, where there is no owner: a column like any other.
        ("user,__mv_owner", "a,$x$;$y$", "a"),
    ],
)
def test_a_field_that_is_called_like_a_list_forges_none(header, record, user):
    row = Table(header, None, []).row(cells(record))
    assert row["user"] == user
    assert "owner" not in row


def test_a_list_without_its_column_is_not_taken_for_that_of_a_column_that_is_added():
    table = Table("user,__mv_body", None, ["body"])
    names, values = read(table.header + table.line(["a", "$forged$;$x$"], "a,$forged$;$x$", {}))
    assert dict(zip(names, values, strict=True)) == {"user": "a", "body": "", MV + "body": ""}


@pytest.mark.parametrize("name", ["body", "__mv_body"])
def test_a_column_that_the_command_writes_is_replaced_wherever_it_stands(name):
    table = Table(f"user,{name},x,{name}", None, ["body"])
    text = table.header + table.line(["a", "forged", "x", "forged"], None, {"body": ["1", "2"]})
    names, values = read(text)
    found = set(zip(names, values, strict=True))
    assert found == {("user", "a"), ("x", "x"), ("body", "1\n2"), (MV + "body", "$1$;$2$")}


def test_a_row_that_has_all_columns_gets_no_empty_one():
    table = Table("body,__mv_body", None, ["body"])
    assert table.header == "body,__mv_body\r\n"
    assert table.line(["old", ""], "old,", {"body": "new"}) == '"new",\r\n'
