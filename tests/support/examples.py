"""The given detection, and rows that it matches: what the tests of the library have in common."""

from ssa.content.detection import Catalogue
from tools import ROOT
from tools.docs.pages import GIVEN, shipped

GIVEN_ID = "8d1d5570-722c-49a3-996c-2e2cceef5163"

HIT = {
    "_time": "1772442000.250",
    "host": "forwarder",
    "dest": "ws-01.example",
    "user": "jdoe",
    "process": r'"C:\Windows\System32\msiexec.exe" /y C:\Users\Public\evil.dll',
    "process_name": "MsiExec.exe",
    "process_path": r"C:\Windows\System32\msiexec.exe",
    "process_id": "0x1a2b",
    "parent_process_name": "cmd.exe",
}


def given_detection():
    return shipped().find(GIVEN)


def catalogue(tmp_path, local="", default=""):
    """A catalogue over `default` (the shipped conf when empty) and `local`."""
    for layer, text in (("default", default or (ROOT / "default/ssa_detections.conf").read_text()), ("local", local)):
        (tmp_path / layer).mkdir(exist_ok=True)
        (tmp_path / layer / "ssa_detections.conf").write_text(text)
    return Catalogue.of_app(str(tmp_path))


def only(conf, name):
    """The text of a conf without the stanzas of all detections but one."""
    first, *stanzas = conf.split("\n[")
    return "\n[".join([first, *(one for one in stanzas if one.startswith((f"{name}]", "default]")))]) + "\n"
