"""The app `tiny`, five events and three users, for what calls a server of the sandbox."""

USERS = {"admin": ("adm", "admin"), "amy": ("ann", "user"), "paul": ("pow", "power")}
START = 1_700_000_000

ACTION = """
import json, os, sys
payload = json.load(sys.stdin)
with open(os.path.join(os.environ["SPLUNK_HOME"], "kept.json"), "w") as out:
    json.dump(payload, out)
"""
WHOAMI = r"""
import json, os, sys, time
def read():
    header = sys.stdin.buffer.readline()
    if not header:
        sys.exit()
    meta, body = map(int, header[len(b"chunked 1.0,"):].split(b","))
    return json.loads(sys.stdin.buffer.read(meta)), sys.stdin.buffer.read(body)
def send(meta, body=b""):
    data = json.dumps(meta).encode()
    sys.stdout.buffer.write(b"chunked 1.0,%d,%d\n" % (len(data), len(body)) + data + body)
    sys.stdout.buffer.flush()
info = read()[0]["searchinfo"]
send({"type": "stateful"})
while True:
    meta, _ = read()
    while os.path.exists(os.environ["SPLUNK_HOME"] + "/wait"):
        time.sleep(0.01)
    text = "uri,key,owner\n%s,%s,%s\n" % (info["splunkd_uri"], info["session_key"], info["owner"])
    send({"finished": meta["finished"], "inspector": {"messages": [["WARN", "mind"]]}}, text.encode())
"""
FILES = {
    "default/app.conf": "[ui]\nlabel = Tiny\n[launcher]\nversion = 1.2.3\n",
    "default/commands.conf": "[whoami]\nchunked = true\nfilename = whoami.py\n",
    "default/alert_actions.conf": "[keep]\npayload_format = json\n",
    "default/macros.conf": "[all]\ndefinition = search index=main\n[a/b]\ndefinition = x\n[b [1]]\ndefinition = x\n",
    "default/collections.conf": "[things]\nfield.n = number\n[ledger]\nfield.n = number\n",
    "default/props.conf": "[lines]\nSHOULD_LINEMERGE = false\nLINE_BREAKER = ([\\r\\n]+)\n",
    "default/savedsearches.conf": "[All - Rule]\nsearch = index=main | sort n\ndispatch.earliest_time = 0\n"
    "action.keep = 1\nalert.track = 1\ncounttype = number of events\nrelation = greater than\nquantity = 0\n"
    "[Broken]\nsearch = index=main | nosuch\n",
    "metadata/default.meta": "[]\naccess = read : [ * ], write : [ admin ]\n"
    "[collections/things]\naccess = read : [ * ], write : [ admin, power ]\n[savedsearches]\nowner = admin\n",
    "bin/keep.py": ACTION,
    "bin/whoami.py": WHOAMI,
    "default/data/ui/views/page.xml": "<dashboard/>",
}
EVENTS = [
    {
        "_raw": f"n={n} <&> \x01",
        "_time": START + n,
        "index": "main",
        "host": "h",
        "n": str(n),
        "tag": ["a", "b"][: n % 2 + 1],
    }
    for n in range(5)
]


def write(folder):
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder
