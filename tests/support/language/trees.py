"""Syntax trees as plain values: what two of them must have in common, whoever read them."""

from ssa.immutable import Immutable


def bare(tree):
    """Return a tree without its places and its text; 1, 1.0 and true are different."""
    if isinstance(tree, Immutable):
        held = [bare(getattr(tree, name)) for name in tree.fields if name not in ("at", "text", "mixed")]
        return type(tree).__name__, *held
    return tuple(map(bare, tree)) if isinstance(tree, tuple) else (type(tree).__name__, repr(tree))
