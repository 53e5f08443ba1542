"""The archive that an admin installs."""

import subprocess
import sys
import tarfile
from pathlib import PurePosixPath

from tools import ROOT, generate, package


def names(archive):
    with tarfile.open(archive) as packed:
        return packed.getnames()


def test_two_builds_are_byte_identical_wherever_and_whenever(archive, tmp_path):
    command = [
        sys.executable,
        "-c",
        "import sys, pathlib; from tools import package; package.build(pathlib.Path(sys.argv[1]))",
    ]
    subprocess.run([*command, str(tmp_path)], cwd=ROOT, check=True, env={"TZ": "Asia/Tokyo", "PATH": "/usr/bin:/bin"})
    assert (tmp_path / archive.name).read_bytes() == archive.read_bytes()


def test_the_archive_has_the_app_and_nothing_else(archive):
    top = {PurePosixPath(name).parts[1] for name in names(archive) if "/" in name}
    assert top == set(package.SHIPPED)
    for name in names(archive):
        parts = PurePosixPath(name).parts
        assert parts[0] == "ssa_detections"
        assert not {"tests", "sandbox", "tools", "__pycache__", "local", "docs"} & set(parts)
        assert not any(part.startswith(".") or part.endswith(".pyc") for part in parts)


def test_splunk_sdk_lies_where_it_reaches_the_search_peers(archive):
    assert "ssa_detections/bin/lib/splunklib/__init__.py" in names(archive)
    assert "ssa_detections/lib" not in names(archive)


def test_files_belong_to_nobody_and_have_plain_modes(archive):
    with tarfile.open(archive) as packed:
        for member in packed.getmembers():
            assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", "")
            assert member.mode == (0o755 if member.isdir() else 0o644)


def test_a_local_folder_of_the_checkout_is_never_packed(archive):
    assert not any(name.startswith("ssa_detections/local") for name in names(archive))


def test_what_is_derived_is_fresh():
    stale = [path for path, text in generate.outputs().items() if (ROOT / path).read_bytes() != text.encode()]
    assert stale == [], "run `make generate`"
