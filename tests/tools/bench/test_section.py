"""A benchmark writes its own part of docs/benchmark.md, and keeps what others wrote."""

import pytest

from tools.bench import searches, section

HEADING = "## Own"


@pytest.mark.parametrize(
    ("page", "written"),
    [
        ("# Top\n\n## Many\n\nold\n", "# Top\n\n## Own\n\na\nb\n\n## Many\n\nold\n"),
        ("# Top\n\n## Own\n\nold\n\n## Many\n\nx\n", "# Top\n\n## Own\n\na\nb\n\n## Many\n\nx\n"),
        ("# Top\n\n## Own\n\nold\n### Of own\n", "# Top\n\n## Own\n\na\nb\n"),
        ("# Top\n\n## Own way\n\nx\n", "# Top\n\n## Own way\n\nx\n\n## Own\n\na\nb\n"),
    ],
)
def test_a_part_takes_the_place_of_what_was_there_and_of_nothing_else(page, written):
    assert section.put(HEADING, ["a", "b"], "## Many", page) == written
    assert section.put(HEADING, ["a", "b"], "## Many", written) == written
    assert section.read(HEADING, written) == "## Own\n\na\nb\n"


def test_without_the_part_nothing_is_read():
    assert section.read(HEADING, "# Top\n\n## Own way\n") == ""


def test_the_search_with_many_rules_is_written_with_its_goals(tmp_path, monkeypatch, capsys):
    (tmp_path / "page.md").write_text("# Top\n\n## Many rules\n\nx\n")
    monkeypatch.setattr(section, "PATH", tmp_path / "page.md")
    monkeypatch.delenv(searches.FOLDER, raising=False)
    figures = [searches.Figure("hits", 12, ""), searches.Figure("  processor time", 500.0, "s", 480)]
    monkeypatch.setattr(searches, "ingestion", lambda data: [])
    monkeypatch.setattr(searches, "NAMES", {"ingestion": searches.ingestion, "rules": lambda data: figures})
    assert searches.main(["--events", "1000", "--rules", "30", "--only", "rules", "--write"]) == 0
    text = (tmp_path / "page.md").read_text()
    assert "1,000 process events of a day, in the sandbox; 30 rules (made ones) and the given one,\n" in text
    assert "| hits | 12 | – |\n| processor time | 500.0 s | under 480 s: missed |\n\n## Many rules\n\nx\n" in text
    with pytest.raises(SystemExit):
        searches.main(["--only", "nothing"])
    assert "--only takes some of ingestion, rules" in capsys.readouterr().err
