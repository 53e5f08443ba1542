"""The packaged search command as splunkd starts it, and stanzas of detections for it."""

from sandbox.search.chunked import CommandProcess
from tests.support.examples import HIT

COLUMNS = list(HIT)
MISS = {**HIT, "process": "msiexec.exe /i setup.msi"}


def searchinfo(dispatch, *args):
    return {
        "args": list(args),
        "raw_args": list(args),
        "dispatch_dir": str(dispatch),
        "sid": "1700000000.1",
        "app": "ssa_detections",
        "owner": "admin",
        "username": "admin",
        "session_key": "secret-session-key",
        "splunkd_uri": "https://127.0.0.1:8089",
        "splunk_version": "9.4.0",
        "search": "search%20index%3D*",
        "command": "ssadetect",
        "maxresultrows": 50000,
        "earliest_time": "0",
        "latest_time": "0",
    }


class Session:
    """Runs the command of an app folder once, over one or more chunks."""

    def __init__(self, app, python, tmp_path, *args, entry="ssadetect.py"):
        self.command = CommandProcess("ssadetect", app / "bin" / entry, python=python, home=tmp_path)
        self.info = searchinfo(tmp_path, *args)

    def run(self, *chunks):
        with self.command as command:
            self.metadata = command.getinfo(self.info)
            found = []
            for number, rows in enumerate(chunks):
                values = [[row.get(name) or None for name in COLUMNS] for row in rows]
                reply = command.execute(COLUMNS, values, finished=number == len(chunks) - 1)
                found.append([dict(zip(reply.columns, row, strict=True)) for row in reply.rows])
            command.close()
        return found


def local(app, text):
    (app / "local").mkdir(exist_ok=True)
    (app / "local/ssa_detections.conf").write_text(text)


def stanza(name, search=None, **settings):
    lines = {
        "id": name.lower(),
        "version": "1",
        "search": search or "| from read_ssa_enriched_events() | into write_ssa_detected_events();",
        "impact": "10",
        "confidence": "10",
        "message": "found",
        "observables": "[]",
        **settings,
    }
    return f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in lines.items())


WRONG = stanza("Wrong", "| from read_ssa_enriched_events() | stats count() | into write_ssa_detected_events();")
SUSPECT = stanza(
    "Suspect",
    '| from read_ssa_enriched_events() | where lower(input_event.p) = "X{0}" | into write_ssa_detected_events();',
    disabled="1",
)
