"""The files of the table reading.toml: built from forms, as the table says."""

import codecs
import gzip
import tomllib
from typing import Any

from tests.support.windows.forms import FORMS
from tools import ROOT

Case = dict[str, Any]

CASES: list[Case] = tomllib.loads((ROOT / "tests/sandbox/inputs/windows/reading.toml").read_text("utf-8"))["case"]
USERS = ("mia", "tom", "ann", "eve", "ida", "leo")
_MARKS = {"utf-8": codecs.BOM_UTF8, "utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}


def users(case: Case) -> list[str]:
    """Return the users of the events that the given detection finds in a file."""
    found: list[str] = case.get("users", [*USERS[: len(case["forms"])]])
    return found


def content(case: Case, host: str = "ws-07.lab.example") -> bytes:
    """Return the bytes of a file whose events are of a host."""
    text = case["text"] if "text" in case else _text(case, host)
    for old, new in case.get("replace", []):
        assert old in text, case["what"]
        text = text.replace(old, new)
    encoding = case.get("encoding", "utf-8")
    out: bytes = (_MARKS[encoding] if case.get("bom") else b"") + text.encode(encoding)
    out += bytes.fromhex(case.get("bytes", ""))
    return gzip.compress(out, mtime=0) if case.get("gzip") else out


def _text(case: Case, host: str) -> str:
    events = []
    for number, (form, user) in enumerate(zip(case["forms"], USERS, strict=False), 1):
        values = case.get("values", {})
        given = {**values.get("all", {}), **values.get(str(number), {})}
        event = FORMS[form](**{"user": user, "host": host, **given})
        if end := case.get("cut", {}).get(str(number)):
            event, found, _ = event.partition(end)
            assert found, case["what"]
        events.append(case.get("each", "") + event)
    joined: str = case.get("joiner", "\n").join(events)
    return f"{case.get('prefix', '')}{joined}{case.get('suffix', '')}"
