"""Why a rule is not converted."""


class Refused(Exception):  # noqa: N818 - it is an answer to a rule, not a failure of ours
    """A rule that cannot be converted; the message is the reason, for its reader."""
