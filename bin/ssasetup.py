"""Entry of the search command `ssasetup`: finds the vendored SDK and hands over."""

import os
import sys

BIN = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [BIN, os.path.join(BIN, "lib")]

if __name__ == "__main__":
    from ssa import refusal

    reason = refusal.old_python() or refusal.missing_sdk(BIN)
    if reason:
        refusal.answer_search(reason)
    from ssa.search.setup_command import main

    main()
