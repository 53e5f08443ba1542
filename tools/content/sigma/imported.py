"""Imported rules in an app's local/ folder: the sets that they form, added, updated and removed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from ssa.content.detection import CONF, Catalogue, Detection
from tools.content import sets, stanzas
from tools.content.importer import put_new_macro
from tools.content.importer.local import LocalConfs
from tools.content.importer.published import ImporterError
from tools.content.index_text import KnownIndex
from tools.content.sigma import correlation as correlations
from tools.content.sigma.conversion import Converted
from tools.content.sigma.stanza import WRITTEN, name_with_id
from tools.docs.pages import saved_search

CONFS = ("macros", CONF, "savedsearches")
"""What is written, in this order: a saved search comes after what it calls."""

APART = "_correlation"
"""What ends the name of the set with a set's correlations, and the rules that fire for them alone."""

LONGEST_NAME = 60 - len(APART)

PRODUCT = "Sigma"
"""The product of a stanza that was imported."""

SCORE = ("impact", "confidence")
"""Settings of a stanza that stay as users have changed them."""


@dataclass
class Changes:
    """Detections by what an import did to them; `stay` are those of a set that were not among what was given."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    stay: list[str] = field(default_factory=list)
    searches: list[str] = field(default_factory=list)
    """The saved searches that run what was given."""

    @property
    def is_any(self) -> bool:
        """Whether there are any."""
        return bool(self.added or self.changed or self.removed)


def set_name(text: str) -> str:
    """Read the name of a set; raises ValueError."""
    if not re.fullmatch(f"[a-z0-9_]{{1,{LONGEST_NAME}}}", text) or text.endswith(APART):
        raise ValueError(f"expected 1 to {LONGEST_NAME} of a-z, 0-9 and _, not {APART} at the end, found {text!r}")
    return text


def default_set(category: str) -> str:
    """Return the name of the set of a category."""
    return "sigma_" + (re.sub("[^a-z0-9]+", "_", category.lower()).strip("_")[: LONGEST_NAME - 6] or "rules")


def put(
    confs: LocalConfs, converted: Iterable[Converted], chosen: str, replaces: bool
) -> tuple[list[Converted], Changes]:
    """Put rules into their sets; return them under the names that they have there, and what changes.

    `chosen` is the name of the set, empty for one by each category. `replaces`: what such a set has beyond the given
    rules goes. Raises ImporterError.
    """
    given = list(converted)
    categories = {one.source.category for one in given if one.name and one.source}
    if chosen and len(categories) > 1:
        raise ImporterError(
            f"--set is for rules of one log source, not of {', '.join(sorted(categories))}: leave it out"
        )
    counted = [one.correlation for one in given if one.name and one.correlation]
    silent, loud = ({id for one in counted if one.generate is wanted for id in one.rules} for wanted in (False, True))
    apart = (silent - loud) | {one.id for one in given if one.is_base}
    changes = Changes()
    done = [_put_one(confs, one, chosen, one.id in apart, changes) for one in given]
    names = {chosen or default_set(category) for category in categories}
    kept = {one.id.casefold() for one in given if not one.left_out}
    for name in sorted(names):
        gone = [one for one in _members(confs, name) if _text(confs, one, "id").casefold() not in kept]
        if replaces:
            _remove(confs, gone)
        (changes.removed if replaces else changes.stay).extend(gone)
        changes.searches += _put_searches(confs, name, [one for one in done if one.name and one.correlation])
    return done, changes


def _put_one(confs: LocalConfs, one: Converted, chosen: str, is_apart: bool, changes: Changes) -> Converted:
    if not one.name or one.source is None:
        return one
    known = confs.stanzas[CONF]
    there = next((name for name in known if _text(confs, name, "id").casefold() == one.id.casefold()), "")
    of_set = chosen or default_set(one.source.category)
    problem = ""
    if there:
        name, its_set = there, _text(confs, there, "set").removesuffix(APART)
        if _text(confs, there, "product") != PRODUCT:
            problem = f"its id is that of the detection {there!r}, which is no imported rule"
        elif its_set and its_set != of_set:
            problem = f"it is in the set {its_set}: remove that one first, or import it with --set {its_set}"
    else:
        name = one.name if one.name not in known else name_with_id(one.name, one.id)
        if name in known:
            problem = f"the detection {name!r} has another id"
    if problem:
        return replace(one, name="", settings={}, reason=problem)
    written = {key: one.settings[key] for key in SCORE}
    settings = {**one.settings, "set": of_set + APART * (is_apart or one.correlation is not None)}
    settings[WRITTEN] = ", ".join(written.values())
    before = confs.settings(CONF, there) if there else {}
    for key, last in zip(SCORE, before.get(WRITTEN, "").split(", "), strict=False):
        if last and before.get(key) != last:
            del settings[key]
    if one.profile:
        confs.profiles[one.settings["search"]] = one.profile
    changed = confs.put(CONF, name, settings) or settings.keys() - before.keys()
    (changes.added if not there else changes.changed if changed else changes.unchanged).append(name)
    return replace(one, name=name)


def remove(confs: LocalConfs, name: str) -> list[str]:
    """Remove a set with its searches and macros; return the names of its detections. Raises ImporterError for none."""
    members = _members(confs, name)
    if not members:
        raise ImporterError(f"there is no set {name}: local/{CONF}.conf has no stanza with set = {name}")
    _remove(confs, members)
    confs.remove("savedsearches", sets.title(name))
    for macro in sets.macros(name):
        confs.remove("macros", macro, stanzas.FILTER_COMMENT)
    return members


def _members(confs: LocalConfs, name: str) -> list[str]:
    return [one for one in confs.stanzas[CONF] if _text(confs, one, "set") in (name, name + APART)]


def _remove(confs: LocalConfs, members: Collection[str]) -> None:
    for name in members:
        confs.remove(CONF, name)
        confs.remove("savedsearches", f"SSA - {name} - Rule")


def _text(confs: LocalConfs, name: str, key: str) -> str:
    setting = confs.stanzas[CONF][name].get(key)
    return setting.value if setting else ""


def _put_searches(confs: LocalConfs, name: str, correlated: Sequence[Converted]) -> list[str]:
    """Put the saved search of a set and its macros, and one for each correlation of it; return the names of these."""
    members = _members(confs, name)
    catalogue = Catalogue(confs.stanzas[CONF], KnownIndex(confs.app, confs.profiles))
    found: dict[str, Detection] = {one: catalogue.find(one) for one in members}
    plain = [found[one] for one in members if _text(confs, one, "set") == name]
    for macro, settings in sets.macros(name).items():
        put_new_macro(confs, macro, settings["definition"], stanzas.FILTER_COMMENT)
    if plain:
        confs.put("savedsearches", sets.title(name), sets.saved_search(name, plain), stanzas.THEIRS)
    else:
        confs.remove("savedsearches", sets.title(name))
    by_id = {one.id: one for one in found.values()}
    for one in correlated:
        if one.correlation and one.name in found:
            searched = correlations.search_settings(
                one.correlation, found[one.name], [by_id[id] for id in one.correlation.rules], sets.filter_macro(name)
            )
            confs.put("savedsearches", saved_search(found[one.name]), searched, stanzas.THEIRS)
    return [sets.title(name)] * bool(plain) + [saved_search(found[one.name]) for one in correlated if one.name in found]
