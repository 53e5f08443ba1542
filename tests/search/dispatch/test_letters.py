"""No hit is lost to how letters change their case: what a row must hold is found in it, looked up or in its bytes.

The small letter of a sigma depends on what stands next to it, so a part of a text may have another one than the whole;
a Kelvin sign and a dotted capital I give letters of ASCII; a sharp s and ligatures give two.
"""

from random import Random

import pytest

from ssa.language import SsaError, compile_text
from ssa.search.dispatch.dispatch import Dispatch
from ssa.search.scan.byte_search import byte_search
from tests.support.language.cases import END, START
from tests.support.language.profiles import detection
from tests.support.soak import SEED, count, report

LETTERS = "ΣσςΑα" * 2 + "İiıIßẞSsſKkKﬁﬀﬂﬅfFÅåÅµΜǰJŉn . x"

SOURCES = (
    "p",
    *["lower(p)"] * 3,
    "upper(p)",
    "lower(upper(p))",
    "upper(lower(p))",
    *["lower(substr(p, 2))", "lower(substr(p, 1, 2))", 'lower(mvindex(split(p, " "), 0))'] * 2,
    'lower(trim(p, "x ."))',
    "substr(lower(p), 2)",
    "upper(substr(p, 2))",
    "lower(coalesce(q, p))",
)
CONDITIONS = (
    'like({s}, "%{t}%")',
    'like({s}, "{t}%")',
    'like({s}, "%{t}")',
    'like({s}, "%{t}_{u}%")',
    '{s}="{t}"',
    '{s} IN ("{t}", "{u}")',
    '{s}="{t}" OR like({s}, "%{u}")',
    'match_regex({s}, "{t}")',
    'match_regex({s}, "(?i){t}")',
    'match_regex({s}, "(?iu){t}")',
    'match_regex({s}, "^(?i){t}$")',
    'match_regex({s}, "[{t}][{u}]")',
    'match_regex({s}, "(?iu)[{t}]+[{u}]")',
    'match_regex({s}, "{t}[^{u}]")',
    'match_regex({s}, "({t}|{u})+")',
    '{s}=lower(q)',
    'p IS NOT NULL AND NOT coalesce(like({s}, "%{t}%"), false)',
    'p IS NOT NULL AND NOT coalesce({s}="{t}" OR {s}="{u}", false)',
    'p IS NOT NULL AND {s}!="{t}"',
)  # fmt: skip


def texts(random):
    """Return the value of a field, and two texts that are likely to stand in it, in some case of letters."""
    value = "".join(random.choices(LETTERS, k=random.randint(1, 6)))
    found = []
    for _ in range(2):
        cased = random.choice((str.lower, str.lower, str.upper, str))(value)
        start = random.randrange(len(cased))
        found.append(random.choice((cased[start : start + random.randint(1, 4)], cased)).strip(".") or "x")
    return value, found


def lost(text, value):
    """Return whether a detection finds an event, and by what it would not have been looked at."""
    own = detection("Own", text)
    event = {"p": value, "q": value.swapcase()}
    if not any(own.plan.run(event)):
        return False, []
    searched = byte_search([own.profile])
    row = f'1,"{value}","{value.swapcase()}"\n'.encode()
    by_bytes = [] if searched is None or searched.places(row) != [] else ["bytes"]
    return True, by_bytes + ([] if Dispatch([own])(event) else ["look-up"])


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        # The part ends with a sigma, and the whole goes on; and the part begins with one, where the whole does not.
        ('match_regex(lower(substr(p, 1, 2)), "[ςx]$")', "ΑΣΑ"),
        ('match_regex(lower(substr(p, 2)), "^[σx]")', "ΑΣ"),
        ('match_regex(lower(mvindex(split(p, " "), 0)), "[α-γ][ςx]")', "ΑΣ Α"),
        ('like(lower(substr(p, 1, 2)), "%ας")', "ΑΣΑ"),
        ('lower(substr(p, 1, 2))="ας"', "ΑΣΑ"),
        ('lower(p)="ας"', "ΑΣ"),
        ('match_regex(p, "(?iu)ας")', "ΑΣ"),
        ('match_regex(p, "(?iu)k")', "K"),
        ('lower(p)="i\u0307"', "İ"),
        ('lower(p)="kelvin"', "Kelvin"),
        ('upper(p)="STRASSE"', "straße"),
        ('like(upper(p), "%FFI%")', "oﬃce"),
        ('lower(upper(p))="ss"', "ß"),
    ],
)
def test_a_hit_by_letters_that_change_is_found(condition, value):
    text = f"{START}| eval p=input_event.p | where {condition}{END}"
    assert lost(text, value) == (True, [])


def test_no_hit_is_lost_to_letters_that_change():
    random, number = Random(SEED), count(6_000, 300_000, 6_000)
    hits = 0
    for _ in range(number):
        value, (one, other) = texts(random)
        condition = random.choice(CONDITIONS).format(s=random.choice(SOURCES), t=one, u=other)
        text = f"{START}| eval p=input_event.p, q=input_event.q | where {condition}{END}"
        try:
            compile_text(text)
        except SsaError:
            continue
        found, by = lost(text, value)
        hits += found
        assert not by, (condition, value, by)
    assert hits > number // 10
    report(f"{number:,} conditions on letters that change: none of {hits:,} hits is lost")
