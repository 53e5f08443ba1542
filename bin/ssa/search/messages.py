"""How the search commands speak to their user: errors that end the search, with the machine that they come from."""

from __future__ import annotations

import sys

from ssa.checking import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any, NoReturn, Protocol

    class Messages(Protocol):
        """Where a search shows its user messages."""

        def inform(self, text: str) -> None:
            """Show a remark."""

        def warn(self, text: str) -> None:
            """Show a warning."""

        def fail(self, text: str) -> None:
            """Show an error; the command must exit with 1 once all input is read."""


class SdkMessages:
    """Messages of a search command of splunk-sdk; stands before the SDK's class.

    `failed` says that an error was shown.
    """

    failed = False

    def refuse(self, problem: str) -> NoReturn:
        """End the search with an error."""
        self.fail(here() + problem)
        sys.exit(1)

    def inform(self, text: str) -> None:
        """Show a remark."""
        sdk: Any = self
        sdk.write_info("{}", text)

    def warn(self, text: str) -> None:
        """Show a warning."""
        sdk: Any = self
        sdk.write_warning("{}", text)

    def fail(self, text: str) -> None:
        """Show an error; the command must exit with 1 once all input is read."""
        self.failed = True
        self.write_error(text)

    def write_error(self, message: str, *args: object) -> None:
        """Write an error; braces in the message are text (the SDK would take them for a format and crash)."""
        sdk: Any = super()
        sdk.write_error("{}", message.format(*args) if args else message)


def log(text: str) -> None:
    """Write a line to stderr, which splunkd puts into the log of the search (search.log): not shown to its user."""
    from contextlib import suppress  # not at the start, because most searches have nothing to say

    with suppress(OSError):
        sys.stderr.write(f"INFO ssadetect: {text}\n")
        sys.stderr.flush()


def here() -> str:
    """Name the machine in a message: a distributed search runs on many."""
    return f"[{host()}] "


def host() -> str:
    """Name the machine."""
    import socket  # not at the start, because most searches have nothing to say

    return socket.gethostname()
