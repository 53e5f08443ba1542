"""Whatever the given rule finds and works on Windows, the hardened detection finds: for any line, not for a list.

What works: `/` or `-` and `y` in either case with a DLL behind it, among any other switches, combined or not, glued or
not, quoted or not. (winget-cli, MsiExecArguments.cpp; Command-Line Options; FACTS of Raspberry Robin for `/Q/I"…"`.)
"""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from ssa.rows.hits import detect
from tests.detections.story import ZAP, started
from tests.support.soak import count
from tools.docs.pages import shipped
from tools.evaluate.rules import HARDENED

DASH, BLANKS = st.sampled_from("/-"), st.sampled_from([" ", "  ", "\t", " \t", "\n", "\r\n"])
PROGRAMS = st.sampled_from(
    ["msiexec", "msiexec.exe", "MSIEXEC", r"C:\Windows\System32\msiexec.exe", r'"C:\Windows\SysWOW64\MsiExec.exe"']
)
ALONE = ["q", "qn", "QB-", "qb!-", "quiet", "passive", "norestart", "forcerestart", "promptrestart", "qr", "Qf"]
VALUED = ["l", "l*v", "log", "L*", "le!"]
DLLS = [r"C:\x.dll", "x.dll", r"..\a b\x.dll", r"\\h\s\x.dll", r"\\h@SSL\s\x.dll", r"C:\Users\a b\x.png", "/t/x.dll"]


@st.composite
def lines(draw, letter="y"):
    """A line that has msiexec load a DLL, and the DLL."""

    def value(text):
        return f'"{text}"' if " " in text or draw(st.booleans()) else text

    def any_case(text):
        return draw(st.sampled_from([str.lower, str.upper]))(text)

    dll = draw(st.sampled_from(DLLS))
    behind = "".join(draw(DASH) + draw(st.sampled_from(ALONE)) for _ in range(draw(st.integers(0, 2))))
    glued = draw(st.booleans()) and not dll.startswith("/")
    own = behind + draw(DASH) + any_case(letter) + ("" if not glued else value(dll))
    words = [[own] if glued else [own, value(dll)]]
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.integers(0, 2))
        words += [[draw(DASH) + draw(st.sampled_from(ALONE))]] * (kind == 0)
        words += [[draw(DASH) + draw(st.sampled_from(VALUED)), value(r"C:\a b\l.txt")]] * (kind == 1)
        words += [["P=" + value("a b")]] * (kind == 2)
    ordered = [word for group in draw(st.permutations(words)) for word in group]
    return draw(PROGRAMS) + "".join(draw(BLANKS) + word for word in ordered) + draw(st.sampled_from(["", " "])), dll


DETECTIONS = {name: shipped().find(name) for name in (HARDENED, ZAP)}


def verdicts(name, line):
    return [json.loads(hit["body"]) for hit in detect(DETECTIONS[name], {**started(line), "_time": "1"})]


@settings(max_examples=count(300, 20_000), deadline=None)
@given(lines())
def test_every_line_that_registers_a_dll_is_a_hit_that_names_it(generated):
    line, dll = generated
    (hit,) = verdicts(HARDENED, line)
    assert (hit["verdict"], hit["dll"]) == ("registers", dll)
    assert hit["confidence"] > 0


@settings(max_examples=count(100, 5_000), deadline=None)
@given(lines(letter="z"))
def test_every_line_that_unregisters_one_is_a_hit_that_weighs_the_same(generated):
    line, dll = generated
    (hit,) = verdicts(ZAP, line)
    assert (hit["verdict"], hit["dll"]) == ("unregisters", dll)
    as_registered = line.replace("/z", "/y").replace("/Z", "/y").replace("-z", "-y").replace("-Z", "-y")
    (other,) = verdicts(HARDENED, as_registered)
    assert (hit["confidence"], hit["why"]) == (other["confidence"], other["why"])
