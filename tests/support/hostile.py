"""Readers of a line of the risk index that do not know how it was written, and strings that mean no good.

The strict one is Splunk's stash extraction as documented experience has it: `key="value"` pairs behind the time,
`\\` and `"` escaped by a backslash, a repeated key is multivalue. The others stand for readers that know less.
"""

import gzip
import os
import re

HOSTILE = (
    'x", risk_score="0',
    '\\", risk_score=\\"0\\", risk_object="victim',
    'x\n1772442000.000, search_name="x", risk_object="victim", risk_score="100"',
    "x\r\n***SPLUNK*** index=main sourcetype=x",
    "***SPLUNK****SPLUNK*** ***splunk***",
    "==##~~##~~  1E8N3D4E6V5E7N2T9 ~~##~~##==",
    'x\n==##~~##~~  1E8N3D4E6V5E7N2T9 ~~##~~##==\n1772442000.000, risk_object="victim", risk_score="100"',
    '***SPLUNK*** index="main" source="x"\n1772442000.000, risk_object="victim"',
    "C:\\dir\\",
    "\\\\\\",
    '"',
    '\\"',
    ", ",
    "=",
    "| delete",
    "[search index=* | outputlookup x] `drop_all`",
    "$risk_score$ $result.user$ $$x$$ $a$b$c$",
    "]]><x/>",
    "%s {0} {user}",
    "admin\u202ecod.exe",
    "ad\u200bmin\ufeff\U000e0041",
    "\ud800",
    "\x00\x01\x1b[31m\x7f\x85",
    "a\u2028b\u2029c",
    "é💥漢",
    "",
    " ",
    "x" * 20_000,
    '"' * 20_000,
    "\\" * 19_999,
    "\u200b" * 20_000,
    "*" * 2_000 + "SPLUNK" + "*" * 2_000,
)


def strict(line):
    """(time, [(key, value)]); an AssertionError for a line with anything else in it."""
    time, _, rest = line.partition(", ")
    found, at = [], 0
    while at < len(rest):
        start = rest.index('="', at)
        key, at, value = rest[at:start], start + 2, []
        assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*", key), key
        while rest[at] != '"':
            at += rest[at] == "\\"
            value.append(rest[at])
            at += 1
        found.append((key, "".join(value)))
        assert rest[at + 1 : at + 3] in (", ", ""), rest[at:]
        at += 3
    return time, found


def naive(line):
    """[(key, raw value)]: a value goes on to the next quotation mark that has no backslash before it."""
    return re.findall(r'([A-Za-z_][\w.]*)="(.*?)(?<!\\)"', line, re.DOTALL)


def toggling(line):
    """[(key, raw value)]: commas part the pairs, except between quotation marks that have no backslash before them."""
    pairs, inside, start = [], False, 0
    for at, character in enumerate(line + ","):
        if character == '"' and line[at - 1] != "\\":
            inside = not inside
        elif character == "," and not inside:
            pairs.append(line[start:at].strip())
            start = at + 1
    assert not inside
    return [(key, value[1:-1]) for key, _, value in (pair.partition("=") for pair in pairs[1:])]


def escaped(value):
    return value.replace("\\", "\\\\").replace('"', '\\"')


def fields(line):
    """The fields of a line, on which all readers agree: [(key, value)]."""
    assert len(line.splitlines()) == 1
    assert "***SPLUNK" not in line.upper()
    line.encode("utf-8")
    assert len(line) < 10_000
    _, pairs = strict(line)
    raw = [(key, escaped(value)) for key, value in pairs]
    assert naive(line) == raw
    assert toggling(line) == raw
    return pairs


def spoil(path, how):
    """Put something else where the results file should be."""
    outside = path.parents[5] / "outside.csv.gz"
    outside.write_bytes(gzip.compress(b"a\n1\n"))
    if how == "no gzip":
        path.write_text("a\n1\n")
    elif how == "damaged":
        path.write_bytes(gzip.compress(b"a\n1\n" * 9_999)[:12] + b"\xff" * 30)
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "a folder":
        path.mkdir()
    elif how == "a FIFO":
        os.mkfifo(path)
    elif how == "a link to outside":
        path.symlink_to(outside)
    elif how == "a link to inside":
        path.with_name("other").write_bytes(outside.read_bytes())
        path.symlink_to(path.with_name("other"))
    elif how == "a folder that leads outside":
        path.parent.rmdir()
        path.parent.symlink_to(outside.parent)
        return path.with_name(outside.name)
    elif how == "outside":
        return outside
    elif how == "dots":
        return path.parent / "../../../../../../outside.csv.gz"
    return path


NOT_THERE = "is not in splunkd's dispatch folder .*: nothing was read"
SPOILT = {
    "missing": "is missing or no file",
    "no gzip": "cannot be read after row 0: Not a gzipped file",
    "damaged": "cannot be read after row",
    "empty": "is empty",
    "a folder": "is missing or no file",
    "a FIFO": "is missing or no file",
    "a link to outside": NOT_THERE,
    "a link to inside": NOT_THERE,
    "a folder that leads outside": NOT_THERE,
    "outside": NOT_THERE,
    "dots": NOT_THERE,
}
