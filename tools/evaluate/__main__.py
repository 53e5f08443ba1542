"""Print the page of the evaluation: `make evaluate`."""

import sys

from tools.evaluate.page import page

if __name__ == "__main__":
    sys.stdout.write(page())
