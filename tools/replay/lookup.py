"""Searches Splunk for the events of a batch."""

from __future__ import annotations

import http.client
import json
import os
import ssl
from contextlib import closing
from urllib.parse import urlsplit

from splunklib import binding, client

from tools.replay.batches import FIELD
from tools.replay.errors import AwayError, ReplayError
from tools.replay.hec import LONGEST_ANSWER, LONGEST_WORDS, brief, certificate_error

PORT = 8089
TIMEOUT = 60
"""Seconds of silence after which a connection counts as lost."""


def service(url: str, context: ssl.SSLContext, option: str, app: str | None = None) -> client.Service:
    """Return the REST API at a URL, with the user (or the token) of the environment, in the namespace of an app.

    Raises ReplayError, which names the option that has the URL, when the environment names none.
    """
    at = urlsplit(url)
    bearer, user, password = map(os.environ.get, ("SPLUNK_TOKEN", "SPLUNK_USERNAME", "SPLUNK_PASSWORD"))
    if not bearer and not (user and password):
        raise ReplayError(f"{option} needs SPLUNK_USERNAME and SPLUNK_PASSWORD, or SPLUNK_TOKEN, in the environment")
    who = {"splunkToken": bearer} if bearer else {"username": user, "password": password}
    return client.Service(
        scheme=at.scheme,
        host=at.hostname,
        port=at.port or PORT,
        app=app,
        autologin=True,  # now, and when splunkd was started again and knows the session no more
        handler=binding.handler(timeout=TIMEOUT, verify=True, context=context),
        **who,
    )


class Lookup:
    """A client of splunkd's REST API at `url`, with the user (or the token) of the environment.

    Raises ReplayError when the environment names none.
    """

    def __init__(self, url: str, index: str, context: ssl.SSLContext) -> None:
        self.url, self.index, self.service = url, index, service(url, context, "--splunkd")

    def count(self, mark: str) -> int:
        """Return how many events of the index have a marker.

        Raises AwayError when splunkd did not answer wholly, ReplayError when it refuses.
        """
        # :: finds an indexed field that no fields.conf declares, = one that a fields.conf does ("Automate indexed field
        # extractions with HTTP Event Collector"). Over all time, as an event's time is its own.
        search = f'search index="{self.index}" ({FIELD}::{mark} OR {FIELD}="{mark}") | stats count'
        try:
            with closing(self.service.jobs.oneshot(search, output_mode="json")) as answer:
                text = answer.read(LONGEST_ANSWER)
        except binding.AuthenticationError:
            raise ReplayError(f"{self.url}: splunkd does not know this user and password, or token") from None
        except binding.HTTPError as error:
            if error.status >= 500 or error.status == 429:
                raise AwayError(f"{self.url}: {brief(error)}") from None
            raise ReplayError(f"{self.url}: splunkd refuses to search: {brief(error)}") from None
        except (OSError, http.client.HTTPException) as error:
            if untrusted := certificate_error(error):
                raise ReplayError(f"{self.url}: {untrusted}") from None
            raise AwayError(f"{self.url}: {brief(error)}") from None
        except Exception as error:  # splunk-sdk parses what it gets, and raises whatever that leads to
            raise AwayError(f"{self.url}: what answers there is no splunkd: {brief(error)}") from None
        return self._count(text)

    def _count(self, text: bytes) -> int:
        """Read the count in an answer, in which there may be anything."""
        try:
            answer = json.loads(text)
            # Only a message reports an indexer that was away, and a count without it would be too small.
            wrong = [each["text"] for each in answer.get("messages", []) if each["type"] not in ("DEBUG", "INFO")]
            words = "; ".join(wrong)[:LONGEST_WORDS]
            results = answer.get("results")
            count = int(results[0]["count"]) if results else None
        except (ValueError, TypeError, AttributeError, LookupError, OverflowError, RecursionError) as error:
            raise AwayError(f"{self.url}: the search gave no count, but what cannot be read: {brief(error)}") from None
        if words or count is None:
            raise AwayError(f"{self.url}: {words or 'the search gave no count'}")
        return count
