"""docs/language.md: the SSA dialect as this app runs it, from the grammar, the registry and the engine itself."""

from __future__ import annotations

import json
from itertools import groupby

from ssa.language import compile_text
from ssa.language.functions import REGISTRY, Function
from ssa.language.text import parser
from ssa.language.text.parser import MAX_DEPTH, MAX_NESTING, STATEFUL
from ssa.language.values import MAX_LEVELS, MAX_TEXT, MAX_VALUES
from ssa.rows.cells import LONGEST_BODY
from tools.marks import page_mark

PATH = "docs/language.md"

DOCUMENTED, OURS = "documented", "ours"
CHOICES = (
    (
        "`where` keeps a record only when its condition is TRUE, neither null nor a value of another kind",
        "",
        DOCUMENTED,
    ),
    ("Precedence: parentheses, NOT, AND, OR", "true OR true AND false", DOCUMENTED),
    (
        "`x = null` means IS NULL, `x != null` means IS NOT NULL, where null is written",
        "[missing = null, 1 != null]",
        OURS,
    ),
    (
        "Logic is three-valued: a comparison with a null value is null",
        "[missing = 1, NOT missing, missing AND false]",
        OURS,
    ),
    (
        "A column that nothing filled, a field that the event lacks or has empty: null",
        "[missing, input_event.missing]",
        OURS,
    ),
    ("`=` is case-sensitive", '"a" = "A"', OURS),
    ("Values of different kinds are unequal; long and double are one kind", '["1" = 1, 1 = 1.0, true = 1]', OURS),
    (
        "`<` orders numbers, and strings by code point; any other pair gives null",
        '["B" < "a", "1" < 2, true > false]',
        OURS,
    ),
    (
        "`IN` is equality with one of the options, or membership where an option is a list",
        '"a" IN ("b", ["a"])',
        DOCUMENTED,
    ),
    ("`IN` with a null option that did not match gives null", "3 IN (1, null)", OURS),
    (
        "`like`: `%` any run of characters, `_` one, a backslash escapes; newlines are characters; case-sensitive",
        'like("a%b", "a\\%_")',
        OURS,
    ),
    (
        "`ucast` asserts a type: a value that is not of it gives the default, and nothing is converted",
        'ucast(5, "string", null)',
        DOCUMENTED,
    ),
    ("`cast` converts; what cannot be converted is null", '[cast("5", "long"), cast("x", "long")]', DOCUMENTED),
    (
        "`create_map` takes one flat list of keys and values; an odd list, or a key that is no string, gives null",
        'create_map(["k", 1])',
        DOCUMENTED,
    ),
    ("`mvappend` flattens one level and leaves nulls out", 'mvappend("a", null, ["b", ["c"]])', OURS),
    (
        "Every other function given null, or a value of another type, gives null, unless its entry states another rule",
        "lower(null)",
        OURS,
    ),
    (
        "A constant of the wrong type, written as an argument, is refused when the detection is compiled",
        "",
        OURS,
    ),
    ("`/` gives a double; `%` has the sign of its left side", "[7 / 2, -7 % 3]", OURS),
    ("`+` adds numbers and joins strings", '["a" + "b", 1 + 1]', OURS),
    (
        "Arithmetic without an answer, or one that a long cannot hold, is null",
        '[1 / 0, 1 + "a", 9223372036854775807 + 1]',
        OURS,
    ),
    (
        "`value[0]`, `value.name`: items count from 0; what is not there is null",
        '[["a"][0], ["a"][-1], {a: 1}.a]',
        DOCUMENTED,
    ),
    ("An escape that the language does not know keeps its backslash", r'"\d\\\n"', OURS),
    ("Numbers: long, double; the suffix L makes a long, F and D make a double", "[1L, 1D, 1.5]", DOCUMENTED),
)
"""Each a rule, an expression that shows it, and whether the product documents it."""

DIFFERENCES = """\
| | SSA | classic SPL |
|---|---|---|
| Strings | in single or double quotes | single quotes name a field |
| `=` in `where` | case-sensitive, by kind: `"1" = 1` is false | numbers and their texts are equal |
| `like` | `%` and `_` with a backslash as escape | the same wildcards, no escape |
| Regexes | Java's, also as `/…/` | PCRE, in strings |
| Lists | values of their own, items from 0 by `list[0]` | multivalue fields |
| Maps | `{key: value}`, `map.key`, `create_map([…])` | JSON text |
| `rex` | `field=` is needed; no `mode=sed` | `field` defaults to `_raw` |
| `select`, `$name = …;`, `union $name` | known | unknown |
"""


def value(expression: str) -> str:
    """Return what an expression gives, as JSON."""
    text = f"| from read_ssa_enriched_events() | eval body={{x: {expression}}} | into write_ssa_detected_events();"
    (hit,) = compile_text(text).run({})
    return json.dumps(hit.body["x"], ensure_ascii=False)


def code(text: str) -> str:
    """Write code in a table's cell."""
    return "`" + text.replace("|", "\\|") + "`"


def choices() -> str:
    """Write the table of choices, each with what the engine gives for its example."""
    rows = [
        f"| {rule} | {code(example) + ' → ' + code(value(example)) if example else ''} | {source} |"
        for rule, example, source in CHOICES
    ]
    return "\n".join(["| Rule | Example | |", "|---|---|---|", *rows])


def functions() -> str:
    """Write the tables of functions, a group each."""
    parts = []
    for group, members in groupby(sorted(REGISTRY.values(), key=lambda f: (f.group, f.name)), key=lambda f: f.group):
        parts.append(f"### {group.capitalize()}\n\n| Function | Gives | | Null | Source |\n|---|---|---|---|---|")
        parts[-1] += "".join(map(row, members))
    return "\n\n".join(parts)


def row(function: Function) -> str:
    """Write the row of a function."""
    cells = (code(function.signature), function.returns, function.help, function.nulls, function.source)
    return "\n| " + " | ".join(cells) + " |"


def grammar() -> str:
    """Return the grammar, as the parser's docstring states it."""
    return str(parser.__doc__).partition("\n\n")[2].strip()


def stateful() -> str:
    """Write the list of commands that are refused."""
    return "\n".join(f"- `{name}`: {reason}." for name, reason in STATEFUL.items())


def page() -> str:
    """Return the whole page."""
    return f"""\
# Language: what does the text of a detection mean?

{page_mark("bin/ssa/language", "tools/docs/language.py")}

How this app runs the language of Splunk Behavioral Analytics (SSA) detections. The grammar is the parser's, the
functions are those of the registry, and every result on this page comes from the engine. *Documented* rules follow the
product's documentation; where that is silent, the rule is *ours*.

[Tuning](tuning.md#a-detection-or-many) has how to check a detection; [import](import.md) turns a published one into
confs in `local/`.

## Grammar

```
{grammar()}
```

Parentheses, lists, maps and calls nest up to {MAX_NESTING - 1} deep, an expression's tree up to {MAX_DEPTH}.

What a detection makes of an event is bounded: {MAX_TEXT:,} characters in a text that is made of others, and in all
texts of a list or a map; {MAX_VALUES:,} values in a list or a map, with those inside it; {MAX_LEVELS} lists and maps
inside each other; {LONGEST_BODY:,} characters of a body's JSON. Where it would make more, it does not judge that event,
and the search fails with an error that names the detection; all other hits come out.

Stateful commands are refused by name:

{stateful()}

## Values, nulls, operators

{choices()}

## Regexes

Java's: `(?i)` anywhere, named groups, possessive quantifiers and atomic groups, lookaround, `\\z`, `\\Z`, `\\h`,
`\\Q…\\E`, class intersection. Case-insensitive matching, `\\d`, `\\w`, `\\s` and `\\b` know ASCII unless flags state
otherwise. Backreferences are refused: no engine can bound their time. Everything else takes time in proportion to the
text's length times the pattern's size, whatever the text.

## Functions

Arguments go by position or, as `name: value`, by name. An argument with a default, or in brackets, may be left out.
A function with *extension* in its source is ours alone: the published dialect does not have it.

{functions()}

## Differences from classic SPL

{DIFFERENCES}"""
