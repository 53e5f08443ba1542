"""Run Splunk's AppInspect on the built package, as Splunk Cloud vetting does; allow three warnings by name only."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.build import package

ALLOWED = {
    "check_for_python_script_existence": "every app with Python gets it",
    "check_collections_conf": "every app with KV-store collections gets it: no action required",
    "check_python_sdk_version": "2.1.1 is the newest splunk-sdk that runs on Python 3.9",
}
BAD = ("error", "failure", "future", "warning")


def inspect(archive: Path) -> tuple[dict[str, int], list[str]]:
    """Return AppInspect's counts, and a line for every result that is not allowed."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [
            str(Path(sys.executable).with_name("splunk-appinspect")),
            "inspect",
            str(archive),
            "--mode",
            "precert",
        ]
        options = ["--included-tags", "cloud", "--ci", "--skip-trusted-libraries-update"]
        options += ["--data-format", "json", "--output-file", str(report)]
        ran = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
        if not report.is_file():
            raise SystemExit(f"AppInspect did not run (libmagic1 must be installed):\n{ran.stdout}{ran.stderr}")
        content = json.loads(report.read_text())
    problems = []
    for group in content["reports"][0]["groups"]:
        for check in group["checks"]:
            if check["result"] in BAD and not (check["result"] == "warning" and check["name"] in ALLOWED):
                for message in check["messages"] or [{"message": "(no message)"}]:
                    problems.append(f"{check['result']}: {check['name']}: {message['message']}")
    return content["summary"], problems


if __name__ == "__main__":
    summary, found = inspect(package.build())
    print("AppInspect, tags cloud:", ", ".join(f"{count} {name}" for name, count in sorted(summary.items())))
    for name, reason in ALLOWED.items():
        print(f"allowed by name: {name} ({reason})")
    print("\n".join(found) or "nothing else to report")
    sys.exit(1 if found else 0)
