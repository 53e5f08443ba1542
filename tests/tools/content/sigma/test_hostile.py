"""Hostile rules: each loses only itself, and nothing of one leaves the setting that it is for."""

import os
import re

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ssa.content import conf
from ssa.content.detection import CONF, Catalogue
from tests.support.sigma.own import correlation, rule
from tests.support.soak import count
from tools.__main__ import main

FILES = ("macros", "savedsearches", CONF, "ssa_detection_index")
SOUND = [rule(1, level="high", status="test", name="first"), rule(2, level="high", status="test")]
COUNTED = correlation(3, "event_count", ["first"], condition={"gte": 2}, **{"group-by": ["User"]})
NAMES = {f"Rule {number} 0f6da907" for number in (1, 2, 3)}
SEARCHES = {"SSA - Sigma process_creation - Rule", "SSA - Rule 3 0f6da907 - Rule"}
INJECTION = 'x"] | delete `evil` $a$ \\ \n[evil]\nsearch = | delete\r\nid = 1\x00\u2028\u202e[[subsearch]]'
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{last}'] * 9)}]\n" for last, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def document(**changed):
    """A rule's file, as bytes."""
    return yaml.safe_dump(rule(5, **{"level": "high", "status": "test", **changed})).encode()


HOSTILE = {
    "bomb": BOMB.encode(),
    "bomb in a title": BOMB.encode() + b"title: *i\n",
    "python": b"title: !!python/object/apply:os.system ['touch evil']\n",
    "python name": b"title: !!python/name:os.system\n",
    "huge": b"title: x\nx: '" + b"y" * 2_000_000 + b"'",
    "deep": b"x: " + b"[" * 100_000,
    "NUL": b"title: a\x00b",
    "nothing but NULs": b"\x00" * 1_000,
    "UTF-16": "title: x\n".encode("utf-16"),
    "not UTF-8": b"title: \xff\xfe\xfd",
    "tabs": b"\ttitle:\tx",
    "many documents": b"---\ntitle: x\n" * 5_000,
    "endless keys": b"? " * 3_000,
    "id is a path": document(id="../../../etc/passwd"),
    "id is SPL": document(id='" | delete'),
    "id is a list": document(id=["x"]),
    "title is a map": document(title={"a": 1}),
    "title is nothing": document(title=None),
    "log source is a text": document(logsource="windows"),
    "log source is SPL": document(logsource={"category": "x` | delete"}),
    "date": document(date="9999-99-99"),
    "level": document(level="high] x"),
    "status": document(status=["test"]),
    "condition": document(detection={"a": {"x": 1}, "condition": INJECTION}),
    "condition is a number": document(detection={"a": {"x": 1}, "condition": 4}),
    "regex that explodes": document(detection={"a": {"x|re": "(" * 200 + "a" + "){9,}" * 200}, "condition": "a"}),
    "value with NUL": document(detection={"a": {"x": "a\x00b"}, "condition": "a"}),
    "correlation of itself": yaml.safe_dump(correlation(5, "temporal", ["Rule 5"])).encode(),
    "correlation by a path": yaml.safe_dump(correlation(5, "temporal", ["../1.yml"])).encode(),
    "correlation over SPL": yaml.safe_dump(correlation(5, "temporal", [INJECTION])).encode(),
    "grouped by SPL": yaml.safe_dump(correlation(5, "temporal", ["first"], **{"group-by": [INJECTION]})).encode(),
    "timespan of SPL": yaml.safe_dump(
        {**COUNTED, "correlation": {**COUNTED["correlation"], "timespan": INJECTION}}
    ).encode(),
}
"""Each is refused."""


def tree(folder):
    """Every file below a folder but those of local/, with its text."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and "local" not in path.parts}


def imported(app, folder):
    """Import a folder; return conf -> stanza -> its settings."""
    code = main(["sigma", str(folder), "--app", str(app)])
    found = {}
    for name in FILES:
        path = app / f"local/{name}.conf"
        stanzas = conf.parse(path.read_text("utf-8"), name) if path.exists() else {}
        found[name] = {stanza: {key: one.value for key, one in keys.items()} for stanza, keys in stanzas.items()}
    return code, found


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "sound.yml").write_text(yaml.safe_dump_all([*SOUND, COUNTED]))
    return folder


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_broken_rule_loses_only_itself(app, folder, tmp_path, capsys, content):
    (folder / "hostile.yml").write_bytes(content)
    before = tree(tmp_path)
    code, found = imported(app, folder)
    err = capsys.readouterr().err
    assert code == 1
    assert "refused: hostile.yml: " in err
    assert "Traceback" not in err
    assert len(err) < 20_000 + 100 * len(content) * (content.count(b"---") > 2)
    assert found[CONF].keys() == NAMES
    assert found["savedsearches"].keys() == SEARCHES
    assert tree(tmp_path) == before
    assert {path.name for path in (app / "local").iterdir()} == {f"{name}.conf" for name in FILES}


def test_names_of_files_and_what_is_no_file_do_no_harm(app, folder, tmp_path, capsys):
    (folder / "]\n[evil]\nx = | delete.yml").write_bytes(document(title="Odd file"))
    (folder / "\x1b[31mred.yml").write_text("wrong")
    (folder / "loop").symlink_to(folder)
    (folder / "away.yml").symlink_to("/etc/passwd")
    (folder / "gone.yml").symlink_to(tmp_path / "nowhere")
    (folder / "folder.yml").mkdir()
    os.mkfifo(folder / "pipe.yml")
    _, found = imported(app, folder)
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert found[CONF].keys() == {*NAMES, "Odd file 0f6da907"}
    assert found[CONF]["Odd file 0f6da907"]["source"] == "Sigma: ] [evil] x = | delete.yml"


ANY = st.one_of(
    st.text(max_size=30),
    st.text('[]"`|$\\\n\r#=,*?%;:/. \x00\u2028a', max_size=30),
    st.sampled_from([INJECTION, "default", "[default]", "x\\", "../..", "true", "1e999", "{}", "a" * 5_000]),
)
WORDS = re.compile(r"[A-Za-z_][\w*-]*")


@settings(max_examples=count(60, 2_000), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ANY, min_size=12, max_size=12), ANY)
def test_any_text_in_any_field_stays_in_its_setting(app, tmp_path_factory, texts, value):
    """The confs have the stanzas and settings that are meant, and searches no text of a rule outside of quotes."""
    keys = ("title", "author", "description", "license", "name", "misc")
    changed = dict(zip(keys, texts, strict=False))
    changed |= {"title": texts[0][:250] or "x", "name": texts[4] or "x"}
    changed |= {"references": [texts[6]], "falsepositives": [texts[7]], "tags": [f"attack.{texts[8]}"]}
    plain = value.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")
    values = {"detection": {"a": {"CommandLine|contains": [f"odd {plain}"]}, "condition": "a"}}
    folder = tmp_path_factory.mktemp("any")
    first = {**SOUND[0], **changed, **values}
    counted = {**COUNTED, **{**changed, "name": texts[9] or "y"}}
    counted["correlation"] = {**COUNTED["correlation"], "rules": [first["id"]]}
    (folder / "any.yml").write_text(yaml.safe_dump_all([first, SOUND[1], counted]), "utf-8")
    _, found = imported(app, folder)
    if SOUND[0]["id"] not in {one["id"] for one in found[CONF].values()}:
        main(["sigma", "--remove", "sigma_process_creation", "--app", str(app)])
        return  # refused: it has what a conf cannot carry, or is no rule
    by_id = {one["id"]: (name, one) for name, one in found[CONF].items()}
    assert by_id.keys() <= {one["id"] for one in (*SOUND, COUNTED)}
    usual = by_id[SOUND[1]["id"]][1].keys()
    for name, one in by_id.values():
        assert re.fullmatch(r"[^\[\]\"`|$\\\n\r\x00]{1,86}", name)
        assert one.keys() == usual
    searches = {f"SSA - {by_id[COUNTED['id']][0]} - Rule"} if COUNTED["id"] in by_id else set()
    assert found["savedsearches"].keys() == {"SSA - Sigma process_creation - Rule", *searches}
    assert found["macros"].keys() == {"ssa_set_sigma_process_creation_filter"}
    for one in found["savedsearches"].values():
        outside = re.sub(r'"[^"]*"', "", one["search"])
        assert not re.search(r"[\"\\\[\]$#;{}?%\n\r]|[^\x20-\x7e]", outside), outside
        assert "delete" not in WORDS.findall(outside)
        assert "evil" not in WORDS.findall(outside)
    catalogue = Catalogue.of_app(str(app))
    assert catalogue.find(SOUND[0]["id"]).plan
    main(["sigma", "--remove", "sigma_process_creation", "--app", str(app)])
    assert not (app / "local").exists()
