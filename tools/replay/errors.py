"""What can go wrong with a batch, told apart by what is then known of it."""


class ReplayError(Exception):
    """The replay stops; the text says why, and what to do. `taken`: may the server have a part of the batch?"""

    def __init__(self, text: str, taken: bool = False) -> None:
        super().__init__(text)
        self.taken = taken


class AwayError(Exception):
    """The server is away or busy, and has done nothing: to be asked again."""


class LostError(Exception):
    """The answer was lost: the server may have taken the batch, or may not."""
