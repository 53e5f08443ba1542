"""Entry of the search command `ssadetect`: finds the vendored SDK and hands over."""

import gc
import os
import sys

BIN = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [BIN, os.path.join(BIN, "lib")]

if __name__ == "__main__":
    gc.disable()  # nothing is let go until the search has started; command.prepare enables it again
    from ssa import refusal

    reason = refusal.reason(BIN)
    if reason:
        refusal.answer_search(reason)
    from ssa.search import lazily

    lazily.defer()
    from ssa.search.command import main

    main()
