"""msiexec's command line. Not in the published dialect: a function of ours, for detections of ours."""

from __future__ import annotations

from ..values import Value
from .registry import Parameter, entry


@entry(
    Parameter("cmd_line", "string"),
    returns="map",
    help="What a command line makes msiexec do, as a map: program, action (install, administrative install, advertise, "
    "repair, uninstall, patch, register, unregister, register service, unregister service, service, embedding, help, "
    "none, unknown), actions (all that are requested), operand (null for none), operands, location of the operand by "
    "its form (url, webdav, unc, device, drive, rooted, relative, product code, none), remote (files on other "
    "machines), servers (those machines, each once; an empty text where one is in doubt), transforms, properties, log, "
    "ui (none, basic, reduced, full, or null), silent, cut (a quote stays open), disguised (how switches are hidden), "
    "unsure (why msiexec may read it otherwise).",
    source="ours, an extension: the published dialect has no such function. Rules: Command-Line Options and Standard "
    "Installer Command-Line Options, Windows Installer; msiexec, Windows Server commands; MsiExecArguments, winget-cli",
)
def msiexec_options(cmd_line: str) -> dict[str, Value]:
    """Read msiexec's command line."""
    from .msiexec_reading import options_in  # only the detections that call it pay for it

    return options_in(cmd_line)
