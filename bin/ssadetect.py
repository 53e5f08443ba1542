"""Entry of the search command `ssadetect`."""

import gc
import os
import sys

BIN = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, BIN)

if __name__ == "__main__":
    gc.disable()  # nothing is let go until the search has started; command.serve enables it again
    from ssa import refusal

    reason = refusal.old_python()
    if reason:
        refusal.answer_search(reason)
    from ssa.search.command import main

    sys.exit(main())
