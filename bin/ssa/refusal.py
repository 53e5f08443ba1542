"""A clear answer where nothing else of the app can run: an old Python, or a missing SDK.

Everything here parses and runs on Python 3.7, without splunk-sdk, so that an admin reads a reason in the search
messages instead of "exited unexpectedly".
"""

import json
import os
import sys

OLDEST_PYTHON = (3, 9)


def old_python():  # type: () -> str
    """Say why the app cannot run on this Python; empty when it can."""
    if sys.version_info < OLDEST_PYTHON:
        return (
            "SSA Detections needs Python 3.9 or newer, and this Splunk runs it on {}.{}. "
            "Upgrade to Splunk Enterprise 9.4 or later, or set python.required in local/commands.conf.".format(
                *sys.version_info[:2]
            )
        )
    return ""


def missing_sdk(bin_folder):  # type: (str) -> str
    """Say where splunk-sdk is missing, for a command that needs it; empty when it is there."""
    if not os.path.isdir(os.path.join(bin_folder, "lib", "splunklib")):
        return (
            "SSA Detections: splunk-sdk is missing here: {} does not exist. "
            "It must be under bin/, which reaches the search peers; a top-level lib/ does not. "
            "Reinstall the package that `make package` builds.".format(os.path.join(bin_folder, "lib", "splunklib"))
        )
    return ""


def answer_search(message):  # type: (str) -> None
    """Answer splunkd's first chunk with `message` as a search error (search command protocol 2), and exit with 1."""
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    header = stdin.readline().split(b",")
    if len(header) == 3:
        stdin.read(int(header[1]) + int(header[2]))
    reply = {"type": "streaming", "finished": True, "inspector": {"messages": [["ERROR", message]]}}
    metadata = json.dumps(reply).encode("utf-8")
    stdout.write(b"chunked 1.0,%d,0\n" % len(metadata) + metadata)
    stdout.flush()
    sys.exit(1)


def answer_alert(message):  # type: (str) -> None
    """Write `message` where splunkd logs alert actions (index _internal, component sendmodalert), and exit with 1."""
    sys.stderr.write("ERROR " + message + "\n")
    sys.exit(1)
