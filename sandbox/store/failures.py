"""What a user reads where DuckDB fails: words about the search, never the engine's own."""

import re

import duckdb

_WORDS = (
    (r"Invalid Input Error: (A field with several values stands where one is needed)", r"\1"),
    (r"Invalid Input Error: Failed to parse format specifier (.*?): .*", r"A time format that the sandbox lacks, '\1'"),
    (r"Invalid Input Error: Invalid replacement string.*", "The replacement names a group that its regex lacks"),
    (r"Invalid Input Error: (missing [])]|no argument|invalid |bad repetition|trailing |unexpected \))(.*)",
     r"The regex cannot be read, \1\2"),
    (r".*Like pattern must not end with escape.*", "The pattern of like must not end with a backslash"),
    (r"(?:Conversion|Out of Range) Error: .*", "A number is too large, or a text is no number"),
    (r"Out of Memory Error: .*", "The search needs more memory than the sandbox gives it"),
    (r"INTERRUPT Error: .*", "The search was stopped"),
    (r"IO Error: Could not set lock on file \"(.*?)\".*", r"\1 is in use by another process, such as make ui"),
    (r"IO Error: No space left.*|.*No space left on device.*", "No space is left on the disk"),
)  # fmt: skip


def words(error: Exception) -> str:
    """Return the message of an error, in words of ours if it is DuckDB's."""
    text = str(error)
    if not isinstance(error, duckdb.Error):
        return text
    for form, plain in _WORDS:
        if match := re.match(form, text.partition("\n")[0]):
            return match.expand(plain)
    return f"The sandbox cannot do this, and cannot say why ({type(error).__name__})"
