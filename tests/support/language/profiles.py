"""Detections as far as dispatch knows them."""

from types import SimpleNamespace

from ssa.content.profile import Profile
from ssa.language import compile_text


def detection(name, text):
    """A detection as far as dispatch knows one: its profile as the index would give it."""
    plan = compile_text(text)
    return SimpleNamespace(name=name, plan=plan, profile=Profile.read(Profile.of(plan).written))
