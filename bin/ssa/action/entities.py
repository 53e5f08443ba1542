"""The names of risk objects: one name for one user or device, and the names that are no risk object. Pure.

The rule: surrounding blanks go, case does not count (lower case), of `DOMAIN\\user` the user stays, of a device's name
the dots at its end go. So the user of a 4688 event (jdoe) and of a Sysmon event (CORP\\JDoe) gather their risk
together. A user principal name (jdoe@corp.example) stays whole: its left part need not be the account's name. Nor is a
short device name the same as one with a domain. Letters that look alike are not the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from ssa.content.fields import ACCOUNTS, is_placeholder
from ssa.rows.cells import Row, values

WELL_KNOWN_USERS = (
    ("system", "the local system"),
    ("local service", "a service account of Windows"),
    ("network service", "a service account of Windows"),
    ("anonymous logon", "nobody logged on"),
    ("dwm-[0-9]+", "a desktop window manager"),
    ("umfd-[0-9]+", "a font driver host"),
    ("s-1-0-0|s-1-5-(7|18|19|20)|s-1-5-(90|96)-0-[0-9]+", "the same accounts, as SIDs"),
    # The same accounts where Windows speaks another language: it names them in its own. German, French, Italian,
    # Spanish and Russian by "Configure Windows service accounts and permissions" (SQL Server), where Chinese,
    # Japanese and Korean editions have the English names.
    ("système|système local|sistema|systeem|система", "the local system"),
    ("lokaler dienst|service local|servicio local|servizio locale|serviço local", "a service account of Windows"),
    ("netzwerkdienst|service réseau|servicio de red|servizio di rete|serviço de rede", "a service account of Windows"),
    ("anonymous-anmeldung", "nobody logged on"),
    # By a public SQL script, CreateNetworkServiceLogin: Danish, Dutch, Finnish, Hungarian; Norwegian, Polish. Swedish
    # has NT INSTANS\\NETWORK SERVICE there, and NT INSTANS\\SYSTEM in published access lists.
    ("netværkstjeneste|netwerkservice|verkkopalvelu|hálózati szolgáltatás", "a service account of Windows"),
    ("nettverkstjeneste|usługa sieciowa", "a service account of Windows"),
    # Norwegian: pm2-installer, "Bugfix Non-English Windows Installations". Polish: documentation of Azure ATP, proxy.
    ("lokal tjeneste|usługa lokalna", "a service account of Windows"),
    # Turkish, AĞ HİZMETİ: documentation of event 2056. İ in lower case is an i with a dot above it, i is one without.
    ("ağ hi\u0307?zmeti\u0307?", "a service account of Windows"),
)
"""Accounts that are no risk object of type user: a regex of the whole normal form, and who it is.

Well-known SIDs: Windows' documentation, "Security identifiers". A name is here where a public source has it: of Czech
and Greek editions there is none, of the local service no Danish, Finnish, Hungarian or Turkish name, and of the
anonymous logon a German one alone. A SID is the sure way: it is the same in each language.
"""

_NOBODY = re.compile("|".join(f"(?:{form})" for form, _ in WELL_KNOWN_USERS))
_BLANKS = str.maketrans(dict.fromkeys("\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
                                      "\u202f\u205f\u2800\u3000", " "))  # fmt: skip
"""Blanks that look like the blank."""

_AROUND = " \t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029"


@dataclass(frozen=True)
class Ignored:
    """An entry of the lookup ssa_ignored_entities: a pattern with `*`, for one risk object type or all (``*``).

    A pattern of which nothing but `*` is left, as of `CORP\\*` for users, matches no entity: it would silence all.
    """

    pattern: str
    type: str = "*"

    def __contains__(self, entity: tuple[str, str]) -> bool:
        """Return whether this entry matches an entity, given its normal name and its risk object type."""
        name, kind = entity
        if self.type.strip().lower() not in ("*", "", kind):
            return False
        pattern = _normal_pattern(self.pattern, kind)
        return bool(pattern.strip("*")) and matches(pattern, name.lower())


def matches(pattern: str, name: str) -> bool:
    """Return whether a name matches a pattern, in which `*` stands for any characters.

    Parts between the stars are looked for one after the other, each at its first place: there is no way back, so a
    name that was made to be hard takes no longer.
    """
    first, *parts = pattern.split("*")
    if not parts:
        return name == first
    *middle, last = parts
    if not name.startswith(first):
        return False
    at = len(first)
    for part in middle:
        place = name.find(part, at)
        if place < 0:
            return False
        at = place + len(part)
    return len(name) - len(last) >= at and name.endswith(last)


def normal(value: str, kind: str) -> str:
    """Return the normal form of a user's or a device's name; `kind` is the risk object type. "" is no risk object."""
    name = value.translate(_BLANKS).strip(_AROUND)
    if kind == "user":
        return name.lower().rpartition("\\")[2].strip(_AROUND)
    return name.lower().rstrip("." + _AROUND) if kind == "system" else name


@lru_cache(maxsize=10_000)
def _normal_pattern(pattern: str, kind: str) -> str:
    return normal(pattern, kind).lower()


def is_no_risk_object(name: str, kind: str, ignored: Sequence[Ignored] = ()) -> bool:
    """Return whether a normal form is no risk object: missing, well known, a computer's account, or ignored by users.

    A computer account (HOST$) is no user: its device has the risk.
    """
    if is_placeholder(name):
        return True
    if kind == "user" and (name.endswith("$") or _NOBODY.fullmatch(name)):
        return True
    return any((name, kind) in entry for entry in ignored)


def service_accounts(row: Row) -> set[str]:
    """Return the normal forms of the accounts that a Windows Security event names and that are, by SID, well known.

    A name that has another SID in the event too is not among them, nor one with the SID of nobody: Windows writes that
    where it does not know the account, as of a logon that failed.
    """
    by_sid: dict[bool, set[str]] = {True: set(), False: set()}
    for name, sid in ACCOUNTS:
        sids = [value.strip().lower() for value in values(row.get(sid))]
        known = all(value.startswith("s-1-5-") and _NOBODY.fullmatch(value) for value in sids)
        if sids:
            by_sid[known].update(normal(value, "user") for value in values(row.get(name)))
    return by_sid[True] - by_sid[False]
