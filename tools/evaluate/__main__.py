"""Print the page of the evaluation, and what the detections find in real events: `make evaluate`."""

import sys

from tools.evaluate import per_day
from tools.evaluate.page import page

if __name__ == "__main__":
    sys.stdout.write(f"{page()}\n{per_day.text()}")
