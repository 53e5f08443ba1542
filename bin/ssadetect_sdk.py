"""Entry of the search command `ssadetect` on splunk-sdk: slower to start, and the same answers.

To use it, say `filename = ssadetect_sdk.py` under [ssadetect] in local/commands.conf.
"""

import os
import sys

BIN = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [BIN, os.path.join(BIN, "lib")]

if __name__ == "__main__":
    from ssa import refusal

    reason = refusal.old_python() or refusal.missing_sdk(BIN)
    if reason:
        refusal.answer_search(reason)
    from ssa.search.sdk_command import main

    sys.exit(main())
