"""The archive that an admin installs."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path, PurePosixPath

import pytest

from tools import ROOT, generate
from tools.build import package


def names(archive):
    with tarfile.open(archive) as packed:
        return packed.getnames()


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A clone of the last commit, from which the package is built."""
    folder = tmp_path / "checkout"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
    monkeypatch.setattr(package, "ROOT", folder)
    return folder


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_two_builds_are_byte_identical_wherever_and_whenever(archive, tmp_path):
    command = [
        sys.executable,
        "-c",
        "import sys, pathlib; from tools.build import package; package.build(pathlib.Path(sys.argv[1]))",
    ]
    subprocess.run([*command, str(tmp_path)], cwd=ROOT, check=True, env={"TZ": "Asia/Tokyo", "PATH": "/usr/bin:/bin"})
    assert digest(tmp_path / archive.name) == digest(archive)  # whose bytes pytest would compare for hours


def test_the_archive_has_the_app_and_nothing_else(archive):
    top = {PurePosixPath(name).parts[1] for name in names(archive) if "/" in name}
    assert top == set(package.SHIPPED)
    for name in names(archive):
        parts = PurePosixPath(name).parts
        assert parts[0] == "ssa_detections"
        assert not {"tests", "sandbox", "tools", "__pycache__", "local"} & set(parts)
        assert not any(part.startswith(".") or part.endswith(".pyc") for part in parts)


def test_splunk_sdk_lies_where_it_reaches_the_search_peers(archive):
    assert "ssa_detections/bin/lib/splunklib/__init__.py" in names(archive)
    assert "ssa_detections/lib" not in names(archive)


def test_files_have_no_owner_and_plain_modes(archive):
    with tarfile.open(archive) as packed:
        for member in packed.getmembers():
            assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", "")
            assert member.mode == (0o755 if member.isdir() else 0o644)


def test_what_git_does_not_track_is_not_packed_and_named(checkout, capsys):
    for name in ("bin/ssa/scratch.py", "default/macros.conf.orig", "local/app.conf", "bin/ssa/__pycache__/x.pyc"):
        (checkout / name).parent.mkdir(exist_ok=True)
        (checkout / name).write_text("x")
    packed = {name for name, _ in package.shipped_files()}
    assert "bin/ssa/content/conf.py" in packed
    assert not {name for name in packed if "scratch" in name or ".orig" in name or "local" in name or "pyc" in name}
    said = capsys.readouterr().err.splitlines()
    assert sorted(line.rpartition(" ")[2] for line in said) == ["bin/ssa/scratch.py", "default/macros.conf.orig"]


def test_a_tracked_file_that_is_missing_ends_the_build_and_a_changed_one_is_named(checkout, capsys):
    (checkout / "default/macros.conf").write_text("changed")
    list(package.shipped_files())
    assert "packed with changes that are not committed: default/macros.conf" in capsys.readouterr().err
    (checkout / "default/distsearch.conf").unlink()
    with pytest.raises(SystemExit, match=r"incomplete: .*distsearch\.conf is missing"):
        list(package.shipped_files())


def test_without_git_every_visible_file_is_packed(tmp_path, monkeypatch):
    folder = tmp_path / "source"
    for name, path in package.shipped_files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / name)
    (folder / "bin/ssa/.hidden").write_text("x")
    expected = {name for name, _ in package.shipped_files()}
    monkeypatch.setattr(package, "ROOT", folder)
    assert {name for name, _ in package.shipped_files()} == expected


def headings(file):
    """The anchors that GitHub gives the headings of a page."""
    found = re.findall(r"^##+ (.*)", (ROOT / file.partition("/")[2]).read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in found}


def test_every_link_of_a_shipped_page_leads_to_a_shipped_file(archive):
    shipped = set(names(archive))
    for page in (name for name, _ in package.shipped_files() if name.endswith(".md")):
        folder = PurePosixPath("ssa_detections", page).parent
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", (ROOT / page).read_text()):
            file = os.path.normpath(folder / target) if target else f"ssa_detections/{page}"
            assert file in shipped, f"{page}: {target}"
            assert not anchor or anchor in headings(file), f"{page}: {target}#{anchor}"


def test_splunks_packaging_toolkit_accepts_the_app(archive, tmp_path):
    slim = Path(sys.executable).with_name("slim")
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}  # slim keeps a cache in the home folder
    ran = subprocess.run([slim, "validate", str(archive)], env=environment, capture_output=True, text=True, check=False)
    complaints = re.findall(r"\[(?:ERROR|WARNING)\].*", ran.stdout + ran.stderr)
    # Its specs are of 2017: these settings are newer.
    newer = ("python.version", "python.required", "allow_skew", "check_permission")
    assert (ran.returncode, [line for line in complaints if not line.endswith(newer)]) == (0, [])


def test_what_is_derived_is_fresh():
    stale = [path for path, text in generate.outputs().items() if (ROOT / path).read_bytes() != text.encode()]
    assert stale == [], "run `make generate`"


def test_the_sandbox_stays_smaller_than_the_app():
    """It is a means: what it needs beyond the searches that we ship is to be cut."""

    def lines(*folders):
        files = (path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".conf"))
        return sum(len(path.read_text().splitlines()) for path in files)

    assert lines("sandbox") < lines("bin/ssa", "default")
