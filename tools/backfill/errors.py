"""What stops a backfill."""


class BackfillError(Exception):
    """The backfill stops; the message has cause and remedy."""
