"""A day of scheduled searches, and confs for them."""

from datetime import UTC, datetime

DAY = datetime(2026, 3, 2, tzinfo=UTC).timestamp()
HOUR = 3600


def conf(path, stanzas):
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"[{name}]\n" + "".join(f"{k} = {v}\n" for k, v in keys.items()) for name, keys in stanzas.items()]
    path.write_text("\n".join(lines))
