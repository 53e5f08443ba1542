"""What the regexes answer to the tables: a module for the tests, and a program for any Python that Splunk runs."""

import json
import sys

from ssa.regex import compile_pattern


def answer(case):
    """What a case of cases.toml says, as the regex answers it."""
    pattern, text = compile_pattern(case["pattern"]), case["text"]
    matches = list(pattern.finditer(text))
    numbers = range(1, pattern.groups + 1)
    return {
        "finds": [match.group() for match in matches],
        "at": [match.start() for match in matches],
        "groups": [
            matches[0].group(number) if matches[0].start(number) >= 0 else False for number in numbers if matches
        ],
        "whole": pattern.matches_whole(text),
        "found": pattern.found_in(text),
    }


def refusal(case):
    """What a case of errors.toml says, as the regex is refused."""
    try:
        compile_pattern(case["pattern"])
    except ValueError as error:
        return str(error)
    return None


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    json.dump(
        {"cases": [answer(case) for case in asked["cases"]], "errors": [refusal(e) for e in asked["errors"]]},
        sys.stdout,
    )
