"""What can go wrong with a batch, by what is then known of it."""


class ReplayError(Exception):
    """The replay stops; the message has cause and remedy. `taken`: the server may have a part of the batch."""

    def __init__(self, text: str, taken: bool = False) -> None:
        super().__init__(text)
        self.taken = taken


class AwayError(Exception):
    """The server is away or busy, and has done nothing: the same request may be sent again."""


class LostError(Exception):
    """The answer was lost: the server may have taken the batch, or may not."""
