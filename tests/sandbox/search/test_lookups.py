"""When lookup commands write, and when not."""

import pytest

from sandbox.errors import SearchError
from sandbox.search.instance import Instance


@pytest.fixture
def instance(tmp_path):
    lookups = tmp_path / "etc/apps/ssa_detections/lookups"
    lookups.mkdir(parents=True)
    (lookups / "t.csv").write_text("a\n1\n", "utf-8")
    return Instance(tmp_path, indexers=2)


@pytest.mark.parametrize(
    "search",
    [
        "| makeresults | eval a=2 | outputlookup t.csv | nonsense",
        "| makeresults | eval a=2 | collect index=x | nonsense",
        "| makeresults | eval a=2 | append [| makeresults | eval a=3 | outputlookup t.csv] | nonsense",
        "| makeresults | eval a=2 | outputlookup key_field=a t.csv",
        "| makeresults | eval a=2 | outputlookup ../t.csv",
        "| makeresults | eval a=2 | outputlookup .csv",
    ],
)
def test_a_search_that_fails_its_check_writes_nothing(instance, search):
    with pytest.raises(SearchError):
        instance.search(search)
    files = [path for path in instance.apps.rglob("*") if path.is_file()]
    assert [path.name for path in files] == ["t.csv"]
    assert files[0].read_text("utf-8") == "a\n1\n"
    assert instance.search("index=*").rows == []


def test_a_subsearch_runs_once_however_many_indexers_evaluate_its_expression(instance):
    instance.add_events({"_time": number, "index": "main", "n": str(number)} for number in range(4))
    result = instance.search('n=3 OR [| makeresults | eval a="1", n="2" | collect index=seen] | sort n')
    assert [row["n"] for row in result.rows] == ["3"]
    assert len(instance.search("index=seen").rows) == 1


def test_a_file_is_written_as_csv_with_its_columns_in_the_order_of_the_rows(instance):
    instance.search(
        '| makeresults | eval b="x, \\"y\\"", a=null() | append [| makeresults | eval a=1] | table b a _time'
    )
    instance.search('| makeresults | eval _time=5, b="x, \\"y\\"", a=null() | table b a _time | outputlookup new.csv')
    written = instance.apps / "ssa_detections/lookups/new.csv"
    assert written.read_text("utf-8") == 'b,a,_time\n"x, ""y""",,5\n'


def test_what_fails_in_a_subsearch_is_not_laid_at_the_door_of_the_indexers_that_wait_for_it(instance):
    with pytest.raises(SearchError) as caught:
        instance.search('n=* [| makeresults | eval a=split("1 2", " ") | eval b=lower(a)]')
    assert str(caught.value).startswith("A field with several values")
