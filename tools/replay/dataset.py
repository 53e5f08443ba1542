"""The published test condition of our detections: each finds something in its own attack data.

Downloads the `dataset` of each detection that the app ships, replays it through the packaged app in the sandbox, and
fails where its detection has no hit. `python -m tools.replay.dataset ADDRESS [NAME]` takes another address, for one of
them (default: the given one).
"""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from rich.console import Console
from rich.progress import DownloadColumn, Progress

from tools import ROOT
from tools.docs.pages import shipped

MAX_BYTES = 200_000_000
TIMEOUT = 60
"""Seconds of silence after which a download has failed."""


class DatasetError(Exception):
    """A dataset that cannot be had, or in which the detection finds nothing."""


def download(address: str, folder: Path, console: Console) -> Path:
    """Fetch a dataset; return its file, named as at its address. Raises DatasetError, OSError."""
    file = folder / (Path(urlsplit(address).path).name or "dataset")
    trusted = ssl.create_default_context()  # the system's CAs
    columns = (*Progress.get_default_columns(), DownloadColumn())
    try:
        with (
            httpx.stream("GET", address, verify=trusted, follow_redirects=True, timeout=TIMEOUT) as answer,
            file.open("wb") as target,
            Progress(*columns, console=console) as progress,
        ):
            if answer.status_code != 200:
                raise DatasetError(f"{address}: HTTP {answer.status_code}")
            if any(one.url.scheme != "https" for one in [*answer.history[1:], answer]) and address.startswith("https:"):
                raise DatasetError(f"{address} leads to {answer.url} by a way that anybody can change")
            bar = progress.add_task(file.name, total=int(answer.headers.get("content-length", 0)) or None)
            for part in answer.iter_bytes():
                target.write(part)
                progress.advance(bar, len(part))
                if target.tell() > MAX_BYTES:
                    raise DatasetError(f"{address} has more than {MAX_BYTES:,} bytes")
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise DatasetError(f"{address}: {error or type(error).__name__}") from None
    return file


def hits(file: Path, detection: str) -> int:
    """Replay a file in the sandbox; return how often a detection found something. Raises DatasetError."""
    command = [sys.executable, "-m", "sandbox", "replay", "--json", "--all", str(file)]
    ran = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, encoding="utf-8", check=False)
    if ran.returncode:
        raise DatasetError(f"{file.name}: the replay failed")
    lines = map(json.loads, ran.stdout.splitlines())
    return sum(one["kind"] == "detection" and one["detection"] == detection for one in lines)


def main(arguments: list[str]) -> int:
    """Test each detection that has a dataset; return the exit code."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    catalogue, failed = shipped(), False
    for detection in map(catalogue.find, (arguments[1:] or catalogue.names[:1]) if arguments else catalogue.names):
        address = arguments[0] if arguments else detection.dataset
        if not address:
            continue
        try:
            with tempfile.TemporaryDirectory(prefix="dataset-") as folder:
                count = hits(download(address, Path(folder), console), detection.name)
            if not count:
                raise DatasetError(f"nothing found in {address}")
            console.print(f"{detection.name}: {count:,} hits", style="green", markup=False)
        except (DatasetError, OSError) as error:
            console.print(f"{detection.name}: {error}", style="red", markup=False)
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
