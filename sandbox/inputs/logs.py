"""What splunkd writes of those who use it: searches into the index _audit, calls of its API into _internal.

Sources: published lines of audit.log; "About access logs" (Troubleshooting Manual). Choices of the sandbox: a search is
noted as it was sent, macros unexpanded, when it is granted; of calls only those that change a collection.
"""

import time
from typing import NamedTuple

from sandbox.search.server import Server


class Search(NamedTuple):
    """A search that starts: by whom, its id, text, app, and the name of the saved search, if it is one."""

    user: str
    sid: str
    text: str
    app: str
    name: str = ""


def search(server: Server, one: Search, at: float) -> None:
    """Note a search; `at` is epoch s."""
    stamp = time.strftime("%m-%d-%Y %H:%M:%S.", time.gmtime(at)) + f"{int(at % 1 * 1000):03}"
    fixed = "autojoin='1', buckets=0, ttl=600, max_count=500000, maxtime=8640000, enable_lookups='1', extra_fields=''"
    text = (
        f"Audit:[timestamp={stamp}, user={one.user}, action=search, info=granted , search_id='{one.sid}', "
        f"search='{one.text}', {fixed}, apiStartTime='ZERO_TIME', apiEndTime='ZERO_TIME', "
        f'savedsearch_name="{one.name}", app="{one.app}", '
        f'provenance="{"scheduler" if one.name else "N/A"}", mode="historical"]'
    )
    _index(server, "_audit", "audittrail", text, at)


def call(server: Server, user: str, request: str, status: int, at: float) -> None:
    """Note a call of the API; `request` is its method and URL, `at` epoch s."""
    stamp = time.strftime("%d/%b/%Y:%H:%M:%S.", time.gmtime(at)) + f"{int(at % 1 * 1000):03} +0000"
    text = f'127.0.0.1 - {user} [{stamp}] "{request} HTTP/1.1" {status} 0 "-" "-" - 1ms'
    _index(server, "_internal", "splunkd_access", text, at)


def _index(server: Server, index: str, sourcetype: str, text: str, at: float) -> None:
    event = {"index": index, "host": "search_head", "source": sourcetype, "sourcetype": sourcetype}
    server.add_events([{**event, "_time": at, "_indextime": int(at), "_raw": text}])
