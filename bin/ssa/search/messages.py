"""How the search commands talk to their user: errors that end the search, with the machine that they come from."""

from __future__ import annotations

import sys
from typing import Any, NoReturn


class Messages:
    """What a search command of splunk-sdk needs beside the SDK's own messages. Stands before the SDK's class."""

    def refuse(self, problem: str) -> NoReturn:
        """End the search with a message for the user."""
        self.write_error(here() + problem)
        sys.exit(1)

    def write_error(self, message: str, *args: object) -> None:
        """Write an error; braces in the message are text (the SDK would take them for a format and crash)."""
        sdk: Any = super()
        sdk.write_error("{}", message.format(*args) if args else message)


def here() -> str:
    """Name the machine in a message: a distributed search runs on many."""
    return f"[{host()}] "


def host() -> str:
    """Name the machine."""
    import socket  # not at the start, because most searches have nothing to say

    return socket.gethostname()
