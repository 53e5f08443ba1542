"""A second opinion: does a Sigma rule match an event? From the specification alone, without pySigma.

Sources: Sigma rules specification 2.1.0 (detection, condition) and its appendix on modifiers. Where Splunk cannot tell
two things apart, neither does this: an empty value and none are one. Case is ignored by `str.lower` on both sides.
"""

import base64
import ipaddress
import itertools
import re

WINDOWS_DASHES = ("-", "/", "\u2013", "\u2014", "\u2015")
COMPARE = {"lt": float.__lt__, "lte": float.__le__, "gt": float.__gt__, "gte": float.__ge__}
ENCODINGS = {"wide": "utf-16-le", "utf16le": "utf-16-le", "utf16be": "utf-16-be", "utf16": "utf-16"}
WORD = re.compile(r"\(|\)|[^\s()]+")


class Event:
    """An event: its fields by Sigma's names, and its whole text, for keywords.

    `whole` has fields as they are where a text is compared with them from its start.
    """

    def __init__(self, fields, text="", whole=None):
        self.fields = {name: value for name, value in fields.items() if value}
        self.lowered = {name: value.lower() for name, value in self.fields.items()}
        self.text = text
        self.whole = {**self.fields, **{name: value for name, value in (whole or {}).items() if value}}


def matcher(detection, placeholders=None):
    """Return the test of an event that the `detection` of a rule stands for."""
    reader = _Reader(placeholders or {})
    searches = {name: reader.search(body) for name, body in detection.items() if name not in ("condition", "timeframe")}
    conditions = detection["condition"]
    tests = [
        _Condition(text, searches).whole() for text in (conditions if isinstance(conditions, list) else [conditions])
    ]
    return _one(tests)


def _one(tests):
    return tests[0] if len(tests) == 1 else lambda event: any(test(event) for test in tests)


def _all(tests):
    return tests[0] if len(tests) == 1 else lambda event: all(test(event) for test in tests)


class _Reader:
    """Reads search identifiers: a map is an AND of its items, a list an OR, a bare value a keyword."""

    def __init__(self, placeholders):
        self.placeholders = placeholders

    def search(self, body):
        if isinstance(body, dict):
            return _all([self.item(key, value) for key, value in body.items()])
        if isinstance(body, list):
            return _one([self.search(part) for part in body])
        return self.value(None, [], body)

    def item(self, key, values):
        name, *modifiers = key.split("|")
        values = values if isinstance(values, list) else [values]
        tests = [self.value(name or None, modifiers, value) for value in values]
        test = (_all if "all" in modifiers else _one)(tests)
        return (lambda event: not test(event)) if "neq" in modifiers else test

    def value(self, name, modifiers, value):
        if "exists" in modifiers:
            return lambda event: (name in event.fields) is value
        if value is None:
            return lambda event: name not in event.fields
        if "re" in modifiers:
            return _one([_regex(name, one, modifiers) for one in self.expanded(value, modifiers, re.escape)])
        for modifier in COMPARE.keys() & set(modifiers):
            return lambda event: _number(event.fields.get(name), COMPARE[modifier], float(value))
        if "cidr" in modifiers:
            network = ipaddress.ip_network(value)
            return lambda event: _is_in(event.fields.get(name), network)
        if "fieldref" in modifiers:
            return _reference(name, value, modifiers)
        text = str(value).lower() if isinstance(value, bool) else str(value)
        texts = [variant for one in self.expanded(text, modifiers) for variant in _variants(one, modifiers)]
        return _one([_text(name, one, modifiers) for one in texts])

    def expanded(self, text, modifiers, written=str):
        """The texts that a value with placeholders stands for, with what stands for them as it is written there."""
        if "expand" not in modifiers:
            return [text]
        parts = re.split(r"%([^%]+)%", text)
        choices = [[*map(written, self.placeholders[part])] if at % 2 else [part] for at, part in enumerate(parts)]
        return ["".join(chosen) for chosen in itertools.product(*choices)]


def _regex(name, pattern, modifiers):
    flags = re.ASCII
    for modifier, flag in {
        "i": re.I,
        "ignorecase": re.I,
        "m": re.M,
        "multiline": re.M,
        "s": re.S,
        "dotall": re.S,
    }.items():
        flags |= flag if modifier in modifiers else 0
    search = re.compile(pattern, flags).search
    if name is None:
        return lambda event: search(event.text) is not None
    if pattern.startswith("^"):
        return lambda event: name in event.whole and search(event.whole[name]) is not None
    return lambda event: name in event.fields and search(event.fields[name]) is not None


def _number(cell, compare, number):
    try:
        return compare(float(cell), number)
    except (TypeError, ValueError):
        return False


def _is_in(cell, network):
    try:
        return ipaddress.ip_address(cell) in network
    except ValueError:
        return False


def _reference(name, other, modifiers):
    def test(event):
        if not {name, other} <= event.fields.keys():
            return False
        ours, theirs = event.lowered[name], event.lowered[other]
        return (
            theirs in ours
            if "contains" in modifiers
            else ours.startswith(theirs)
            if "startswith" in modifiers
            else ours.endswith(theirs)
            if "endswith" in modifiers
            else ours == theirs
        )

    return test


def _variants(text, modifiers):
    """The texts that the modifiers make of one: with other dashes, as other bytes, as Base64."""
    texts = [text]
    if "windash" in modifiers:
        pieces = re.split(r"(\B[-/]\b)", text)
        choices = [WINDOWS_DASHES if at % 2 else (piece,) for at, piece in enumerate(pieces)]
        texts = ["".join(chosen) for chosen in itertools.product(*choices)]
    encoding = next((ENCODINGS[one] for one in modifiers if one in ENCODINGS), "utf-8")
    if "base64" in modifiers:
        return [base64.b64encode(one.encode(encoding)).decode() for one in texts]
    if "base64offset" in modifiers:
        return [_within_base64(one.encode(encoding), offset) for one in texts for offset in range(3)]
    return texts


def _within_base64(content, offset):
    """What Base64 makes of bytes wherever they begin: the characters that depend on nothing before or after them."""
    whole = base64.b64encode(bytes(offset) + content).decode().rstrip("=")
    first = -(-offset * 8 // 6)
    last = (offset + len(content)) * 8 // 6
    return whole[first:last]


def _text(name, text, modifiers):
    """The test of a field for a text: * and ? are wildcards, unless a backslash stands before them."""
    cased = "cased" in modifiers
    if name is None:
        before = after = True
    else:
        before, after = (
            bool({"contains", "endswith"} & set(modifiers)),
            bool({"contains", "startswith"} & set(modifiers)),
        )
    text = text if cased else text.lower()
    parts = re.findall(r"\\[*?\\]|.", text, re.DOTALL)
    if not parts and not before and not after:
        return lambda event: name not in event.fields
    if not {"*", "?"} & set(parts):
        literal = "".join(part[-1] for part in parts)
        holds = literal.__eq__
        if before and after:
            holds = lambda cell: literal in cell  # noqa: E731
        elif before or after:
            holds = (lambda cell: cell.endswith(literal)) if before else (lambda cell: cell.startswith(literal))
    else:
        made = "".join({"*": ".*", "?": "."}.get(part) or re.escape(part[-1]) for part in parts)
        holds = re.compile(".*" * before + made + ".*" * after, re.DOTALL).fullmatch
    if name is None:
        return lambda event: bool(holds(event.text if cased else event.text.lower()))
    if not before and parts[:1] != ["*"]:
        return lambda event: (
            name in event.whole and bool(holds(event.whole[name] if cased else event.whole[name].lower()))
        )
    return lambda event: name in event.fields and bool(holds((event.fields if cased else event.lowered)[name]))


class _Condition:
    """A condition, read by precedence: not, and, or."""

    def __init__(self, text, searches):
        self.words, self.searches, self.at = WORD.findall(text), searches, 0

    def whole(self):
        test = self.either()
        assert self.at == len(self.words), self.words[self.at :]
        return test

    def take(self, *wanted):
        if self.at < len(self.words) and self.words[self.at] in wanted:
            self.at += 1
            return True
        return False

    def either(self):
        tests = [self.both()]
        while self.take("or"):
            tests.append(self.both())
        return _one(tests)

    def both(self):
        tests = [self.single()]
        while self.take("and"):
            tests.append(self.single())
        return _all(tests)

    def single(self):
        if self.take("not"):
            test = self.single()
            return lambda event: not test(event)
        if self.take("("):
            test = self.either()
            assert self.take(")")
            return test
        word = self.words[self.at]
        self.at += 1
        if word in ("1", "any", "all") and self.take("of"):
            pattern = self.words[self.at]
            self.at += 1
            is_meant = re.compile(".*" if pattern == "them" else re.escape(pattern).replace(r"\*", ".*")).fullmatch
            tests = [test for name, test in self.searches.items() if is_meant(name) and not name.startswith("_")]
            assert tests, pattern
            return (_all if word == "all" else _one)(tests)
        return self.searches[word]
