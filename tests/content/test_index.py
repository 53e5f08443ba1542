"""The index of detections: whatever stands in it, the same detections are found, and what is wrong is reported once."""

import json
from random import Random

import pytest

from ssa import language
from ssa.content import conf, index
from ssa.content.detection import Catalogue
from ssa.language import compile_text
from ssa.search import command
from ssa.search.dispatch.dispatch import Dispatch
from tests.support.language.cases import END, START
from tools.content.index_text import index_text

CONDITIONS = {
    "Kit": 'lower(input_event.process_name)="kit.exe"',
    "Add": 'like(input_event.process, "%/add%") AND NOT coalesce(like(input_event.process, "%/quiet%"), false)',
    "Regex": 'match_regex(input_event.process, "(?i)add\\\\s+user")',
    "Any": "len(input_event.process) > 3",
}
ROWS = [
    {"process": "kit /ADD user", "process_name": "KIT.exe"},
    {"process": "kit /add", "process_name": "x"},
    {"process": "kit /add /quiet", "process_name": "kit.exe"},
    {"process": "x"},
]
STANZA = (
    "[{name}]\nid = {name}\nversion = 1\nsearch = {search}\nimpact = 1\nconfidence = 1\nmessage = m\nobservables = []\n"
)


class Messages(list):
    """What a search shows its user."""

    def inform(self, text):
        self.append(("INFO", text))

    def warn(self, text):
        self.append(("WARN", text))

    def fail(self, text):
        self.append(("ERROR", text))


def stanza(name, condition):
    return STANZA.format(name=name, search=f"{START}| where {condition}{END}")


@pytest.fixture
def app(tmp_path, monkeypatch):
    """An app with four detections, all of them in the index, which are many enough for a message."""
    monkeypatch.setattr(index, "FEW", 0)
    for layer in conf.LAYERS:
        (tmp_path / layer).mkdir()
    texts = [stanza(name, condition) for name, condition in CONDITIONS.items()]
    (tmp_path / "default/ssa_detections.conf").write_text("\n".join(texts))
    write(tmp_path)
    return tmp_path


def path_of(app):
    return app / "local" / f"{index.CONF}.conf"


def write(app):
    path_of(app).write_text(index_text(app, conf.load(str(app), "ssa_detections").stanzas))


def searched(app, monkeypatch):
    """What a search over all detections finds in each row, which of them it compiled at the start, and its messages."""
    messages, compiled = Messages(), []
    monkeypatch.setattr(command, "APP", str(app))
    monkeypatch.setattr(language, "compile_text", lambda text: compiled.append(text) or compile_text(text))
    detector = command.detector(None, False, [], messages)
    detections = [one for readers in detector._readers for one in readers.detections]
    at_start = [one.name for one in detections if one.search in compiled]
    found = [sorted(hit["detection"] for hit in detector.detect(row)) for row in ROWS]
    return found, at_start, messages


FOUND = [["Any", "Kit", "Regex"], ["Add", "Any"], ["Any", "Kit"], []]


def test_a_search_whose_detections_are_in_the_index_compiles_none_before_its_first_row(app, monkeypatch):
    assert searched(app, monkeypatch) == (FOUND, [], [])


def test_a_detection_that_is_named_is_compiled_at_once(app, monkeypatch):
    monkeypatch.setattr(command, "APP", str(app))
    (readers,) = command.detector("Kit", False, [], Messages())._readers
    assert "plan" in readers.detections[0].__dict__


def test_what_is_compiled_late_is_what_was_profiled(app):
    indexed = Catalogue.of_app(str(app), index.Index(str(app)))
    for name in CONDITIONS:
        one, other = indexed.find(name), Catalogue.of_app(str(app)).find(name)
        assert one.profile.written == other.profile.written
        assert one.plan.program == other.plan.program


@pytest.mark.parametrize("removed", ["all", "file"])
def test_what_the_index_lacks_is_analysed_and_one_message_names_the_command(app, monkeypatch, removed):
    if removed == "file":
        path_of(app).unlink()
    else:
        path_of(app).write_text("")
    found, at_start, messages = searched(app, monkeypatch)
    assert (found, at_start) == (FOUND, [*CONDITIONS])
    ((level, text),) = messages
    assert level == "INFO"
    assert "4 detections have no entry of this version in ssa_detection_index.conf" in text
    assert "`python -m tools index` writes the index" in text


@pytest.mark.parametrize(("removed", "have"), [(1, "1 detection has"), (4, "4 detections have")])
def test_a_few_that_the_index_lacks_are_named_in_the_log_of_the_search_alone(app, monkeypatch, capsys, removed, have):
    monkeypatch.setattr(index, "FEW", 4)
    kept = [*CONDITIONS][removed:]
    stanzas = conf.load(str(app), "ssa_detections").stanzas
    path_of(app).write_text(index_text(app, {name: stanzas[name] for name in kept}))
    assert searched(app, monkeypatch) == (FOUND, [name for name in CONDITIONS if name not in kept], [])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"INFO ssadetect: {have} no entry of this version in ssa_detection_index.conf")
    assert "`python -m tools index` writes the index" in line


def test_a_detection_that_the_user_names_and_the_index_lacks_is_in_the_log_too(app, monkeypatch, capsys):
    monkeypatch.setattr(index, "FEW", 4)
    path_of(app).unlink()
    monkeypatch.setattr(command, "APP", str(app))
    command.detector("Kit", False, [], Messages())
    assert capsys.readouterr().err.startswith("INFO ssadetect: 1 detection has no entry")


def test_with_all_entries_the_log_stays_empty(app, monkeypatch, capsys):
    searched(app, monkeypatch)
    assert capsys.readouterr().err == ""


def test_an_edited_search_has_an_old_entry_which_is_not_used(app, monkeypatch):
    (app / "local/ssa_detections.conf").write_text(stanza("Kit", 'input_event.process="x"'))
    found, at_start, messages = searched(app, monkeypatch)
    assert found == [["Any", "Regex"], ["Add", "Any"], ["Any"], ["Kit"]]
    assert at_start == ["Kit"]
    assert [level for level, _ in messages] == ["INFO"]


def test_an_override_of_anything_else_needs_no_new_entry(app, monkeypatch):
    (app / "local/ssa_detections.conf").write_text("[Kit]\nimpact = 50\nmessage = $user$\n[Any]\ndisabled = 1\n")
    found, at_start, messages = searched(app, monkeypatch)
    assert (found, at_start, messages) == ([[name for name in names if name != "Any"] for names in FOUND], [], [])


def test_two_versions_of_the_app_do_not_read_each_others_entries(app, monkeypatch):
    other = Random(0).randbytes(8).hex()
    detections = [Catalogue.of_app(str(app)).find(name) for name in CONDITIONS]
    entries = dict(index.entry(one.name, one.search, one.profile, other) for one in detections)
    assert entries.keys().isdisjoint(conf.merge([str(path_of(app))]))
    text = "".join(
        f"[{key}]\n" + "".join(f"{name} = {value}\n" for name, value in one.items()) for key, one in entries.items()
    )
    path_of(app).write_text(text.replace("add", "never"))
    found, at_start, messages = searched(app, monkeypatch)
    assert (found, at_start, [level for level, _ in messages]) == (FOUND, [*CONDITIONS], ["INFO"])


def entries(app):
    """The entries of an index: key -> setting -> value."""
    read = conf.merge([str(path_of(app))])
    return {key: {name: one.value for name, one in settings.items()} for key, settings in read.items()}


def swapped(found):
    (one, first), (two, second), *others = found.items()
    return {one: second, two: first, **dict(others)}


def changed(setting, change):
    return lambda found: {key: {**one, setting: change(one[setting])} for key, one in found.items()}


def without(setting):
    return lambda found: {
        key: {name: text for name, text in one.items() if name != setting} for key, one in found.items()
    }


def forged(profile):
    """Every entry with a check that agrees, of a profile that is none: as another version might have written it."""

    def damage(found):
        return {key: {"profile": profile, "check": index._hash(key, profile)} for key in found}

    return damage


DAMAGE = {
    "entries that stand under each other's key": swapped,
    "profiles that are cut off": changed("profile", lambda text: text[: len(text) // 2]),
    "profiles of which a letter is another": changed(
        "profile", lambda text: text.replace("add", "adt").replace("kit", "kid")
    ),
    "a profile that requires what nothing has": changed(
        "profile", lambda _: '[[],[],false,[[["x","equals",false,["y"]]]],[]]'
    ),
    "no check": without("check"),
    "no profile": without("profile"),
    "checks of other entries": changed("check", lambda text: text[::-1]),
    "profiles of another shape": forged('{"required": []}'),
    "profiles that are empty": forged(""),
    "profiles with requirements of an unknown kind": forged('[[],[],false,[[["a","resembles",false,["x"]]]],[]]'),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_entry_is_passed_over_with_one_warning(app, monkeypatch, damage):
    lines = [
        f"[{key}]\n" + "".join(f"{name} = {text}\n" for name, text in one.items())
        for key, one in damage(entries(app)).items()
    ]
    path_of(app).write_text("".join(lines))
    found, _, messages = searched(app, monkeypatch)
    assert found == FOUND
    ((level, text),) = messages
    assert level == "WARN"
    assert "passed over in ssa_detection_index.conf, which costs time and no hit: " in text


@pytest.mark.parametrize(
    "content",
    [b"[x", b"\xff\xfe\x00", b"profile\n", b"[a]\nprofile = \xff\n"],
    ids=["header", "bytes", "line", "value"],
)
def test_a_file_that_cannot_be_read_is_passed_over_with_a_warning(app, monkeypatch, content):
    path_of(app).write_bytes(content)
    found, _, messages = searched(app, monkeypatch)
    assert (found, [level for level, _ in messages]) == (FOUND, ["WARN", "INFO"])


def test_wherever_a_file_is_cut_off_the_same_is_found(app, monkeypatch):
    whole = path_of(app).read_bytes()
    for end in Random(0).sample(range(len(whole)), 25):
        path_of(app).write_bytes(whole[:end])
        assert searched(app, monkeypatch)[0] == FOUND


def test_a_bit_that_flips_hides_no_hit(app, monkeypatch):
    whole, random = path_of(app).read_bytes(), Random(1)
    for at in random.sample(range(len(whole)), 40):
        path_of(app).write_bytes(whole[:at] + bytes([whole[at] ^ 1 << random.randrange(8)]) + whole[at + 1 :])
        assert searched(app, monkeypatch)[0] == FOUND


def test_one_broken_stanza_among_many_loses_only_itself(app, monkeypatch):
    broken = stanza("Broken", "nonsense(") + "\n" + stanza("Scored", "true").replace("impact = 1", "impact = 1000")
    (app / "local/ssa_detections.conf").write_text(broken)
    write(app)
    found, at_start, messages = searched(app, monkeypatch)
    assert (found, at_start) == (FOUND, [])
    assert [level for level, _ in messages] == ["WARN", "WARN", "INFO"]
    assert "a detection is left out" in messages[0][1]
    assert "[Broken] search" in messages[0][1]
    assert "[Scored] impact" in messages[1][1]


def test_entries_are_plain_json_that_dispatch_reads(app):
    for one in entries(app).values():
        assert isinstance(json.loads(one["profile"]), list)
    catalogue = Catalogue.of_app(str(app), index.Index(str(app)))
    assert Dispatch([catalogue.find("Kit")])({"process_name": "KIT.EXE"})
