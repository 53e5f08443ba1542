"""Splunk's HTTP Event Collector (HEC): sends a batch of events, and reports what became of it."""

from __future__ import annotations

import json
import ssl
from typing import Any

import httpx

from tools.replay.errors import AwayError, LostError, ReplayError

TIMEOUT = httpx.Timeout(60, connect=10)
"""Seconds of silence after which a connection counts as lost."""

LONGEST_ANSWER = 64 * 1024
"""Bytes of an answer that are read: HEC's own are a line."""

LONGEST_WORDS = 300
"""Characters of another's words in a message."""

REMEDIES = {
    1: "the token is disabled: enable it (Settings > Data inputs > HTTP Event Collector)",
    2: "no token came through: does a proxy remove the Authorization header?",
    3: "the token is not in the form that HEC reads: give its value alone, without the word Splunk",
    4: "Splunk does not know this token: compare it with Settings > Data inputs > HTTP Event Collector",
    7: "there is no such index, or the token may not write to it: create it, allow it, or change --index",
    10: "no channel came through: does a proxy remove the header X-Splunk-Request-Channel?",
    11: "the channel came through changed: does a proxy rewrite X-Splunk-Request-Channel?",
    14: "indexer acknowledgment was switched off for the token during the replay: start the same command again",
    15: "this Splunk takes no indexed fields with events, by which a batch is found again: 6.6 or newer does",
    21: "Splunk does not know this token: compare it with Settings > Data inputs > HTTP Event Collector",
    22: "the token is disabled: enable it (Settings > Data inputs > HTTP Event Collector)",
}
"""What to do about a refusal, by the code of HEC's answer (source: "Troubleshoot HTTP Event Collector")."""


class Hec:
    """A client of one collector.

    `url` is its address without a path of HEC, `token` its secret, `channel` a GUID (which a token with indexer
    acknowledgment requires, and any other allows), `context` has the trusted certificates.
    """

    def __init__(self, url: str, token: str, channel: str, context: ssl.SSLContext) -> None:
        self.url = url
        self.http = httpx.Client(
            base_url=url,
            headers={
                "Authorization": f"Splunk {token}",
                "X-Splunk-Request-Channel": channel,
                "Accept-Encoding": "identity",  # a compressed answer may be larger than it looks: none is unpacked
            },
            verify=context,
            timeout=TIMEOUT,
            trust_env=False,  # the token goes to this address, and through no proxy that the environment names
        )

    def send(self, body: bytes) -> int | None:
        """Send a batch; return the number under which it will be acknowledged, None when the token has no such thing.

        Raises ReplayError, AwayError, LostError (REST API Reference: services/collector/event).
        """
        answer = self._post("services/collector/event", body, "code")
        ack = answer.get("ackId")
        if ack is not None and (type(ack) is not int or ack < 0):
            raise ReplayError(f"{self.url}: HEC took the events, but the ackId in its answer is no number", taken=True)
        return ack

    def acknowledged(self, ack: int) -> bool:
        """Return whether a batch is indexed; False too where the server, started again, knows nothing of it any more.

        Raises as `send` does (REST API Reference: services/collector/ack).
        """
        acks = self._post("services/collector/ack", b'{"acks":[%d]}' % ack, "acks")["acks"]
        return isinstance(acks, dict) and acks.get(str(ack)) is True

    def _post(self, path: str, body: bytes, expected: str) -> dict[str, Any]:
        """Return an answer that took the request and has that member; raises by what is known of any other."""
        text = b""
        try:
            with self.http.stream("POST", path, content=body) as answer:
                for part in answer.iter_raw():
                    text += part
                    if len(text) > LONGEST_ANSWER:
                        break
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:  # the handshake of TLS included: nothing was sent
            if untrusted := certificate_error(error):
                raise ReplayError(f"{self.url}: {untrusted}") from None
            raise AwayError(f"{self.url}: {brief(error)}") from None
        except (httpx.HTTPError, ValueError) as error:  # no answer, or one that is no HTTP
            raise LostError(f"{self.url}: {brief(error)}") from None
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            content = None
        return self._judged(answer.status_code, content if isinstance(content, dict) else {}, expected)

    def _judged(self, status: int, content: dict[str, Any], expected: str) -> dict[str, Any]:
        """Judge an answer, in which there may be anything."""
        code, text, number = map(content.get, ("code", "text", "invalid-event-number"))
        code = code if type(code) is int else None
        if status == 200 and expected in content and (code == 0 or expected != "code"):
            return content
        words = f"{self.url}: HTTP {status}" + (
            f', "{text[:LONGEST_WORDS]}" (code {code})' if isinstance(text, str) else ""
        )
        if status == 429 or (status == 503 and code not in (None, 8)):  # HEC itself reports that its queues are full
            raise AwayError(words)
        if status >= 500 or status == 408:  # the server failed midway, or a proxy lost it
            raise LostError(words)
        if code is None:
            raise ReplayError(f"{words}: what answers there is no HTTP Event Collector", taken=status < 300)
        # What becomes of the events before a wrong one is documented nowhere; a wrong index is the first one's already.
        partly = status < 300 or (number is not None and not (type(number) is int and number <= 1))
        raise ReplayError(f"{words}: {REMEDIES.get(code, 'see splunkd.log')}", partly)


def brief(error: BaseException) -> str:
    """Return what an error says, or its name, in bounds: it may quote a server."""
    return str(error)[:LONGEST_WORDS] or type(error).__name__


def certificate_error(error: BaseException | None) -> str:
    """Return what is wrong with a certificate, and the remedy, if that is the reason of an error; else nothing."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted ({error.verify_message}): name the CA that signed it with --ca FILE"
        error = error.__cause__ or error.__context__
    return ""
