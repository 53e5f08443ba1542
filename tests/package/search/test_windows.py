"""Splunk on Windows is common, and none runs here: what would differ there is held by what can be seen anywhere.

`make check` also runs mypy over the library as on Windows, whose stubs know what is missing there.
"""

import ast
import subprocess

import pytest

from tests.support.app.conversations import execute, getinfo, messages, replies
from tests.support.examples import HIT
from tools import ROOT

POSIX_MODULES = {"crypt", "curses", "fcntl", "grp", "nis", "posix", "pty", "pwd", "readline", "resource", "spwd"}
POSIX_MODULES |= {"syslog", "termios", "tty"}
POSIX_NAMES = {
    "os": {
        *("chown", "chroot", "ctermid", "fchdir", "fchmod", "fchown", "fdatasync", "fork", "forkpty", "fpathconf"),
        *("fstatvfs", "getegid", "geteuid", "getgid", "getgroups", "getloadavg", "getpgid", "getpgrp", "getpriority"),
        *("getresuid", "getsid", "getuid", "initgroups", "killpg", "lchown", "lockf", "makedev", "mkfifo", "mknod"),
        *(
            "nice",
            "openpty",
            "pathconf",
            "pipe2",
            "posix_fadvise",
            "posix_spawn",
            "pread",
            "pwrite",
            "readv",
            "register_at_fork",
        ),
        *(
            "sched_getaffinity",
            "sendfile",
            "setegid",
            "seteuid",
            "setgid",
            "setpgid",
            "setpriority",
            "setsid",
            "setuid",
        ),
        *("statvfs", "sync", "sysconf", "tcgetpgrp", "ttyname", "uname", "wait", "wait3", "wait4", "waitid", "writev"),
        *("O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "O_SYNC", "WNOHANG", "EX_OK"),
    },
    "signal": {
        "SIGALRM",
        "SIGHUP",
        "SIGKILL",
        "SIGPIPE",
        "SIGQUIT",
        "SIGUSR1",
        "SIGUSR2",
        "alarm",
        "pthread_kill",
        "setitimer",
    },
    "socket": {"AF_UNIX", "fromfd", "socketpair"},
    "time": {"tzset", "pthread_getcpuclockid"},
    "select": {"poll", "epoll", "kqueue"},
}
"""What the library reference marks "Availability: Unix", of modules that are there on Windows, too."""


class OnWindows(ast.NodeTransformer):
    """Leaves of `if sys.platform == "win32"`, or `!=`, what Windows runs; mypy checks that as well."""

    def visit_If(self, node):
        self.generic_visit(node)
        kinds = {"sys.platform == 'win32'": node.body, "sys.platform != 'win32'": node.orelse}
        return kinds.get(ast.unparse(node.test), node)


def posix_uses(tree):
    """Yield what only POSIX has and Windows would run, in a syntax tree."""
    modules, tree = {}, OnWindows().visit(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                modules[alias.asname or alias.name] = alias.name
                yield from {alias.name.split(".")[0]} & POSIX_MODULES
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from {node.module.split(".")[0]} & POSIX_MODULES
            yield from {alias.name for alias in node.names} & POSIX_NAMES.get(node.module, set())
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield from {node.attr} & POSIX_NAMES.get(modules.get(node.value.id), set())


def test_what_only_posix_has_is_found():
    text = "import os, fcntl\nfrom signal import SIGKILL as K\nimport time as t\nos.fork(), os.replace, t.tzset()"
    assert sorted(posix_uses(ast.parse(text))) == ["SIGKILL", "fcntl", "fork", "tzset"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("if sys.platform != 'win32':\n  import fcntl", []),
        ("if sys.platform == 'win32':\n  import fcntl", ["fcntl"]),
        ("if sys.platform == 'win32':\n  pass\nelif x:\n  import fcntl", []),
        ("if sys.platform != 'win32':\n  pass\nelse:\n  import fcntl", ["fcntl"]),
        ("if sys.platform != 'linux':\n  import fcntl", ["fcntl"]),
        ("if x and sys.platform != 'win32':\n  import fcntl", ["fcntl"]),
    ],
)
def test_what_windows_does_not_run_may_be_posixs(text, found):
    assert list(posix_uses(ast.parse(text))) == found


@pytest.mark.parametrize(
    "path", sorted((ROOT / "bin").rglob("*.py")), ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_nothing_packaged_calls_what_only_posix_has(path):
    assert [*posix_uses(ast.parse(path.read_bytes()))] == []


AS_ON_WINDOWS = """
import os, runpy, sys, types
modes = []
sys.platform, os.O_BINARY = "win32", 0x8000
sys.modules["msvcrt"] = types.SimpleNamespace(setmode=lambda descriptor, mode: modes.append((descriptor, mode)))
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    print("stray text of a print")
    sys.stderr.write(f"modes {modes}")
"""


def test_on_windows_both_streams_are_binary_and_no_line_end_is_translated(installed, python, tmp_path):
    row = {**HIT, "process": HIT["process"] + "\n2\r\n3\x1a"}
    cells = ['"' + cell.replace('"', '""') + '"' for cell in row.values()]
    body = f"{','.join(row)}\n{','.join(cells)}\n".encode()
    ran = subprocess.run(
        [python, "-c", AS_ON_WINDOWS, str(installed / "bin/ssadetect.py")],
        input=getinfo(tmp_path) + execute(body, finished=True),
        capture_output=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.endswith(b"modes [(0, 32768), (1, 32768)]")
    (described, _), (answered, sent) = replies(ran.stdout)
    assert (described, answered) == ({"type": "streaming"}, {"finished": True})
    assert messages([(described, b""), (answered, b"")]) == []
    assert b"\r\r\n" not in sent
    assert row["process"].replace('"', '""').encode() in sent
