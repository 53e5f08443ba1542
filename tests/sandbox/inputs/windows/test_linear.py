"""No text takes more than linear time or more than a bounded memory, however it is made."""

import re
import subprocess
import sys
import time

import pytest

from sandbox.inputs.windows import parse, read_text
from sandbox.inputs.windows.files import CHUNK
from tests.support.soak import count, report
from tests.support.windows.forms import FORMS
from tools import ROOT

XML, CLASSIC = FORMS["xml"](), FORMS["classic"]()
UNITS = {
    "starts": "<Event ",
    "starts with an attribute": "<Event a='",
    "starts without attributes": "<Event>",
    "starts of many prefixes": "<a:Event x='1'>",
    "starts on rows of their own": "<Event \n",
    "starts behind time rows": "03/02/2026 01:02:03 PM\n<Event>",
    "ends": "</Event>",
    "time rows": "03/02/2026 01:02:03 PM\n",
    "almost time rows": "2026-03-02                              x\n",
    "syslog": "\n<13>Mar  2 08:15:30 x <a> <b> <c>",
    "smaller than": "<",
    "tags": "<x>",
    "declarations": "<?",
    "comments": "<!--",
    "blanks": " ",
    "rows of blanks": "\n ",
    "newlines": "\n",
    "byte order marks": "\ufeff",
    "junk": "x",
    "ampersands": "&",
    "cut events": XML[:200],
    "events without their end": XML[:-8] + "\n",
    "cut classic text": CLASSIC[:100] + "\n",
    "classic text that is cut before its command line": CLASSIC.partition("\tProcess Command")[0] + "\n",
    "classic text without end": CLASSIC[:60] + "x" * 2_000,
    "events on one row": XML,
    "pretty-printed events": FORMS["xml, pretty-printed"]() + "\n",
}


def text(unit, size):
    """Yield a text of a size in chunks, made on the fly."""
    block = unit * (CHUNK // len(unit) + 2)
    for at in range(0, size, CHUNK):
        start = at % len(unit)
        yield block[start : start + min(CHUNK, size - at)]


def cost(unit, size):
    """Return the CPU time of a text that comes at once: what is looked for over and over takes the longest there."""
    whole = "".join(text(unit, size))
    started = time.process_time()
    for _ in read_text([whole]):
        pass
    return time.process_time() - started


@pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS)
def test_eight_times_the_text_takes_eight_times_the_time(unit):
    small = count(1 << 18, 6 << 20, 1 << 16)  # to 50 MB in soak
    assert any(cost(unit, 8 * small) < 8 * 2.5 * max(cost(unit, small), 0.005) for _ in range(3))


LONG = "x", " ", "\t", "\r", " \r", "\n", "\n ", ":", "a: ", "\nUser: ", "<", "&", "&#1;", '"', '" ', "\\", "\x01", "é"
SOME = [form for name, form in FORMS.items() if "," not in name or re.search("pretty|unknown language, version", name)]


@pytest.mark.parametrize("text", LONG, ids=repr)
def test_eight_times_the_value_takes_eight_times_the_time(text):
    def parsing(form, size):
        event = form(command_line=f"a {text * size}\rb", parent=text * size, description=text * size)
        started = time.process_time()
        parse(event)
        return time.process_time() - started

    for form in SOME:
        assert any(parsing(form, 16_384) < 8 * 2.5 * max(parsing(form, 2_048), 0.002) for _ in range(3))


def test_the_memory_that_a_text_takes_does_not_grow_with_it():
    sizes = {"events on one row": count(100, 300, 16), "junk": count(24, 50, 4), "starts": count(8, 50, 2)}
    peaks = {}
    for name, size in sizes.items():
        script = (
            "import resource; from tests.sandbox.inputs.windows import test_linear as t\n"
            "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024\n"
            "before = peak()\n"
            f"for _ in t.read_text(t.text(t.UNITS[{name!r}], {size} << 20)): pass\n"
            "print(peak() - before)"
        )
        ran = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=600
        )
        peaks[name] = int(ran.stdout)
    assert max(peaks.values()) < 32
    report(f"memory beyond that of the program, in MB: {peaks}, for texts of {sizes} MB")
