"""What the alert action logs: splunkd reads stderr, one message a line, its level first (_internal, sendmodalert)."""

from __future__ import annotations

import urllib.parse
from contextlib import suppress
from typing import TextIO

from . import display

MASK = "********"


def mask(text: str, secret: str) -> str:
    """Return a text without a secret, as it is or as it stands in a URL."""
    for form in (secret, urllib.parse.quote(secret, safe="")):
        text = text.replace(form, MASK) if form else text
    return text


class Log:
    """Writes messages, each in one line whatever it quotes; `secret` never appears in one."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.secret = ""

    def __call__(self, level: str, text: str) -> None:
        """Write a message. A log whose reader is gone must not cost risk, so this raises nothing."""
        with suppress(OSError, ValueError):
            self.stream.write(f"{level} {display.visible(mask(text, self.secret))}\n")
            self.stream.flush()
