"""The results file of an alert."""

import gzip
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.search.chunked import encode_rows
from ssa.action import results
from ssa.rows import cells
from tests.support.hostile import SPOILT, spoil


@pytest.fixture
def dispatch(tmp_path):
    folder = tmp_path / "var/run/splunk/dispatch/sid"
    folder.mkdir(parents=True)
    return folder


def rows(path, text, skipped=None):
    """The rows of a results file with this content."""
    path = path / "r.csv.gz"
    path.write_bytes(gzip.compress(text.encode("utf-8", "surrogatepass")))
    return list(results.read(str(path), str(path.parents[5]), skipped))


def test_multivalue_columns_win_over_their_plain_ones(dispatch):
    read = rows(dispatch, 'a,__mv_a,b,__mv_b\n"x\ny",$x$;$y$,1,\n"a$b\nc",$a$$b$;$c$,2,\n')
    assert read == [{"a": ["x", "y"], "b": "1"}, {"a": ["a$b", "c"], "b": "2"}]


@pytest.mark.parametrize(
    "cell",
    [
        "$victim$",
        "victim",
        "$jdoe",
        "jdoe$",
        "$jdoe$$",
        "$a$;$jdoe$",
        "$$",
        ";",
        "$j$;$oe$",
        "$jd$;$oe$",
        "$jdo$",
        "$$;$$",
    ],
)
def test_a_multivalue_column_that_splunkd_did_not_write_does_not_count(dispatch, cell):
    (row,) = rows(dispatch, f"user,__mv_user\njdoe,{cell}\n")
    assert row["user"] == "jdoe"


def test_of_two_columns_of_a_name_the_one_that_splunkd_wrote_counts(dispatch):
    for columns in ("__mv_user,__mv_user", "__mv_user,user,__mv_user"):
        cells = {"__mv_user": iter(["$victim$", "$a$;$b$"]), "user": iter(['"a\nb"'])}
        names = columns if "user," in columns.replace("__mv_user,", "") else columns + ",user"
        line = ",".join(next(cells[name]) for name in names.split(","))
        assert rows(dispatch, f"{names}\n{line}\n") == [{"user": ["a", "b"]}]


def test_a_cell_of_too_many_values_is_one_text(dispatch):
    values = [str(number) for number in range(cells.MAX_VALUES + 1)]
    text = encode_rows(["user"], [[values], [values[:-1]]]).decode()
    one, other = rows(dispatch, text)
    assert (one["user"], other["user"]) == ("\n".join(values), values[:-1])


@given(st.lists(st.text(st.one_of(st.characters(), st.sampled_from("$;\n")), max_size=9), min_size=2, max_size=4))
def test_values_are_read_as_splunkd_writes_them(values):
    encoded = ";".join("$" + value.replace("$", "$$") + "$" for value in values)
    assert cells.listed(encoded, "\n".join(values)) == values


@pytest.mark.parametrize(
    ("several", "plain", "values"),
    [
        ("$a$;$b$", "a\nb", ["a", "b"]),
        ("$a$;$b$;$$", "a, b, ", ["a", "b", ""]),
        ("$a$;$$b$", "a b", None),
        ("$a$;$b$;$c$", "a b,c", None),
        ("$ad$;$in$", "admin", None),
        ("$ad$;$min$", "admin", None),
        ("$jdoe$;$CORP$", "CORP\\jdoe", None),
        ("$CORP$;$jdoe$", "CORP jdoe ", None),
        ("$a$;$b$", "", None),
        ("$a$;$b$", None, None),
        ("$a$", "a", ["a"]),
        ("$a$", "a b", None),
    ],
)
def test_a_list_counts_where_its_column_has_its_values_all_of_them_and_nothing_else(several, plain, values):
    """What stands between them may be what mvcombine or makemv was given; a letter would make a list of any name."""
    assert cells.listed(several, plain) == values


@pytest.mark.parametrize("cell", ["$" + "$$" * 500_000 + "x", "$a" * 500_000, "$" * 1_000_001, "$a$;" * 500_000])
def test_no_multivalue_column_takes_long(cell):
    start = time.process_time()
    assert cells.listed(cell, cell) is None
    assert time.process_time() - start < 2


def test_a_row_may_have_too_few_and_too_many_cells(dispatch):
    assert rows(dispatch, "a,b\n1\n1,2,3,4\n\n5,6\n") == [
        {"a": "1", "b": None},
        {"a": "1", "b": "2"},
        {"a": "5", "b": "6"},
    ]


def test_columns_without_a_name_are_none(dispatch):
    assert rows(dispatch, "a,,__mv_,__mv_a\n1,2,$3$,\n") == [{"a": "1"}]


def test_a_nul_in_a_cell_loses_no_row(dispatch):
    assert rows(dispatch, 'a\n"x\0y"\n2\n') == [{"a": "x␀y"}, {"a": "2"}]


def test_no_results_are_no_error(dispatch):
    assert rows(dispatch, "") == rows(dispatch, "a,b\n") == []


# -- what is too much


@pytest.mark.parametrize("cell", ["x" * 500_000, '"' + "x\n" * 210_000 + '"', '"' + '""\n' * 200_000 + '"'])
def test_a_row_that_is_too_long_is_reported_and_costs_no_other(dispatch, cell, monkeypatch):
    monkeypatch.setattr(results, "MAX_ROW", 400_000)
    skipped = []
    read = rows(dispatch, f"a,b\n1,2\n{cell},3\n4,5\n{cell},6\n7,8\n", skipped.append)
    assert [row["a"] for row in read] == ["1", "4", "7"]
    assert [str(error).partition(" of ")[0] for error in skipped] == ["result 2", "result 4"]
    assert "bytes, more than 400,000" in str(skipped[0])
    with pytest.raises(results.ResultsError, match="cannot be read after row 1: it takes"):
        rows(dispatch, f"a,b\n1,2\n{cell},3\n")


def test_a_bomb_is_defused(dispatch, monkeypatch):
    monkeypatch.setattr(results, "MAX_FILE", 500_000)
    skipped = []
    with pytest.raises(results.ResultsError, match="after row 1: it has more than 500,000 characters"):
        rows(dispatch, "a\n1\n" + "\0" * 6_000_000, skipped.append)
    with pytest.raises(results.ResultsError, match="it has more than 500,000 characters"):
        rows(dispatch, "a\n" + "1,2,3,4\n" * 70_000)


# -- files that are none


def test_a_file_that_is_cut_off_gives_the_rows_before_the_cut_then_an_error(dispatch):
    path = dispatch / "r.csv.gz"
    whole = gzip.compress(b"a\n" + b"\n".join(b"%d" % number for number in range(200_000)))
    path.write_bytes(whole[: len(whole) // 2])
    read = []
    with pytest.raises(results.ResultsError, match=r"cannot be read after row \d{4,}: Compressed file ended"):
        read.extend(iter_into(read, results.read(str(path), str(dispatch.parents[4]))))
    assert len(read) > 1000


def iter_into(rows, source):
    for row in source:
        rows.append(row)
    return []


@pytest.mark.parametrize("how", SPOILT)
def test_what_is_no_results_file_is_named(dispatch, how):
    path = spoil(dispatch / "r.csv.gz", how)
    with pytest.raises(results.ResultsError, match=f"the results file .* {SPOILT[how]}"):
        list(results.read(str(path), str(dispatch.parents[4])))


def test_a_path_with_a_nul_is_an_error_as_any_other(dispatch):
    with pytest.raises(results.ResultsError, match="cannot be read"):
        list(results.read("/x\0y", str(dispatch)))
