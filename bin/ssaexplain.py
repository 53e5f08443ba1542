"""Entry of the search command `ssaexplain`."""

import os
import sys

BIN = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, BIN)

if __name__ == "__main__":
    from ssa import refusal

    reason = refusal.old_python()
    if reason:
        refusal.answer_search(reason)
    from ssa.search.explain_command import main

    sys.exit(main())
