"""Splunk's conf syntax and layers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import confs
from ssa.content import conf


def write(app, layer, text, name="x"):
    folder = app / layer
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.conf").write_text(text, encoding="utf-8")


def values(app, name="x"):
    return {
        stanza: {key: setting.value for key, setting in settings.items()}
        for stanza, settings in conf.load(str(app), name).stanzas.items()
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a]\nk = v", {"k": "v"}),
        ("[a]\nk=v = w", {"k": "v = w"}),
        ("[a]\n# comment\n\n  k  =  v  ", {"k": "v"}),
        ("[a]\nk = v # no comment", {"k": "v # no comment"}),
        ("[a]\nk = %s %(x)s 100%", {"k": "%s %(x)s 100%"}),
        ("[a]\nKey = 1\nkey = 2", {"Key": "1", "key": "2"}),
        ("[a]\nk = one \\\n  two\\\nthree\nl = 1", {"k": "one \n  two\nthree", "l": "1"}),
        ("[a]\nk = 1\nk = 2", {"k": "2"}),
        ("[a]\nk =", {"k": ""}),
        ("\ufeff[a]\nk = v", {"k": "v"}),
        ("[a]\r\nk = v\r\n", {"k": "v"}),
        ("k = 1\n[default]\nl = 2\n[a]\nl = 3", {"k": "1", "l": "3"}),
        ("[a]\nk = v\\", {"k": "v\\"}),
    ],
)
def test_a_conf_file_is_read_as_splunk_reads_it(tmp_path, text, expected):
    write(tmp_path, "default", text)
    assert values(tmp_path) == {"a": expected}


def test_local_wins_over_default_setting_by_setting(tmp_path):
    write(tmp_path, "default", "[a]\nk = 1\nl = 1\n[b]\nk = 1")
    write(tmp_path, "local", "[default]\nm = 9\n[a]\nl = 2\n[c]\nk = 3")
    assert values(tmp_path) == {
        "a": {"m": "9", "k": "1", "l": "2"},
        "b": {"m": "9", "k": "1"},
        "c": {"m": "9", "k": "3"},
    }


def test_a_setting_knows_where_it_stands(tmp_path):
    write(tmp_path, "default", "# one\n[a]\nk = 1\nlong = x\\\ny\nl = 2")
    stanza = conf.load(str(tmp_path), "x").stanzas["a"]
    assert [stanza[key].line for key in ("k", "long", "l")] == [3, 4, 6]
    assert stanza["k"].file.endswith("default/x.conf")


def test_local_alone_is_enough(tmp_path):
    write(tmp_path, "local", "[a]\nk = 1")
    assert values(tmp_path) == {"a": {"k": "1"}}


def test_a_missing_conf_names_itself_and_the_way_to_the_peers(tmp_path):
    with pytest.raises(conf.ConfError, match=r"x\.conf is missing.*replicate\.x = true"):
        conf.load(str(tmp_path), "x")


@pytest.mark.parametrize(
    ("text", "says"),
    [("[a]\nno equals sign", "line 2: expected"), ("[a\nk = 1", "line 1: the stanza '\\[a' is not closed")],
)
def test_a_wrong_line_is_named(tmp_path, text, says):
    write(tmp_path, "default", text)
    with pytest.raises(conf.ConfError, match=rf"x\.conf, {says}"):
        conf.load(str(tmp_path), "x")


def test_a_file_that_is_not_utf8_is_named(tmp_path):
    (tmp_path / "default").mkdir()
    (tmp_path / "default" / "x.conf").write_bytes(b"[a]\nk = \xff")
    with pytest.raises(conf.ConfError, match=r"x\.conf cannot be read"):
        conf.load(str(tmp_path), "x")


TRUE, FALSE, OTHER = "1 t true y yes on", "0 f false n no off", "2 -1 01 enabled disabled none maybe trueish"


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        *((word, True) for word in TRUE.split()),
        *((word, False) for word in ["", " ", *FALSE.split()]),
        *((word, None) for word in OTHER.split()),
    ],
)
@pytest.mark.parametrize("written", ["{}", " {}\t"])
def test_app_and_sandbox_read_the_same_booleans_and_only_the_app_refuses_other_words(word, expected, written):
    for text in map(written.format, (word, word.upper(), word.title())):
        assert confs.is_true(text) is bool(expected)
        if expected is None:
            with pytest.raises(ValueError, match="expected a boolean"):
                conf.is_true(text)
        else:
            assert conf.is_true(text) is expected


line = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp", "Zs")), min_size=1).filter(
    lambda text: not text.endswith("\\") and text.strip() == text
)
key = st.text("abcXYZ._-0", min_size=1)


@given(st.dictionaries(key, st.lists(line, min_size=1, max_size=4)))
def test_whatever_is_written_is_read_back(settings):
    text = "[a]\n" + "".join(f"{name} = " + "\\\n".join(lines) + "\n" for name, lines in settings.items())
    read = conf.parse(text, "x.conf")["a"]
    assert {name: setting.value for name, setting in read.items()} == {
        name: "\n".join(lines) for name, lines in settings.items()
    }
