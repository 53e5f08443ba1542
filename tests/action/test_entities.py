"""One name for one user or device, and the names that are no risk object."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssa.action.entities import Ignored, is_no_risk_object, matches, normal, service_accounts
from ssa.content.fields import is_no_user, is_placeholder

NAMES = st.text(alphabet=st.one_of(st.characters(), st.sampled_from("\\. \t\u00a0$*aAİΣßK")), max_size=12)


@pytest.mark.parametrize(
    ("name", "normal_form"),
    [
        ("jdoe", "jdoe"),
        ("CORP\\JDoe", "jdoe"),
        (" corp\\jdoe ", "jdoe"),
        (".\\jdoe", "jdoe"),
        ("forest\\corp\\jdoe", "jdoe"),
        ("CORP\\ jdoe", "jdoe"),
        ("\u00a0jdoe\u3000", "jdoe"),
        ("j\u00a0doe", "j doe"),
        ("JDoe@Corp.Example", "jdoe@corp.example"),
        ("CORP\\", ""),
        ("\\", ""),
        ("\\\\", ""),
        (" \t\n", ""),
        ("jdoe.", "jdoe."),
        ("ÉLODIE", "élodie"),
        ("jdoe\u200b", "jdoe\u200b"),
    ],
)
def test_a_user_has_one_name(name, normal_form):
    assert normal(name, "user") == normal_form


@pytest.mark.parametrize(
    ("name", "normal_form"),
    [
        ("WS-01.Corp.Example.", "ws-01.corp.example"),
        ("ws-01. .\t", "ws-01"),
        ("\\\\WS-01", "\\\\ws-01"),
        ("10.0.0.1", "10.0.0.1"),
        ("...", ""),
        ("FE80::1%Eth0", "fe80::1%eth0"),
    ],
)
def test_a_device_has_one_name(name, normal_form):
    assert normal(name, "system") == normal_form


def test_another_risk_object_keeps_its_letters():
    assert normal(" C:\\Temp\\Evil.exe ", "other") == "C:\\Temp\\Evil.exe"


@given(NAMES, st.sampled_from(["user", "system", "other"]))
def test_a_normal_form_is_its_own_normal_form(name, kind):
    once = normal(name, kind)
    assert normal(once, kind) == once


@pytest.mark.parametrize(
    "name",
    [
        *("-", "CORP\\-", "unknown", "UNKNOWN", "", "CORP\\", "SYSTEM", "NT AUTHORITY\\SYSTEM", "LOCAL SERVICE"),
        *("NETWORK SERVICE", "ANONYMOUS LOGON", "Window Manager\\DWM-1", "Font Driver Host\\UMFD-12", "S-1-5-18"),
        *("AUTORITE NT\\Système", "NT-AUTORITÄT\\Netzwerkdienst", "NT-AUTORITÄT\\LOKALER DIENST", "СИСТЕМА"),
        *("AUTORITE NT\\SERVICE RÉSEAU", "AUTORIDADE NT\\Serviço de Rede", "CORP\\WS-01$", "ws-01$", "$"),
        *("NT INSTANS\\SYSTEM", "NT INSTANS\\NETWORK SERVICE", "NT AUTHORITY\\NETVÆRKSTJENESTE", "Netwerkservice"),
        *("NT-HALLINTA\\Verkkopalvelu", "NT-HALLINTA\\VERKKOPALVELU", "NT AUTHORITY\\HÁLÓZATI SZOLGÁLTATÁS"),
        *("NT-MYNDIGHET\\SYSTEM", "NT-MYNDIGHET\\LOKAL TJENESTE", "NT-MYNDIGHET\\NETTVERKSTJENESTE"),
        *("ZARZĄDZANIE NT\\SYSTEM", "ZARZĄDZANIE NT\\USŁUGA SIECIOWA", "Zarządzanie NT\\Usługa lokalna"),
        *("AUTORIDADE NT\\SISTEMA", "AUTORIDADE NT\\SERVIÇO LOCAL", "AĞ HİZMETİ", "Ağ Hizmeti", "ağ hizmeti"),
    ],
)
def test_accounts_of_windows_and_of_computers_are_no_users(name):
    assert is_no_risk_object(normal(name, "user"), "user")


@pytest.mark.parametrize(
    "name",
    [
        *(
            "jdoe",
            "system1",
            "systems",
            "my system",
            "dwm-x",
            "dwm-",
            "umfd-1x",
            "$jdoe",
            "ws$01",
            "-jdoe",
            "s-1-5-21-1",
        ),
        *("system\u200b", "ѕystem", "local  service", "jdoe@system", "administrator"),
        *("AĞ HİZMETİ2", "usługa", "lokal tjeneste2", "verkkopalvelut"),
    ],
)
def test_whoever_else_is_a_user(name):
    assert not is_no_risk_object(normal(name, "user"), "user")


@pytest.mark.parametrize("kind", ["user", "system", "other"])
@pytest.mark.parametrize(
    "name",
    ["", "-", "unknown", "NULL", "(null)", "None", "n/a", "N/A", "NOT_TRANSLATED", " - ", "\u00a0", "\u2800null\t"],
)
def test_a_placeholder_is_never_a_risk_object(name, kind):
    assert is_placeholder(name)
    assert is_no_risk_object(normal(name, kind), kind)


@given(NAMES)
def test_a_row_and_an_entity_have_the_same_placeholders(name):
    assert not is_placeholder(name) or is_no_risk_object(normal(name, "system"), "system")
    assert not is_no_user(name) or is_no_risk_object(normal(name, "user"), "user")


def account(name, sid, which="Subject"):
    return {f"{which}UserName": name, f"{which}UserSid": sid}


@pytest.mark.parametrize(
    ("row", "services"),
    [
        (account("SYSTEM", "S-1-5-18"), {"system"}),
        (account("JÄRJESTELMÄ", "S-1-5-18", "Target"), {"järjestelmä"}),
        (account("CORP\\Rendszer ", " s-1-5-18 "), {"rendszer"}),
        ({**account("a", "S-1-5-19"), **account("b", "S-1-5-20", "Target")}, {"a", "b"}),
        (account("DWM-1", "S-1-5-90-0-1"), {"dwm-1"}),
        (account("jdoe", "S-1-5-21-1-2-3-1104"), set()),
        (account("jdoe", "S-1-5-180"), set()),
        (account("jdoe", "S-1-5-18", "Other"), set()),
        (account("jdoe", ""), set()),
        (account("jdoe", "system"), set()),
        (account("jdoe", "S-1-0-0"), set()),
        ({**account("jdoe", "S-1-5-18"), **account("CORP\\JDoe", "S-1-5-21-1", "Target")}, set()),
        ({**account("jdoe", "S-1-5-18"), **account("jdoe", "S-1-5-19", "Target")}, {"jdoe"}),
        ({**account("jdoe", "S-1-5-18"), **account("eve", "S-1-5-21-1", "Target")}, {"jdoe"}),
        ({**account("jdoe", "S-1-5-18"), **account("jdoe", None, "Target")}, {"jdoe"}),
        (account("jdoe", ["S-1-5-18", "S-1-5-21-1"]), set()),
        (account(["jdoe", "eve"], ["S-1-5-18", "S-1-5-20"]), {"jdoe", "eve"}),
        ({"user": "jdoe", "user_id": "S-1-5-18", "UserID": "S-1-5-18"}, set()),
    ],
)
def test_a_service_account_is_known_by_its_sid_whatever_it_is_called(row, services):
    assert service_accounts(row) == services


def test_a_device_is_no_risk_object_only_when_it_has_no_name():
    assert [name for name in ("-", "unknown", "", ".") if not is_no_risk_object(normal(name, "system"), "system")] == []
    assert not is_no_risk_object("system", "system")
    assert not is_no_risk_object("ws-01$", "system")


@pytest.mark.parametrize(
    ("pattern", "kind", "name", "ignored"),
    [
        ("jdoe", "user", "jdoe", True),
        ("CORP\\JDoe", "user", "jdoe", True),
        ("jdoe", "user", "jdoe2", False),
        ("svc_*", "user", "svc_backup", True),
        ("svc_*", "user", "asvc_backup", False),
        ("*-test", "system", "ws-test", True),
        ("a*b*c", "user", "a1b2c", True),
        ("a*b*c", "user", "a1c2b", False),
        ("ab*ba", "user", "aba", False),
        ("a.c", "user", "abc", False),
        ("[a-z]+", "user", "abc", False),
        ("(a+)+", "user", "aaa", False),
        ("a?c", "user", "abc", False),
        ("WS-01.", "system", "ws-01", True),
        ("Evil.exe", "other", "EVIL.EXE", True),
        ("*", "user", "jdoe", False),
        ("**", "system", "ws-01", False),
        ("CORP\\*", "user", "jdoe", False),
        ("*.", "system", "ws-01", False),
        ("", "user", "jdoe", False),
        (" ", "user", "jdoe", False),
    ],
)
def test_an_entry_ignores_what_its_pattern_matches_and_never_everyone(pattern, kind, name, ignored):
    entry = Ignored(pattern)
    assert ((name, kind) in entry) == ignored
    assert is_no_risk_object(name, kind, [entry]) == ignored


@pytest.mark.parametrize(
    ("type_", "kinds"), [("*", "user system other"), ("", "user system other"), ("user", "user"), (" User ", "user")]
)
def test_an_entry_is_about_one_type_or_all(type_, kinds):
    entry = Ignored("x", type_)
    assert [kind for kind in ("user", "system", "other") if ("x", kind) in entry] == kinds.split()


@given(st.text("ab*", max_size=6), st.text("ab", max_size=8))
def test_a_star_stands_for_any_characters(pattern, name):
    def by_definition(pattern, name):
        if not pattern:
            return not name
        if pattern[0] == "*":
            return any(by_definition(pattern[1:], name[at:]) for at in range(len(name) + 1))
        return name[:1] == pattern[0] and by_definition(pattern[1:], name[1:])

    assert matches(pattern, name) == by_definition(pattern, name)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("a*" * 2_000 + "b", "a" * 1_000_000),
        ("*a" * 2_000 + "*", "b" * 1_000_000),
        ("*" + "ab" * 500 + "c*", "ab" * 500_000),
    ],
)
def test_no_name_and_no_pattern_takes_long(pattern, name):
    start = time.process_time()
    assert (name, "user") not in Ignored(pattern)
    for hard in (" ." * 500_000, "\\" * 1_000_000, "dwm-" + "1" * 1_000_000 + "x", "İ" * 500_000):
        for kind in ("user", "system", "other"):
            is_no_risk_object(normal(hard, kind), kind)
    assert time.process_time() - start < 5
