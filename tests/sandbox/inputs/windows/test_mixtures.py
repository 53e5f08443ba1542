"""Any sequence of events in any mix of forms, cut anywhere: each whole event is read, each cut one is reported."""

import random

from sandbox.inputs.windows import parse, read_text
from sandbox.inputs.windows.census import NO_COMMAND_LINE
from tests.support.soak import SEED, count, report
from tests.support.windows.forms import FORMS

WITH_COMMAND_LINE = [form for form in FORMS.values() if "command_line" not in form.lacks]
BEFORE = ("", "", "", "\ufeff", "  ", "\t", "<13>Mar  2 08:15:30 ws-07 evt: ", "<!-- next --> ")
BEFORE += ("Mar 12 08:15:30 ws-07 x: ", "<Events>", "<?xml version='1.0'?>\n<Events>\n", "</Events><Events>", "\n\n")


def cut_at(text, form, draw):
    """Return where an event is cut: after its first row or start tag, in classic text at or before its command line."""
    if form.classic:
        return draw.randint(text.index("\n") + 1, text.index("C:\\msiexec.exe /y"))
    return draw.randint(text.index(">") + 1, len(text) - 1)


def mixture(draw):
    """Return a text, and for each event in it whether it is whole."""
    text, whole, last = "", [], None
    for number in range(draw.randint(1, 8)):
        form = draw.choice(WITH_COMMAND_LINE)
        event = form(user=f"u{number}.", command_line=f"C:\\msiexec.exe /y a{number}.dll")
        whole.append(draw.random() > 0.4)
        if not whole[-1]:
            event = event[: cut_at(event, form, draw)]
        joined = last is None or (not last.classic and not form.classic and draw.random() < 0.3)
        text += "" if joined else draw.choice(("\n", "\r\n", "\n\n"))
        text += (draw.choice(("", "\ufeff", " ")) if joined or form.classic else draw.choice(BEFORE)) + event
        last = form
    return text, whole


def chunks(text, draw):
    at = 0
    while at < len(text):
        size = int(10 ** draw.uniform(0, 4.5))
        yield text[at : at + size]
        at += size


def assert_all_found(text, whole, events):
    assert len(events) == len(whole)
    for number, (event, is_whole) in enumerate(zip(events, whole, strict=True)):
        assert text.count("\n", 0, text.index(event.raw)) + 1 <= event.row
        if is_whole:
            assert event.problem == ""
            assert event.fields["process"] == f"C:\\msiexec.exe /y a{number}.dll"
            assert f"u{number}." in event.fields["user"]
        else:
            assert event.problem or NO_COMMAND_LINE in event.remarks
        assert not [other for other in range(len(whole)) if other != number and f"a{other}.dll" in event.raw]
        assert parse(event.raw)._replace(row=event.row) == event


def test_each_whole_event_is_read_and_each_cut_one_is_reported():
    draw = random.Random(SEED)
    files = 5 * count(60, 2_000, 20)
    events = cut = 0
    for number in range(files):
        seed = draw.getrandbits(32)
        text, whole = mixture(random.Random(seed))
        found = list(read_text(chunks(text, random.Random(seed))))
        try:
            assert_all_found(text, whole, found)
        except AssertionError as error:
            raise AssertionError(f"file {number}, seed {seed}: {text!r}") from error
        events += len(whole)
        cut += whole.count(False)
    report(f"{files:,} files of {events:,} events in any mix of forms, {cut:,} of them cut: all found or reported")
