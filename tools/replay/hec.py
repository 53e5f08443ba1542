"""Splunk's HTTP Event Collector (HEC): sends a batch of events, and reports what became of it."""

from __future__ import annotations

import ssl
from typing import Any

import httpx

from tools.replay.errors import AwayError, LostError, ReplayError

TIMEOUT = httpx.Timeout(60, connect=10)
"""Seconds of silence after which a connection counts as lost."""

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
            headers={"Authorization": f"Splunk {token}", "X-Splunk-Request-Channel": channel},
            verify=context,
            timeout=TIMEOUT,
            trust_env=False,  # the token goes to this address, and through no proxy that the environment names
        )

    def send(self, body: bytes) -> int | None:
        """Send a batch; return the number under which it will be acknowledged, None when the token has no such thing.

        Raises ReplayError, AwayError, LostError (REST API Reference: services/collector/event).
        """
        ack = self._post("services/collector/event", body).get("ackId")
        return None if ack is None else int(ack)

    def acknowledged(self, ack: int) -> bool:
        """Return whether a batch is indexed; False too where the server, started again, knows nothing of it any more.

        Raises as `send` does (REST API Reference: services/collector/ack).
        """
        answer = self._post("services/collector/ack", b'{"acks":[%d]}' % ack)
        return bool(answer.get("acks", {}).get(str(ack)))

    def _post(self, path: str, body: bytes) -> dict[str, Any]:
        try:
            answer = self.http.post(path, content=body)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:  # the handshake of TLS included: nothing was sent
            if untrusted := certificate_error(error):
                raise ReplayError(f"{self.url}: {untrusted}") from None
            raise AwayError(f"{self.url}: {error}") from None
        except httpx.TransportError as error:
            raise LostError(f"{self.url}: {error or type(error).__name__}") from None
        try:
            content = answer.json()
        except ValueError:
            content = None
        return self._judged(answer.status_code, content if isinstance(content, dict) else {})

    def _judged(self, status: int, content: dict[str, Any]) -> dict[str, Any]:
        """Return HEC's answer to a request that it took; raise by what is known of any other."""
        code = content.get("code")
        if status == 200 and (code == 0 or "acks" in content):
            return content
        words = f"{self.url}: HTTP {status}" + (f', "{content["text"]}" (code {code})' if "text" in content else "")
        if status == 429 or (status == 503 and code not in (None, 8)):  # HEC itself reports that its queues are full
            raise AwayError(words)
        if status >= 500 or status == 408:  # the server failed midway, or a proxy lost it
            raise LostError(words)
        if code is None:
            raise ReplayError(f"{words}: what answers there is no HTTP Event Collector", taken=status < 300)
        # What becomes of the events before a wrong one is documented nowhere; a wrong index is the first one's already.
        partly = content.get("invalid-event-number", 0) > 1
        raise ReplayError(f"{words}: {REMEDIES.get(code, 'see splunkd.log')}", partly)


def certificate_error(error: BaseException | None) -> str:
    """Return what is wrong with a certificate, and the remedy, if that is the reason of an error; else nothing."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted ({error.verify_message}): name the CA that signed it with --ca FILE"
        error = error.__cause__ or error.__context__
    return ""
