"""How much long suites do: little in `make test`, more where SSA_LONG=1 (`.ci/run`), all in `make soak` (SSA_SOAK=1).

SSA_SEED chooses other examples than those of every day; the totals that a suite prints name it.
"""

import os

SOAK = os.environ.get("SSA_SOAK") == "1"
LONG = SOAK or os.environ.get("SSA_LONG") == "1"
SEED = int(os.environ.get("SSA_SEED", "0"))


def count(sample, full, short=None):
    """Return how many examples to run: `full` in soak, `sample` where SSA_LONG=1, else `short`, a third by default."""
    if LONG:
        return full if SOAK else sample
    return sample // 3 if short is None else short


def report(text):
    """Print a line of totals; `make soak` shows them."""
    print(f"\n  [seed {SEED}] {text}", flush=True)
