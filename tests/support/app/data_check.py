"""The search SSA - Data check in an estate of its own, and what comes in and has come in there."""

from datetime import UTC, datetime

from tests.support.app.estate import Estate, process
from tests.support.app.schedule import DAY, HOUR

NAME, LOOKUP = "SSA - Data check", "ssa_data_check"
RUN = DAY + 12 * HOUR + 600
"""When the check of an ordinary noon runs, epoch s; DAYS are the days before."""

DAYS = [datetime.fromtimestamp(DAY - back * 24 * HOUR, UTC).strftime("%Y-%m-%d") for back in range(1, 8)]
XML = {"index": "win", "sourcetype": "XmlWinEventLog"}
CLASSIC = {**XML, "sourcetype": "WinEventLog"}
FROM_TEXT = ("process_name", "process_path", "process", "user", "parent_process_name")
GERMAN = CLASSIC | dict.fromkeys(FROM_TEXT)
MEASURES = ("language", "name", "command_line", "parent", "user", "in_time", "clock")


def events(number=100, at=RUN, late=5, share=100, lacks=None, **fields):
    """Events of the ten minutes that a run looks at: `share` percent as they should be, the others with `lacks`."""
    found = []
    for n in range(number):
        moment = at - 4200 + n * 600 / number
        wrong = (lacks or {}) if n * 100 >= share * number else {}
        event = process(moment, "amy", "ws-01.example", "x.exe -k", "x.exe", _indextime=moment + late)
        event |= {
            "process_path": r"C:\x.exe",
            "parent_process_name": "p.exe",
            "host": "ws-01",
            **XML,
            **fields,
            **wrong,
        }
        if "late" in wrong:
            event["_indextime"] = moment + event.pop("late")
        found.append({name: value for name, value in event.items() if value is not None})
    return found


def history(days=DAYS, number=2400, group=XML, device_class="other", longest=0, missed=0, last=RUN - HOUR, **shares):
    """The rows that the lookup has of a group, whose shares were these, in percent (the rest is whole)."""
    counts = {name: number * shares.get(name, 100) / 100 for name in MEASURES}
    group = {**group, "device_class": device_class}
    rows = [{**group, "part": "day", "day": day, "events": number, **counts} for day in days]
    now = {"part": "now", "day": days[0], "events": 100, "missed": missed, "longest": longest, "last": last}
    return [*rows, {**group, **now, **dict.fromkeys(MEASURES, 100), "checked": RUN - HOUR}] if days else []


NO_LINE = {"process": r"C:\x.exe"}  # as the add-ons have it without command line auditing
SERVERS = {"dest": "srv-1.example", "host": "srv-1"}
OTHER = {"index": "edr", "sourcetype": "xdr"}


class Check(Estate):
    """The check in an estate of its own; `run` gives its rows by what is wrong."""

    def reset(self):
        self.instance.database.execute("DELETE FROM events")
        self.entries(LOOKUP)
        for path in self.local.glob("*"):
            path.unlink()

    def define(self, **macros):
        self.local.mkdir(exist_ok=True)
        text = "".join(f"[{name}]\ndefinition = {value}\n" for name, value in macros.items())
        (self.local / "macros.conf").write_text(text)

    def run(self, at=RUN):
        result = self.instance.search(self.saved(NAME), earliest=at - 4200, latest=at - 3600, now=at)
        assert [text for level, text, _ in result.messages if level != "INFO"] == []
        return result.rows

    def kept(self, search=""):
        return self.instance.search(f"| inputlookup {LOOKUP} {search}").rows
