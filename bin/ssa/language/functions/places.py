"""Where a file lies, by the form of its name alone: nothing is looked up, and nothing is made of it.

By *Naming Files, Paths, and Namespaces*, *DavGetHTTPFromUNCPath* (`\\\\server[@SSL][@port][\\path]`) and the form of
product codes (*Product Codes* of Windows Installer). Windows takes / for \\, and URLs take \\ for / (ArgFuscator).
"""

from __future__ import annotations

import re

from .command_lines import FOREIGN

URL, WEBDAV, UNC, DEVICE = "url", "webdav", "unc", "device"
DRIVE, ROOTED, RELATIVE, PRODUCT_CODE, NONE = "drive", "rooted", "relative", "product code", "none"

REMOTE = (URL, WEBDAV, UNC)
"""Forms that name another machine; UNC can name this one too."""

_SERVER = re.compile(
    r"(?:https?|ftps?)://([a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?)(?::\d{0,5})?(?:[/?#]|\Z)"
    r"|[/\\]{2}([a-z0-9](?:[a-z0-9._-]{0,252}[a-z0-9])?)(?:@ssl)?(?:@\d{1,5})?[/\\]"
)

_HEAD = 1_024
"""No form needs more characters to be recognized."""

_PRODUCT_CODE = re.compile(r"\{[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}")
_URL = re.compile(r"(?:https?|ftps?|file):|[a-z][a-z0-9+.-]{1,30}:\\\\")
_DEVICE = re.compile(r"\\\\[?.]\\|\\\?\?\\")
_DRIVE = re.compile(r"[a-z]:\\")


def place(path: str) -> str:
    """Return the form of a path: url, webdav, unc, device, drive, rooted, relative or product code; none if empty.

    `rooted` begins with one backslash: a folder of the drive that is current. `C:x.dll` is relative. A drive behind
    `\\\\?\\` is a drive, a share behind `\\\\?\\UNC` is one; any other device path is a device.
    """
    head = path.strip(FOREIGN)[:_HEAD].lower().replace("/", "\\")
    if not head:
        return NONE
    device = _DEVICE.match(head)
    if device:
        head = head[device.end() :]
        if head.startswith("unc\\"):
            head = "\\\\" + head[4:]
        elif not _DRIVE.match(head):
            return DEVICE
    if head.startswith("\\\\"):
        server, _, share = head[2:].partition("\\")
        return WEBDAV if "@" in server or share.partition("\\")[0] == "davwwwroot" else UNC
    for form, test in ((PRODUCT_CODE, _PRODUCT_CODE.fullmatch), (URL, _URL.match), (DRIVE, _DRIVE.match)):
        if test(head):
            return form
    return ROOTED if head[0] == "\\" else RELATIVE


def server(path: str) -> str:
    """Return the machine of a URL, WebDAV or UNC path, in small letters; empty where the form leaves a doubt.

    A user name before the machine, a backslash in a URL, letters beyond ASCII: programs differ on what they mean.
    """
    named = _SERVER.match(path[:_HEAD].lower())
    return named[1] or named[2] if named else ""
