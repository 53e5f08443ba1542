"""What a user reads where DuckDB fails."""

import duckdb
import pytest

from sandbox.errors import SearchError
from sandbox.store.failures import words


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (SearchError("Unexpected ')' at position 3."), "Unexpected ')' at position 3."),
        (duckdb.InterruptException("INTERRUPT Error: Interrupted!"), "The search was stopped"),
        (
            duckdb.IOException(
                'IO Error: Could not set lock on file "/h/events.duckdb": Conflicting lock is held in x'
            ),
            "/h/events.duckdb is in use by another process, such as make ui",
        ),
        (
            duckdb.OutOfMemoryException("Out of Memory Error: failed to allocate"),
            "The search needs more memory than the sandbox gives it",
        ),
        (
            duckdb.BinderException("Binder Error: x\nLINE 1: SELECT x"),
            "The sandbox cannot do this, and cannot say why (BinderException)",
        ),
    ],
)
def test_no_text_of_the_engine_shines_through(error, text):
    assert words(error) == text
