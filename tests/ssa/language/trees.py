"""Syntax trees as plain values: what two of them must have in common, whoever read them."""

from dataclasses import fields, is_dataclass


def bare(tree):
    """Return a tree without its places and its text; 1, 1.0 and true are different."""
    if is_dataclass(tree):
        held = [bare(getattr(tree, field.name)) for field in fields(tree) if field.name not in ("at", "text", "mixed")]
        return type(tree).__name__, *held
    return tuple(map(bare, tree)) if isinstance(tree, tuple) else (type(tree).__name__, repr(tree))
