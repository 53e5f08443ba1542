"""Whatever the text and whatever the event: an SsaError at the most, or a value that is too large, and an end.

The texts are those of the tables and random programs, changed by tokens and by characters, and texts of no kind at
all; the events hold what no log should. How long a text may take is measured in `make soak` alone: there, 5 seconds of
CPU stop it.
"""

import signal
from contextlib import contextmanager, suppress
from random import Random

import pytest

from ssa.language import SsaError, TooLargeError, compile_text, parse
from ssa.language.analysis.lint import lint
from tests.support.language.expressions import FIELDS, MODELS
from tests.support.language.printing import print_program
from tests.support.language.programs import events, program
from tests.support.language.texts import CHARACTERS, TOKENS, characters_changed, repeated, texts, tokens_changed
from tests.support.language.trees import bare
from tests.support.soak import SEED, SOAK, count, report

SECONDS = 5
LONGEST = 32_768
"""How long the values of a Windows event can be."""

PIECES = (
    "a",
    "A",
    " ",
    "\\",
    "%",
    "_",
    "(",
    "[",
    "{",
    '{"a":',
    '"',
    "0",
    "9",
    "-",
    ".",
    "=;",
    "%4",
    "é",
    "😀",
    "\0",
    "\ud800",
    "a.exe /y ",
    "10.0.0.1",
    "\n",
)


@contextmanager
def bounded():
    """Stop what needs longer than any text may."""
    if not SOAK:
        yield
        return
    before = signal.signal(signal.SIGPROF, _too_slow)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _too_slow(*_):
    raise TimeoutError(f"more than {SECONDS} s of CPU")


def noise(random):
    """Return a text of no kind: any characters, or tokens in any order."""
    if random.random() < 0.5:
        return " ".join(random.choice(TOKENS) for _ in range(random.randrange(60)))
    plane = random.choice((128, 0x3000, 0x110000))
    return "".join(
        random.choice((chr(random.randrange(plane)), random.choice(CHARACTERS))) for _ in range(random.randrange(200))
    )


def value(random):
    """Return what a field of an event may hold, be it ever so odd."""
    kind = random.randrange(12)
    if kind < 5:
        return random.choice(random.choice(list(FIELDS.values())))
    if kind < 7:
        return noise(random)
    if kind < 10:
        piece = random.choice(PIECES)
        many = piece * random.choice((2, 50, LONGEST // len(piece)))
        return random.choice((many, many + "x", "x" + many, many[: LONGEST // 2] + random.choice(PIECES) * 3))
    return random.choice((None, "", ["a", None, "b"], [], 12, 1.5, True, {"a": "b"}))


def odd_event(random):
    return {name: value(random) for name in (*FIELDS, "s", "p", "x", "process", "a", "b") if random.random() < 0.8}


def refused_or_run(text, random):
    """Compile a text, and if it is a program, let it run over odd events; return whether it is one."""
    try:
        plan = compile_text(text)
    except SsaError as error:
        assert error.problem in str(error)
        assert 0 <= error.at <= len(text)
        return False
    for warning in lint(plan.program):
        assert warning.problem in str(warning)
    assert bare(parse(print_program(plan.program))) == bare(plan.program)
    for event in (odd_event(random), {}):
        with suppress(TooLargeError):
            list(plan.run(event, random.sample(MODELS, random.randrange(3))))
    return True


CHANGES = {
    "tokens": (tokens_changed, (1_300, 100_000)),
    "characters": (characters_changed, (1_000, 60_000)),
    "repetitions": (repeated, (60, 4_000)),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_changed_text_is_refused_or_runs(kind):
    change, counts = CHANGES[kind]
    random, ran, number = Random(SEED), 0, count(*counts)
    for text in texts(random, number):
        mutant = change(random, text)
        with bounded():
            ran += refused_or_run(mutant, random)
    assert 0 < ran < number
    report(f"{number} texts with changed {kind}: {ran} ran, the others were refused")


def test_a_text_of_no_kind_is_refused_or_runs():
    random, number = Random(SEED), count(500, 30_000)
    for _ in range(number):
        with bounded():
            refused_or_run(random.choice(("", "| from read_ssa_enriched_events() | where ")) + noise(random), random)
    report(f"{number} texts of no kind")


def test_a_program_runs_over_odd_events():
    random, number = Random(SEED), count(150, 8_000)
    for _ in range(number):
        plan = compile_text(print_program(program(random.randint)))
        for event in (odd_event(random), events(random, 1)[0][0]):
            with bounded(), suppress(TooLargeError):
                for hit in plan.run(event, random.sample(MODELS, random.randrange(3))):
                    assert isinstance(hit.body, dict)
                    assert hit.start_time is None or type(hit.start_time) is int
    report(f"{number} programs over odd events")
