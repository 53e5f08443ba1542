"""The results file of an alert."""

import gzip

import pytest

from ssa import results


def write(path, text):
    path.write_bytes(gzip.compress(text.encode()))
    return str(path)


def test_multivalue_columns_win_over_their_plain_ones(tmp_path):
    path = write(tmp_path / "r.csv.gz", 'a,__mv_a,b,__mv_b\n"x\ny",$x$;$y$,1,\n"a$b\nc",$a$$b$;$c$,2,\n')
    assert list(results.read(path)) == [{"a": ["x", "y"], "b": "1"}, {"a": ["a$b", "c"], "b": "2"}]


def test_a_short_row_has_no_value_in_its_last_columns(tmp_path):
    assert list(results.read(write(tmp_path / "r.csv.gz", "a,b\n1\n"))) == [{"a": "1", "b": None}]


def test_a_missing_file_is_named():
    with pytest.raises(results.ResultsError, match=r"/nowhere/r\.csv\.gz cannot be read after row 0"):
        list(results.read("/nowhere/r.csv.gz"))


def test_a_file_that_is_cut_off_gives_the_rows_before_the_cut_then_an_error(tmp_path):
    path = tmp_path / "r.csv.gz"
    whole = gzip.compress(b"a\n" + b"\n".join(b"%d" % number for number in range(200_000)))
    path.write_bytes(whole[: len(whole) // 2])
    rows = []
    with pytest.raises(results.ResultsError, match="cannot be read after row"):
        rows.extend(iter_into(rows, results.read(str(path))))
    assert len(rows) > 1000


def iter_into(rows, source):
    for row in source:
        rows.append(row)
    return []


def test_a_file_that_is_no_gzip_is_an_error(tmp_path):
    path = tmp_path / "r.csv.gz"
    path.write_text("a\n1\n")
    with pytest.raises(results.ResultsError, match="Not a gzipped file"):
        list(results.read(str(path)))


def test_a_nul_in_a_cell_loses_no_row(tmp_path):
    rows = list(results.read(write(tmp_path / "r.csv.gz", 'a\n"x\0y"\n2\n')))
    assert rows == [{"a": "x␀y"}, {"a": "2"}]
