"""What reaches an indexer, after Splunk's default distsearch.conf and "Modify the knowledge bundle" (DistSearch)."""

import pytest

from sandbox.store import bundle
from sandbox.store.bundle import replicate

TRAVELS = [
    "bin/x.py",
    "bin/lib/package/module.py",
    "lookups/a.csv",
    "metadata/default.meta",
    "default/commands.conf",
    "default/props.conf",
    "local/app.conf",
]
STAYS = [
    "README.md",
    "README/x.conf.spec",
    "lib/package/module.py",
    "static/icon.png",
    "appserver/static/x.js",
    "bin/__pycache__/x.pyc",
    "bin/lib/__pycache__/y.pyc",
    "default/savedsearches.conf",
    "default/macros.conf",
    "default/server.conf",
    "default/own.conf",
    "local/own.conf",
    "default/data/ui/nav/default.xml",
    "default/data/props.conf",
    "default/notes.txt",
    "metadata/notes.txt",
]


@pytest.fixture
def apps(tmp_path):
    for name in TRAVELS + STAYS:
        file = tmp_path / "apps/one" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("[a]\n" if name.endswith(".conf") else name)
    return tmp_path / "apps"


def refine(apps, text, app="one", folder="default"):
    (apps / app / folder).mkdir(parents=True, exist_ok=True)
    (apps / app / folder / "distsearch.conf").write_text(f"[replicationSettings:refineConf]\n{text}\n")


def copied(target, app="one"):
    return sorted(str(file.relative_to(target / app)) for file in (target / app).rglob("*") if file.is_file())


def test_only_what_splunk_replicates_travels(apps, tmp_path):
    target = replicate(apps, tmp_path / "peer")
    assert copied(target) == sorted(TRAVELS)
    assert (target / "one/bin/x.py").read_text() == "bin/x.py"
    assert target.parent.parent == tmp_path / "peer/var/run/searchpeers"
    assert target.parent.name.startswith("searchhead-")


@pytest.mark.parametrize("value", ["true", "1", "True"])
def test_an_app_can_add_its_own_conf_from_default_and_local(apps, tmp_path, value):
    refine(apps, f"replicate.own = {value}")
    found = copied(replicate(apps, tmp_path / "peer"))
    assert {"default/own.conf", "local/own.conf"} <= set(found)
    assert "default/distsearch.conf" not in found


def test_local_distsearch_overrides_default(apps, tmp_path):
    refine(apps, "replicate.own = true")
    refine(apps, "replicate.own = false\nreplicate.props = false", folder="local")
    found = copied(replicate(apps, tmp_path / "peer"))
    assert not {"default/own.conf", "local/own.conf", "default/props.conf"} & set(found)


def test_server_conf_never_travels(apps, tmp_path):
    refine(apps, "replicate.server = true")
    assert "default/server.conf" not in copied(replicate(apps, tmp_path / "peer"))


def test_the_setting_of_one_app_holds_for_all(apps, tmp_path):
    refine(apps, "replicate.own = true", app="two")
    assert "default/own.conf" in copied(replicate(apps, tmp_path / "peer"))


def test_two_bundles_of_the_same_second_are_two_folders(apps, tmp_path, monkeypatch):
    monkeypatch.setattr(bundle.time, "time", lambda: 1_700_000_000.9)
    first, second = (replicate(apps, tmp_path / "peer") for _ in range(2))
    assert (first.parent.name, second.parent.name) == ("searchhead-1700000000", "searchhead-1700000001")
    assert copied(first) == copied(second)
