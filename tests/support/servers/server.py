"""The sandbox's splunkd in a process of its own, which can be killed and started again."""

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from sandbox.search.instance import Instance
from sandbox.splunkd import Splunkd, Token
from tools import ROOT

TOKEN, ACKNOWLEDGED = "5c8fc1d6-0f2a-4d3b-9f57-5e2d1c0b7a11", "b7a1b7a1-0f2a-4d3b-9f57-5e2d1c0b7a11"
"""Two tokens of its collector: the second has indexer acknowledgment."""
USER, PASSWORD = "admin", "changeme now"


class Server:
    """A server with the app of an archive; its events lie under `home`. It begins with `start`, or `with`.

    `uri` and `hec_uri` are its addresses since it was started last; `ca` is the file to verify it with.
    """

    def __init__(self, home, archive):
        self.home, self.ca = home, home / "etc/auth/cacert.pem"
        with closing(Instance(home, on_disk=True)) as instance:
            instance.install(archive)

    def start(self):
        command = [sys.executable, "-m", "tests.support.servers.server", str(self.home)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.uri, self.hec_uri = json.loads(self.process.stdout.readline())

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()

    def stored(self):
        """Stop it, and return its events, in the order of their time."""
        self.kill()
        with closing(Instance(self.home, on_disk=True)) as instance:
            return instance.search("search index=* | sort 0 _time").rows


def main(home):
    splunkd = Splunkd(Instance(Path(home), on_disk=True), users={USER: (PASSWORD, "admin")})
    splunkd.indexes.add("wineventlog")
    splunkd.tokens |= {TOKEN: Token(), ACKNOWLEDGED: Token(ack=True)}
    with splunkd:
        print(json.dumps([splunkd.uri, splunkd.hec_uri]), flush=True)
        sys.stdin.read()  # ends with the process that started this one


if __name__ == "__main__":
    main(sys.argv[1])
