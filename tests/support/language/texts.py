"""Texts of the dialect, right and wrong: those of all tables, the shipped detections, random programs, and mutants."""

import re
import tomllib

from tests.support.language.printing import print_program
from tools.docs.pages import shipped

from .cases import END, START, TABLES
from .programs import program

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\w+(?:\.\d+)?|==|!=|<>|<=|>=|\s+|.', re.DOTALL)

_TOKENS = """
and or not in is null true like as ( ) [ ] { } , : ; | $ / // /x/ /[/]/ /* */ . a.b x - + = == < <> % 1 1.5 .5 1. 1e5 5L
5D 1.5L 1x 9223372036854775807 9223372036854775808 99999999999999999999 1e999 " ' "" \\ é K from eval where select
rename fields rex union into field pattern max_match read_ssa_enriched_events stats
"""
TOKENS = _TOKENS.split()
"""What a mutation puts into a text: each token of the grammar, and what is nearly one."""

CHARACTERS = "\0\t\n\r \"'\\/*()[]{}|;,.:=<>!+-%$_aZ09é\u0130\u2028\u212a\ufeff\ud800\udfff😀"


def _cases():
    for path in sorted(TABLES.glob("*.toml")):
        whole = path.stem not in ("programs", "lint")
        for case in tomllib.loads(path.read_text()).get("case", ()):
            if "expression" in case:
                yield f"{START}| eval body={{x: {case['expression']}}}{END}"
            elif "where" in case:
                yield f"{START}| where {case['where']}{END}"
            elif "text" in case:
                yield case["text"] if whole or case.get("whole") else START + case["text"] + END


TEXTS = [*_cases(), *(shipped().find(name).search for name in shipped().names)]
"""Every text of the tables, right or wrong, and of the shipped detections."""


def texts(random, number):
    """Yield texts to change: half of them from the tables, half random programs, each program a few times."""
    made = [print_program(program(random.randint)) for _ in range(number // 10 + 1)]
    for _ in range(number):
        yield random.choice(TEXTS if random.random() < 0.5 else made)


def tokens_changed(random, text):
    """Return a text with a few tokens left out, doubled, exchanged or put in."""
    found = _TOKEN.findall(text) or [""]
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        place, other = (random.randrange(len(found)) for _ in range(2))
        change = random.randrange(4)
        if change == 0 and len(found) > 1:
            del found[place]
        elif change == 1:
            found.insert(place, found[place])
        elif change == 2:
            found[place], found[other] = found[other], found[place]
        else:
            token = random.choice(TOKENS)
            found.insert(place, random.choice((token, f" {token} ")))
    return "".join(found)


def characters_changed(random, text):
    """Return a text with a few characters left out, replaced or put in."""
    found = list(text)
    for _ in range(random.choice((1, 1, 2, 5, 20))):
        place = random.randrange(len(found) + 1)
        found[place : place + random.randrange(2)] = random.choice(("", random.choice(CHARACTERS)))
    return "".join(found)


def repeated(random, text):
    """Return a text in which one token, or what opens a nesting, stands very often."""
    found = _TOKEN.findall(text) or [""]
    place = random.randrange(len(found))
    openings = ("not ", "- ", "(", "[", "{a: ", "lower(", "x[", ".a", "9")
    what = random.choice((found[place], random.choice(TOKENS), *openings))
    found.insert(place, what * random.choice((10, 60, 200, 1000, 5000)))
    return "".join(found)
