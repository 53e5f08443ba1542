"""How much the long suites do: a seeded sample in `make test`, the full count in `make soak` (SSA_SOAK=1).

SSA_SEED chooses other examples than those of every day; the totals that a suite prints name it.
"""

import os

SOAK = os.environ.get("SSA_SOAK") == "1"
SEED = int(os.environ.get("SSA_SEED", "0"))


def count(sample, full):
    """Return how many examples to run."""
    return full if SOAK else sample


def told(text):
    """Print a line of totals; `make soak` shows them."""
    print(f"\n  [seed {SEED}] {text}", flush=True)
