"""The functions of the SSA dialect: one module a group, one entry a function."""

# Each module of a group registers its functions when it is imported.
from . import (  # noqa: F401
    casting,
    conditional,
    conversion,
    informational,
    lists,
    maps,
    maths,
    msiexec,
    network,
    patterns,
    strings,
)
from .like import like_matcher
from .registry import OMITTED, REGISTRY, REQUIRED, Function, Parameter, meaning_of

__all__ = ["OMITTED", "REGISTRY", "REQUIRED", "Function", "Parameter", "like_matcher", "meaning_of"]
