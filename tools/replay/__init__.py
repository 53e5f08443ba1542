"""Send event files to Splunk's HTTP Event Collector, each event once, whatever stops or fails in between.

Start the same command again to go on with a replay that stopped. The token of HEC comes from --token-file or the
variable SSA_HEC_TOKEN; --splunkd takes SPLUNK_USERNAME and SPLUNK_PASSWORD, or SPLUNK_TOKEN, of a user who may search
the index.
"""

from __future__ import annotations

import argparse
import os
import re
import ssl
import sys
import time
import uuid
from functools import partial
from pathlib import Path

import httpx
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress

from sandbox.inputs.windows.census import SHOWN
from sandbox.terminal import plain
from tools.replay.batches import FIELD, batches, survey
from tools.replay.delivery import Delivery
from tools.replay.errors import ReplayError
from tools.replay.hec import Hec
from tools.replay.journal import Journal
from tools.replay.lookup import Lookup

TOKEN = "SSA_HEC_TOKEN"  # noqa: S105 (the name of a variable)

OF_THE_USER = ("index", "host", "source", "sourcetype")


def address(text: str) -> str:
    """Read the address of a server: http or https, a host, perhaps a port and a path; no user, who would be logged."""
    try:
        at = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if at.scheme not in ("http", "https") or not at.host or at.userinfo or at.query or at.fragment:
        raise argparse.ArgumentTypeError("expected an address like https://host:8088")
    return text.rstrip("/")


def positive(text: str) -> int:
    """Read a number of events."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"expected a number from 1, found {text!r}")
    return int(text)


def index(text: str) -> str:
    """Read the name of an index (indexes.conf.spec)."""
    if not re.fullmatch(r"[a-z0-9_][a-z0-9_-]*", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"expected lower-case letters, digits, _ and -, found {text!r}")
    return text


def seconds(text: str) -> float:
    """Read a duration in seconds."""
    if not re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"expected seconds, found {text!r}")
    return float(text)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("files", nargs="+", type=Path, metavar="FILE", help="XmlWinEventLog or WinEventLog text, .evtx, or .gz")
    add("--url", type=address, required=True, metavar="URL", help="the collector: https://host:8088")
    add("--token-file", type=Path, metavar="FILE", help=f"holds the token of HEC (default: the variable {TOKEN})")
    add("--index", type=index, default="wineventlog", metavar="NAME", help="(default: wineventlog)")
    add("--host", metavar="NAME", help="for all events (default: each one's own)")
    add("--source", metavar="NAME", help="for all events (default: each one's own)")
    add("--sourcetype", metavar="NAME", help="for all events (default: each one's own)")
    add("--now", action="store_true", help="move all times so that the last event is of now; distances stay")
    add("--batch", type=positive, default=500, metavar="N", help="events in a request, at most (default: 500)")
    add("--state", type=Path, metavar="FILE", help="where to note how far it is (default: FILE.replay)")
    trust = parser.add_mutually_exclusive_group()
    trust.add_argument("--ca", type=Path, metavar="FILE", help="CAs to trust, PEM (default: the system's)")
    trust.add_argument("--insecure", action="store_true", help="trust any certificate: whoever answers gets the token")
    fate = parser.add_mutually_exclusive_group()
    fate.add_argument(
        "--splunkd", type=address, metavar="URL", help="https://host:8089: where to look up batches of unknown fate"
    )
    fate.add_argument(
        "--resend", action="store_true", help="send batches of unknown fate again: may double their events"
    )
    add(
        "--settle",
        type=seconds,
        default=60,
        metavar="SECONDS",
        help="how long such a batch is looked for before it is sent again, as indexing takes time (default: 60)",
    )
    add(
        "--patience",
        type=seconds,
        default=300,
        metavar="SECONDS",
        help="how long to try while a server is away or busy, or acknowledges nothing (default: 300)",
    )


def run(options: argparse.Namespace) -> int:
    """Replay files; return the exit code: 0 when every event is in the index, 1, or 130 when interrupted."""
    console = Console(stderr=True)
    try:
        replay(options, console)
    except (ReplayError, OSError) as error:
        console.print(plain(f"replay: {error}"), style="red", markup=False, highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("replay: interrupted; start the same command again to go on")
        return 130
    return 0


def replay(options: argparse.Namespace, console: Console) -> None:
    """Send what is not yet sent; raises ReplayError, OSError."""
    for path in options.files:
        if not path.is_file():
            why = "a file is needed, which can be read twice" if path.exists() else "no such file"
            raise ReplayError(f"{path}: {'this is a folder: name the files in it' if path.is_dir() else why}")
    secret, context = token(options.token_file), trusted(options)
    lookup = Lookup(options.splunkd, options.index, context) if options.splunkd else None
    with Journal(options.state or options.files[0].with_name(options.files[0].name + ".replay")) as journal:
        with console.status("reading the events …"):
            surveyed = survey(options.files)
        if not surveyed.events:
            raise ReplayError("there is no event in " + ", ".join(map(str, options.files)))
        show = partial(console.print, style="yellow", markup=False, highlight=False, soft_wrap=True)

        def report(trouble: str) -> None:
            show(plain(trouble))

        for problem in (problem for census in surveyed.files for problem in census.problems(SHOWN)):
            report(str(problem))
        if damaged := sum(census.damaged for census in surveyed.files):
            report(f"damaged events, {damaged:,} in all, are sent as they are where they have a text")
        given = {name: value for name in OF_THE_USER if (value := getattr(options, name))}
        plan = {"events": surveyed.events, "SHA-256": surveyed.digest, "--url": options.url, "--now": options.now}
        plan |= {"--batch": options.batch} | {f"--{name}": getattr(options, name) for name in OF_THE_USER}
        journal.begin(plan, int(time.time() - surveyed.latest) if options.now and surveyed.latest else 0)
        hec = Hec(options.url, secret, str(uuid.UUID(journal.run)), context)
        with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=console) as progress:
            bar = progress.add_task("sending events", total=surveyed.events)
            delivery = Delivery(hec, lookup, journal, options.settle, options.patience, options.resend, report)
            delivery.check()
            for batch in batches(options.files, journal.run, options.batch, journal.shift, given):
                if batch.number > journal.done:
                    delivery.deliver(batch)
                progress.advance(bar, batch.events)
        where = f"index={options.index} {FIELD}::{journal.run}-*"
        sys.stdout.write(f"{surveyed.events:,} events are in the index: {where}\n")


def token(file: Path | None) -> str:
    """Return the secret of HEC; raises ReplayError, OSError. It is in no argument and in no message."""
    text = (file.read_text(errors="replace") if file else os.environ.get(TOKEN, "")).strip()
    if not re.fullmatch(r"[\x21-\x7e]+", text):  # what a header may hold: the client quotes any other in its error
        where = file or f"the environment variable {TOKEN}"
        raise ReplayError(f"{where}: {'a token is one word of ASCII' if text else 'no token there (see --token-file)'}")
    return text


def trusted(options: argparse.Namespace) -> ssl.SSLContext:
    """Return which certificates are trusted; raises ReplayError."""
    try:
        context = ssl.create_default_context(cafile=options.ca)
    except (OSError, ssl.SSLError) as error:
        raise ReplayError(f"{options.ca}: expected certificates in PEM ({error.strerror or error})") from None
    if options.insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
