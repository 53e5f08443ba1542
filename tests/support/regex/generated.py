"""Regexes at random, of what Java and Python mean alike, and texts for them."""

from typing import NamedTuple

from hypothesis import strategies as st

TEXTS = st.text("abc \n", max_size=12)
TAKING = ["a", "b", "c", ".", "[ab]", "[^a]", r"\w", r"\s"]
PLACES = ["", "^", "$", r"\b", r"\A"]
BEHIND = ["a", "ab", "[ab].", "^", r"\b", "a|b", "(?<!a)b"]


class Part(NamedTuple):
    """A regex in the making, also without its capturing groups; may it be empty, and has it atomic groups?"""

    text: str
    bare: str
    empty: bool
    atomic: bool = False


def _around(opening, part, closing, **changes):
    return part._replace(text=opening + part.text + closing, bare=opening + part.bare + closing, **changes)


def _joined(parts, by, empty):
    return Part(by.join(p.text for p in parts), by.join(p.bare for p in parts), empty, any(p.atomic for p in parts))


@st.composite
def parts(draw, inner, atomic):
    """A regex made of smaller ones, of what Java and Python mean alike."""
    kind = draw(st.sampled_from(["sequence", "choice", "group", "repeat", "ahead", "behind", *["atomic"] * atomic]))
    if kind == "behind":
        behind = f"(?<{draw(st.sampled_from('=!'))}{draw(st.sampled_from(BEHIND))})"
        return Part(behind, behind, True)
    part = draw(inner)
    if kind == "sequence":
        items = [part, draw(inner), draw(inner)]
        return _joined(items, "", all(item.empty for item in items))
    if kind == "choice":
        options = [part, draw(inner)]
        return _around("(?:", _joined(options, "|", any(option.empty for option in options)), ")")
    if kind == "group":
        return part._replace(text=f"({part.text})", bare=f"(?:{part.bare})")
    if kind == "atomic":
        return _around("(?>", part, ")", atomic=True)
    if kind == "ahead":
        ahead = "" if part.atomic else f"(?{draw(st.sampled_from('=!'))}{part.bare})"
        return Part(ahead, ahead, True)
    count = draw(st.sampled_from(["*", "+", "?"] if part.empty else ["*", "+", "?", "{2}", "{0,2}", "{1,3}", "{2,}"]))
    how = draw(st.sampled_from(["", "?", *["+"] * atomic]))
    part = part._replace(text=part.bare) if part.empty else part
    return _around(
        "(?:",
        part,
        ")" + count + how,
        empty=part.empty or count[0] in "*?" or "0" in count,
        atomic=part.atomic or how == "+",
    )


def regexes(atomic=False):
    atoms = st.sampled_from([Part(text, text, text in PLACES) for text in TAKING + PLACES])
    return st.recursive(atoms, lambda inner: parts(inner, atomic), max_leaves=8)
