"""Conf files are read as splunkd reads them ("About configuration files", Admin Manual)."""

import pytest

from sandbox.confs import load
from sandbox.errors import SandboxError


@pytest.fixture
def app(tmp_path):
    def write(default="", local=None):
        for folder, text in (("default", default), ("local", local)):
            if text is not None:
                (tmp_path / folder).mkdir(exist_ok=True)
                (tmp_path / folder / "x.conf").write_bytes(text if isinstance(text, bytes) else text.encode())
        return load(tmp_path, "x")

    return write


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("[a]\n", {"a": {}}),
        ("# c\n[a]\n  # c\nk = v # no comment here\n\n", {"a": {"k": "v # no comment here"}}),
        ("[a]\nk=v=w\n", {"a": {"k": "v=w"}}),
        ("[a]\nk =\n", {"a": {"k": ""}}),
        ("[a]\nk = 100% \n", {"a": {"k": "100%"}}),
        ("[a]\nK = 1\nk = 2\nk = 3\n", {"a": {"K": "1", "k": "3"}}),
        ("[a]\nk = 1\n[b]\n[a]\nj = 2\n", {"a": {"k": "1", "j": "2"}, "b": {}}),
        ("[a]\nk = one \\\ntwo\\\n  three\nj = 1\n", {"a": {"k": "one \ntwo\n  three", "j": "1"}}),
        ("[a]\nk = one\\\n# two\n", {"a": {"k": "one\n# two"}}),
        ("[a]\nk = last\\", {"a": {"k": "last"}}),
        ("[source::/x[0-9]/y]\nk = 1\n", {"source::/x[0-9]/y": {"k": "1"}}),
        ("[a]\r\nk = v\r\n", {"a": {"k": "v"}}),
        (b"\xef\xbb\xbf[a]\nk = \xc3\xa9\n", {"a": {"k": "é"}}),
        ("top = 1\n[default]\nk = d\nj = d\n[a]\nk = a\n", {"a": {"top": "1", "k": "a", "j": "d"}}),
    ],
)
def test_one_file(app, text, expected):
    assert app(text) == expected


def test_local_overrides_default_key_by_key(app):
    merged = app("[a]\nk = 1\nj = 1\n[b]\nk = 1\n", "[a]\nk = 2\n[c]\nk = 2\n")
    assert merged == {"a": {"k": "2", "j": "1"}, "b": {"k": "1"}, "c": {"k": "2"}}


def test_a_stanza_keeps_its_own_value_against_a_default_stanza_in_local(app):
    assert app("[a]\nk = own\n", "[default]\nk = global\nj = global\n") == {"a": {"k": "own", "j": "global"}}


def test_missing_files_are_empty(tmp_path):
    assert load(tmp_path, "x") == {}


@pytest.mark.parametrize("line", ["no setting", "= no key", "[open"])
def test_a_line_that_splunkd_would_skip_is_an_error_with_its_number(app, line):
    with pytest.raises(SandboxError, match="line 2: expected"):
        app(f"[a]\n{line}\n")
