"""The key value store, as its REST endpoints and the lookup commands use it."""

import re
import threading

import pytest

from sandbox.errors import SandboxError
from sandbox.search.instance import Instance
from sandbox.store.kvstore import ConflictError, NotFoundError

CONF = """
[notes]
accelerated_fields.by_name = {"name": 1}
[typed]
field.n = number
field.on = bool
field.when = time
field.tags = array
field.s = string
[strict]
enforceTypes = true
field.n = number
[odd]
type = internal_cache
[odder]
field.x = cidr
"""


@pytest.fixture
def make(tmp_path):
    def make(**options):
        default = tmp_path / "etc/apps/app/default"
        default.mkdir(parents=True, exist_ok=True)
        (default / "collections.conf").write_text(CONF, "utf-8")
        return Instance(tmp_path, **options)

    return make


@pytest.fixture
def notes(make):
    return make().kvstore.collection("app", "notes")


def names(records):
    return [record.get("name") for record in records]


def test_a_collection_that_no_conf_declares_does_not_exist(make):
    with pytest.raises(NotFoundError, match="'other' of the app 'app' does not exist"):
        make().kvstore.collection("app", "other")


@pytest.mark.parametrize(("name", "message"), [("odd", "unsupported setting 'type'"), ("odder", "type 'cidr'")])
def test_what_collections_conf_has_beyond_the_supported_is_an_error(make, name, message):
    with pytest.raises(SandboxError, match=message):
        make().kvstore.collection("app", name)


def test_insert_makes_a_key_of_24_hexadecimal_digits_and_get_finds_the_record(notes):
    key = notes.insert({"name": "a", "deep": {"x": [1, None]}})
    assert re.fullmatch("[0-9a-f]{24}", key)
    assert notes.get(key) == {"name": "a", "deep": {"x": [1, None]}, "_user": "nobody", "_key": key}
    assert notes.insert({"name": "a"}) != key


def test_insert_takes_a_key_once(notes):
    assert notes.insert({"_key": "k", "name": "a"}) == "k"
    with pytest.raises(ConflictError):
        notes.insert({"_key": "k", "name": "b"})
    assert notes.get("k")["name"] == "a"


def test_save_puts_whole_records_in_place_of_those_with_their_keys(notes):
    notes.save([{"_key": "k", "name": "a", "old": "1"}, {"_key": "l", "name": "b"}])
    keys = notes.save([{"_key": "k", "name": "c"}, {"name": "d"}, {"_key": "m"}, {"_key": "m", "name": "last"}])
    assert keys[0] == "k"
    assert names(notes.find()) == ["c", "b", "d", "last"]
    assert "old" not in notes.get("k")


def test_save_can_replace_all_there_is_with_some_of_the_same_keys(notes):
    notes.save([{"_key": "k", "name": "a"}, {"_key": "l", "name": "b"}])
    notes.save([{"_key": "l", "name": "c"}], replace=True)
    assert names(notes.find()) == ["c"]


def test_update_wants_a_record_that_is_there(notes):
    notes.insert({"_key": "k", "name": "a", "old": "1"})
    notes.update("k", {"name": "b"})
    assert notes.get("k") == {"name": "b", "_user": "nobody", "_key": "k"}
    for missing in (lambda: notes.update("x", {}), lambda: notes.get("x"), lambda: notes.delete_key("x")):
        with pytest.raises(NotFoundError):
            missing()


def test_a_record_without_a_usable_key_stores_nothing(notes):
    with pytest.raises(SandboxError, match="must be a text"):
        notes.save([{"name": "a"}, {"_key": 5}])
    assert notes.find() == []


RECORDS = [
    {"_key": "1", "name": "a", "n": 9, "tags": ["x", "y"]},
    {"_key": "2", "name": "b", "n": 10},
    {"_key": "3", "name": "c", "n": "10"},
    {"_key": "4", "n": None, "on": True},
]


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ({}, "1234"),
        ({"name": "b"}, "2"),
        ({"name": "a", "n": 9}, "1"),
        ({"name": "a", "n": 10}, ""),
        ({"tags": "y"}, "1"),
        ({"name": None}, "4"),
        ({"on": 1}, ""),
        ({"n": {"$gt": 9}}, "2"),
        ({"n": {"$gte": 9, "$lt": 10}}, "1"),
        ({"n": {"$lte": "10"}}, "3"),
        ({"n": {"$lt": None}}, ""),
        ({"name": {"$ne": "a"}}, "234"),
        ({"$or": [{"name": "a"}, {"n": 10}]}, "12"),
        ({"$and": [{"name": {"$gt": "a"}}, {"$or": [{"n": 10}, {"n": "10"}]}], "_key": {"$ne": "3"}}, "2"),
    ],
)
def test_a_query_finds_what_it_would_in_mongodb(notes, query, keys):
    notes.save(RECORDS)
    assert "".join(record["_key"] for record in notes.find(query)) == keys
    assert notes.delete(query) == len(keys)
    assert [record["_key"] for record in notes.find()] == [key for key in "1234" if key not in keys]


@pytest.mark.parametrize("query", [{"n": {"$in": [1]}}, {"$nor": []}, {"$or": []}, {"$and": {}}, [1], {"$or": [1]}])
def test_a_query_beyond_the_subset_is_an_error_even_without_records(notes, query):
    with pytest.raises(SandboxError, match="query"):
        notes.find(query)


def test_found_records_are_sorted_cut_and_narrowed(notes):
    notes.save(RECORDS)
    assert "".join(record["_key"] for record in notes.find(sort=[("n", 1)])) == "4123"
    assert "".join(record["_key"] for record in notes.find(sort=[("n", -1), ("name", 1)])) == "3214"
    assert "".join(record["_key"] for record in notes.find(skip=1, limit=2)) == "23"
    assert notes.find({"_key": "1"}, fields=["n", "none"]) == [{"n": 9, "_key": "1"}]


def test_typed_fields_are_converted_or_left_out(make):
    typed = make().kvstore.collection("app", "typed")
    key = typed.insert({"n": "5", "on": "0", "when": 1.5, "tags": "x", "s": 7, "free": "5"})
    assert {"n": 5, "on": False, "when": 1.5, "tags": ["x"], "s": "7", "free": "5"}.items() <= typed.get(key).items()
    key = typed.insert({"n": "five", "on": "maybe", "when": "nan", "s": ["a"], "free": 1})
    assert typed.get(key) == {"free": 1, "_user": "nobody", "_key": key}


def test_enforced_types_refuse_the_record(make):
    strict = make().kvstore.collection("app", "strict")
    with pytest.raises(SandboxError, match="'n' of a record is no number: 'x'"):
        strict.save([{"n": 1}, {"n": "x"}])
    assert strict.find() == []


def test_records_on_disk_outlive_the_instance_and_apps_do_not_share_them(make, tmp_path):
    instance = make(on_disk=True)
    instance.kvstore.collection("app", "notes").insert({"_key": "k", "name": "a"})
    instance.database.close()
    (tmp_path / "etc/apps/app").rename(tmp_path / "etc/apps/moved")
    again = make(on_disk=True).kvstore
    assert again.collection("app", "notes").get("k")["name"] == "a"
    assert again.collection("moved", "notes").find() == []


def test_threads_may_write_at_once(make):
    instance, errors = make(), []

    def write(thread):
        try:
            notes = instance.kvstore.collection("app", "notes")
            for number in range(20):
                notes.save([{"_key": f"{thread}-{number}"}, {"_key": "shared", "by": thread}])
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(instance.kvstore.collection("app", "notes").find()) == 81
