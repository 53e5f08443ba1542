"""README is one page, and each page under docs/ answers one question, which is its title."""

import re

import pytest

from tests.support.docs.pages import PAGES, Snippet, command, commands, is_search, searches, snippets, spans
from tools import ROOT

README = (ROOT / "README.md").read_text("utf-8")
TOP = [page for page in PAGES if page.startswith("docs/") and page.count("/") == 1]
MOST_WORDS, LONGEST_LINE = 1_300, 120


def test_the_readme_is_one_page():
    assert len(README.split()) <= MOST_WORDS
    assert [line for line in README.splitlines() if len(line) > LONGEST_LINE] == []


@pytest.mark.parametrize("page", TOP)
def test_a_page_begins_with_the_question_that_it_answers(page):
    assert re.match(r"# .*\?\n", (ROOT / page).read_text("utf-8"))


@pytest.mark.parametrize("page", TOP)
def test_the_readme_leads_to_a_page(page):
    assert f"]({page})" in README


def test_the_drawing_has_the_words_of_the_table_in_their_order():
    drawing = re.search(r"```text\n(.*)\n", README)[1]
    table = README.partition("| word | means |")[2].partition("\n\n")[0]
    defined = re.findall(r"^\| (\w+) \|", table, re.MULTILINE)
    drawn = re.findall(r"\w+", drawing)
    assert drawn == [word for word in defined if word in drawn]
    assert len(drawn) == 6
    assert len(defined) == len(set(defined))


def test_no_paragraph_stands_on_two_pages():
    seen = {}
    for page in ("README.md", *TOP):
        for line in (ROOT / page).read_text("utf-8").splitlines():
            if len(line.split()) > 12 and not line.startswith(("|", "    ", "!")):
                seen.setdefault(line.strip(), set()).add(page)
    assert {line: pages for line, pages in seen.items() if len(pages) > 1} == {}


# -- what is taken for a command, and for a search


@pytest.mark.parametrize(
    ("text", "inline", "expected"),
    [
        ("make demo    # the packaged app", False, "make demo"),
        ("SPLUNK_URL=https://host:8089 make integration", True, "SPLUNK_URL=https://host:8089 make integration"),
        (".venv/bin/python -m tools index", True, ".venv/bin/python -m tools index"),
        ("splunk btool check", True, "splunk btool check"),
        ("ls -l /tmp", False, "ls -l /tmp"),
        ("make", True, ""),
        ("msiexec.exe /y a.dll", True, ""),
        ("sort 0", True, ""),
        ("time @mon", True, ""),
        ("true OR true AND false", True, ""),
        ("expr      = and { OR and }", False, ""),
        ("disabled = 1", False, ""),
        ("process: cmd.exe /c dir", False, ""),
    ],
)
def test_a_command_begins_with_a_program(text, inline, expected):
    assert command(Snippet("x.md", text, inline)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("| makeresults", True),
        ("`ssa_process_events` | ssadetect", True),
        ("index=risk", True),
        ("index=_internal sendmodalert action=ssa_risk", True),
        ('search NOT user="a"', True),
        ("where risk_score>20", True),
        ("`ssa_allow_list`", False),
        ("|s", False),
        ("search earliest=", False),
        ("search !=", False),
        ("search *", False),
        ("risk_score", False),
    ],
)
def test_a_search_begins_with_a_pipe_a_macro_an_index_or_is_of_a_filter_macro(text, expected):
    assert is_search(Snippet("x.md", text, inline=True)) == expected


def test_spans_are_read_as_markdown_has_them():
    assert list(spans(r"| 1 | `` `a` \| b `` and `c` |")) == ["`a` | b", "c"]
    assert list(spans(r"see `a\|b`, ``c``")) == [r"a\|b", "c"]


def test_each_kind_of_page_has_what_is_found_there():
    """A change of the form of a page must not make its commands unseen."""
    assert len(commands(*PAGES)) > 40
    assert len(searches("docs/first-install.md")) > 20
    assert [snippet.text for snippet in snippets("docs/evaluation.md") if command(snippet)] == []
