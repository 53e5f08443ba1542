"""The errors of the sandbox: each one's text is a message for the user."""


class SandboxError(Exception):
    """Base of every error that the sandbox raises on purpose: a wrong setting, a missing app, a bad archive."""


class SearchError(SandboxError):
    """A search that cannot be parsed, or that failed while it ran; the text has the position."""
