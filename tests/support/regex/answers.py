"""The results of the regexes for the tables: a module for the tests, and a program for any Python that Splunk runs."""

import json
import sys

from ssa.regex import compile_pattern, edges
from ssa.regex.nodes import Assertion, Sequence
from ssa.regex.parser import parse
from ssa.regex.pattern import Pattern


def matches_whole(regex, text):
    """Whether a regex matches a text from start to end: Java and `re` have this, and no detection needs it."""
    parsed = parse(regex)
    known = len(parsed.assertions)
    node = Sequence((Assertion(known), parsed.node, Assertion(known + 1)))
    return Pattern(parsed._replace(node=node, assertions=(*parsed.assertions, edges.start, edges.end))).found_in(text)


def answer(case):
    """The results of a regex for a case of cases.toml, in its form."""
    pattern, text = compile_pattern(case["pattern"]), case["text"]
    matches = list(pattern.finditer(text))
    numbers = range(1, pattern.groups + 1)
    return {
        "finds": [match.group() for match in matches],
        "at": [match.start() for match in matches],
        "groups": [
            matches[0].group(number) if matches[0].start(number) >= 0 else False for number in numbers if matches
        ],
        "whole": matches_whole(case["pattern"], text),
        "found": pattern.found_in(text),
    }


def refusal(case):
    """The message by which the regex of a case of errors.toml is refused, None where it is not."""
    try:
        compile_pattern(case["pattern"])
    except ValueError as error:
        return str(error)
    return None


if __name__ == "__main__":
    tables = json.load(sys.stdin)
    json.dump(
        {"cases": [answer(case) for case in tables["cases"]], "errors": [refusal(e) for e in tables["errors"]]},
        sys.stdout,
    )
