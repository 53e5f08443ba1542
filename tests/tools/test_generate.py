"""What is generated says so: the list in tools/generate.py and the marks in files and stanzas are the same."""

import re
import shutil
import subprocess

import pytest

from ssa.content import conf
from tools import ROOT, generate
from tools.content import generated
from tools.content.generated import OverwriteError, Stanza, rewritten
from tools.marks import MARK, mark

LIST_FILES = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
KEPT = subprocess.run(LIST_FILES, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
"""What git tracks, and what it would with `git add`: a page that was generated just now."""

GENERATORS = {
    "default/macros.conf": generated.macros,
    "default/savedsearches.conf": generated.saved_searches,
    "default/analyticstories.conf": generated.stories,
    "default/ssa_detection_index.conf": generated.index_entries,
}
CONFS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "default").glob("*.conf"))
NEW = [Stanza("new", {"a": "1"})]


def text_of(path):
    return (ROOT / path).read_text("utf-8")


# -- the list


def test_every_file_with_a_mark_is_in_the_list():
    texts = (path for path in KEPT if path.startswith(("docs/", "default/", "lookups/", "sandbox/demo/")))
    marked = [path for path in texts if not path.endswith(".png") and MARK in text_of(path)]
    listed = {path.relative_to(ROOT).as_posix() for output in generate.OUTPUTS for path in ROOT.glob(output.files)}
    assert len(marked) > 10
    assert [path for path in marked if path not in listed] == []


@pytest.mark.parametrize("output", generate.OUTPUTS, ids=lambda output: output.files)
def test_every_file_of_the_list_carries_the_mark_or_cannot(output):
    files = [path.relative_to(ROOT).as_posix() for path in ROOT.glob(output.files)]
    assert set(files) <= set(KEPT)
    if not output.unmarked:
        assert [path for path in files if MARK not in text_of(path)] == []
    if output.generate is not None:
        assert sorted(output.generate()) == sorted(files)


@pytest.mark.parametrize("path", CONFS)
def test_a_stanza_is_marked_exactly_if_it_is_generated(path):
    marked = re.findall(rf"^# {MARK}generate` from .*\.\n(?:#.*\n)*\[(.*)\]$", text_of(path), re.MULTILINE)
    assert marked == [stanza.name for stanza in GENERATORS.get(path, list)()]
    assert text_of(path).count(MARK) == len(marked)


# -- a conf


def test_what_is_written_by_hand_stays_as_it_is():
    text = "# mine\n[a]\nx = 1\n\n# of a\ny = 2\n"
    assert rewritten(text, "", NEW) == f"{text}\n# {mark(generated.DETECTIONS)}\n[new]\na = 1\n"


def test_a_stanza_that_was_changed_is_written_anew():
    text = rewritten("", "", NEW)
    assert rewritten(text.replace("a = 1", "# why\na = 2\nb = 3"), "", NEW) == text
    assert rewritten(text, "", NEW) == text


def test_a_marked_stanza_that_is_no_longer_generated_goes_away_and_comments_around_it_stay():
    old = f"# by hand\n# {mark('x')}\n# generated\n[old]\na = 1\n# within\nb = 1\\\n2\n"
    text = f"[a]\nx = 1\n\n{old}\n# of b\n[b]\ny = 1\n"
    assert rewritten(text, "", []) == "[a]\nx = 1\n\n# by hand\n# of b\n[b]\ny = 1\n"
    assert rewritten(f"{old}# behind\n", "", []) == "# by hand\n# behind\n"


def test_a_stanza_without_the_mark_is_never_overwritten():
    with pytest.raises(OverwriteError, match=r"default/x\.conf: \[new\] is to be generated from .* remove it, or "):
        rewritten("[new]\na = 1\n", "default/x.conf", NEW)
    with pytest.raises(OverwriteError):
        rewritten(f"# {mark('x')}\n\n[new]\na = 1\n", "default/x.conf", NEW)


def test_a_generated_stanza_is_read_as_it_was_meant():
    stanza = Stanza("a", {"search": "one\ntwo", "empty": ""}, "x", "first\nsecond")
    text = rewritten("[b]\nlast = 1", "", [stanza, *NEW])
    assert f"\n# {mark('x')}\n# first\n# second\n[a]\n" in text
    read = conf.parse(text, "x")
    assert {name: {key: one.value for key, one in read[name].items()} for name in ("a", "b", "new")} == {
        "a": {"search": "one\ntwo", "empty": ""},
        "b": {"last": "1"},
        "new": {"a": "1"},
    }


# -- the command


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with the confs alone, and the generators of confs and pages."""
    shutil.copytree(ROOT / "default", tmp_path / "default")
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    few = [output for output in generate.OUTPUTS if output.files.startswith(("default/", "docs/detections/"))]
    monkeypatch.setattr(generate, "OUTPUTS", few)
    return tmp_path


def test_generate_writes_what_is_missing_and_removes_what_it_no_longer_writes(checkout, capsys):
    assert generate.main() == 0
    pages = checkout / "docs/detections"
    assert {path.name for path in pages.iterdir()} == {path.name for path in (ROOT / "docs/detections").iterdir()}
    (pages / "gone.md").write_text(f"# Gone\n\n<!-- {mark('x')} -->\n")
    (pages / "mine.md").write_text("# Mine\n")
    (checkout / "default/macros.conf").write_text("")
    capsys.readouterr()
    assert generate.main() == 0
    assert capsys.readouterr().out == "wrote default/macros.conf\nremoved docs/detections/gone.md\n"
    assert (pages / "mine.md").exists()
    generate.main()
    assert capsys.readouterr().out == ""


def test_generate_writes_nothing_where_it_would_overwrite_what_is_written_by_hand(checkout, capsys):
    (checkout / "default/macros.conf").write_text("[ssa_tstats]\ndefinition = mine\n")
    assert generate.main() == 1
    assert "default/macros.conf: [ssa_tstats] is to be generated from bin/ssa/content/" in capsys.readouterr().err
    assert not (checkout / "docs").exists()
    assert (checkout / "default/macros.conf").read_text() == "[ssa_tstats]\ndefinition = mine\n"
