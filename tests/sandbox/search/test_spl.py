"""SPL text: its parse trees, and its errors."""

import pytest

from sandbox.errors import SearchError
from sandbox.search.spl import Command, EvalReader, SearchReader, expand, pipeline


def shape(node):
    """Write a tree as text: leaves as they are, strings quoted, operators before their operands."""
    if not node.args:
        return f'"{node.text}"' if node.kind == "string" else node.text + ("()" if node.kind == "call" else "")
    return f"({' '.join([node.text, *map(shape, node.args)])})"


def parse(reader, text):
    reader = reader(Command("x", text, 0, 0))
    node = reader.expression()
    reader.end()
    return shape(node)


def error(call, *args):
    with pytest.raises(SearchError) as caught:
        call(*args)
    return str(caught.value)


# "Boolean expressions with logical operators", Search Manual: NOT, then OR, then AND; AND is implied.
@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("A=1 AND B=2 OR C=3", "(and (= A 1) (or (= B 2) (= C 3)))"),
        ("A=1 B=2 OR C=3", "(and (= A 1) (or (= B 2) (= C 3)))"),
        ("(A=1 AND B=2) OR C=3", "(or (and (= A 1) (= B 2)) (= C 3))"),
        ("error NOT 403 OR 404", "(and error (or (not 403) 404))"),
        ("error NOT (403 OR 404)", "(and error (not (or 403 404)))"),
        ("NOT NOT a", "(not (not a))"),
        ("*", "*"),
        ('"web error" process="*/y*"', '(and "web error" (= process "*/y*"))'),
        ("x!=y z >= 5 a==b !c", "(and (!= x y) (>= z 5) (== a b) !c)"),
        ('"a b"=c', '(= "a b" c)'),
        ('code IN (10, "a b", 4*)', '(in code 10 "a b" 4*)'),
        ("and or not in", "(and and or not in)"),
        (r"D:\\Digital\RTFM", r"D:\Digital\RTFM"),
        (r'"say \"hi\" C:\\x \d"', r'"say "hi" C:\x \d"'),
    ],
)
def test_search_expressions(text, tree):
    assert parse(SearchReader, text) == tree


# The same page: eval and where take NOT, then AND, then OR.
@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a=1 AND b=2 OR c=3", "(or (and (= a 1) (= b 2)) (= c 3))"),
        ("a OR b AND NOT c", "(or a (and b (not c)))"),
        ("not a=b and c", "(and (not (= a b)) c)"),
        ("a AND b AND c AND d", "(and a b c d)"),
        ("1+2*3-4", "(- (+ 1 (* 2 3)) 4)"),
        ("-a*2", "(* (- 0 a) 2)"),
        ('a.b."c"', '(. (. a b) "c")'),
        ("'a b'=\"x\"", '(= a b "x")'),
        (r'match(a, "^\d+\\$")', r'(match a "^\d+\$")'),
        ('a LIKE "b%" OR x IN ("p", q)', '(or (like a "b%") (in x "p" q))'),
        ("if(null(), -1, true())", "(if null() (- 0 1) true())"),
        ("1.5e3 >= .a", None),
    ],
)
def test_eval_expressions(text, tree):
    if tree is None:
        assert error(parse, EvalReader, text) == "Unexpected '.' at position 10."
    else:
        assert parse(EvalReader, text) == tree


@pytest.mark.parametrize(
    ("reader", "text", "message"),
    [
        (SearchReader, "", "Unexpected 'end of the command' at position 1."),
        (SearchReader, "a=", "Unexpected 'end of the command' at position 3."),
        (SearchReader, "a OR", "Unexpected 'end of the command' at position 5."),
        (SearchReader, "OR a", "Unexpected 'OR' at position 1."),
        (SearchReader, "a ) b", "Unexpected ')' at position 3."),
        (SearchReader, "(a", "Unexpected 'end of the command' at position 3."),
        (SearchReader, "a, b", "Unexpected ',' at position 2."),
        (SearchReader, "a=[search b]", "Unexpected '[search b]' at position 3."),
        (SearchReader, "x TERM(a.b)", "The directive 'TERM' is not supported at position 3."),
        (SearchReader, "a IN x", "Unexpected 'x' at position 6."),
        (SearchReader, "a=b 'c'", "Single quotes are for the fields of eval and where, not at position 5."),
        (EvalReader, "a XOR b", "Unexpected 'XOR' at position 3."),
        (EvalReader, "a b", "Unexpected 'b' at position 3."),
        (EvalReader, "a=#", "Unexpected '#' at position 3."),
        (EvalReader, "f(a,)", "Unexpected ')' at position 5."),
    ],
)
def test_what_cannot_be_read_is_named_with_its_position(reader, text, message):
    assert error(parse, reader, text) == message


@pytest.mark.parametrize("reader", [SearchReader, EvalReader])
@pytest.mark.parametrize("text", ["(" * 5000 + "a" + ")" * 5000, "NOT " * 1500 + "a"])
def test_deep_nesting_is_an_error_not_a_crash(reader, text):
    assert "more than" in error(parse, reader, text).lower() or "nested deeper" in error(parse, reader, text)


@pytest.mark.parametrize("text", ["-" * 1500 + "a", "f(" * 600 + ")" * 600, ".".join("a" * 900)])
def test_deep_eval_expressions_are_an_error_not_a_crash(text):
    assert "nested deeper than 100 levels at position" in error(parse, EvalReader, text)


def test_a_long_chain_is_no_deep_tree_but_has_a_limit():
    assert parse(EvalReader, " AND ".join(["a=1"] * 300)).count("= a 1") == 300
    assert "More than 2000 words and operators in 'x'" in error(parse, SearchReader, "a " * 2001)


# -- pipelines


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("error", [("search", "error")]),
        ("search error", [("search", "error")]),
        ("searching", [("search", "searching")]),
        ("  a=1 | stats count by b", [("search", "a=1"), ("stats", "count by b")]),
        ("| makeresults", [("makeresults", "")]),
        (" |makeresults|eval a=1", [("makeresults", ""), ("eval", "a=1")]),
        ('"a|b" | where x="\\"|"', [("search", '"a|b"'), ("where", 'x="\\"|"')]),
        (
            "a | append [search b | append [c | d]] | e",
            [("search", "a"), ("append", "[search b | append [c | d]]"), ("e", "")],
        ),
    ],
)
def test_pipelines(text, commands):
    assert [(command.name, command.text) for command in pipeline(text)] == commands


def test_positions_count_in_the_whole_search():
    first, second = pipeline(" a  b | where  x", offset=10)
    assert (first.position, first.offset, second.position, second.offset) == (11, 11, 18, 25)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Missing a search command at position 1."),
        ("a | | b", "Missing a search command at position 5."),
        ("a |", "Missing a search command at position 4."),
        ("| 5", "Missing a search command at position 3."),
        ('a "b', "Unbalanced quotes at position 3."),
        ("a [b", "Missing ']' at position 5."),
        ("a b]", "Mismatched ']' at position 4."),
        ("a " + "[" * 11, "Too many [ at position 13."),
    ],
)
def test_malformed_pipelines(text, message):
    assert error(pipeline, text) == message


# -- macros ("Use search macros in searches" and "Define search macros in Settings", Knowledge Manager Manual, and
# macros.conf.spec, Admin Manual: the number of arguments is part of the name, nothing in quotes is expanded)

LOST = "The search specifies a macro"

MACROS = {
    "plain": {"definition": "a=1 OR b=2", "iseval": "0"},
    "two(2)": {"args": "first, second", "definition": "x=$first$ y=$second$ cost=$5$ `plain`"},
    "drop(1)": {"args": "object", "definition": "rename $object$.* as *"},
    "two(1)": {"args": "second", "definition": 'only=$second$ "$second$ `plain`"'},
    "outer(2)": {"args": "a,b", "definition": '[`two("$b$", $a$)` | `two($b$)`]'},
    "endless": {"definition": "`endless`"},
    "computed": {"definition": '"a"', "iseval": "1"},
    "checked(1)": {"args": "n", "definition": "head $n$", "validation": "isnum(n)"},
    "undefined": {"args": ""},
}


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("`plain` c", "a=1 OR b=2 c"),
        ("`two(1, 2)`", "x=1 y=2 cost=$5$ a=1 OR b=2"),
        ('`two("p, q",r)`', "x=p, q y=r cost=$5$ a=1 OR b=2"),
        ('| `drop("Processes")`', "| rename Processes.* as *"),
        ("`two(1)`", 'only=1 "1 `plain`"'),
        ('`two( "$second$" , "a \\"b\\" (c)" )`', 'x=$second$ y=a "b" (c) cost=$5$ a=1 OR b=2'),
        ("`two('a',\"'b c'\")`", "x='a' y='b c' cost=$5$ a=1 OR b=2"),
        ("`two(a=1,b==2)`", "x=a=1 y=b==2 cost=$5$ a=1 OR b=2"),
        ("`outer(1, 2)`", '[x=2 y=1 cost=$5$ a=1 OR b=2 | only=2 "2 `plain`"]'),
        ("a ```note | `plain` ``` b", "a" + " " * 23 + "b"),
        ('"`plain` ```x```"', '"`plain` ```x```"'),
    ],
)
def test_macros_and_comments(text, expanded):
    assert expand(text, MACROS) == expanded


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a `nope`", "The search specifies a macro 'nope' that cannot be found. It is called at position 3."),
        ("`two(1,2,3)`", f"{LOST} 'two(3)' that cannot be found, did you mean 'two(2)'? It is called at position 1."),
        ("`two`", f"{LOST} 'two' that cannot be found, did you mean 'two(2)'? It is called at position 1."),
        ("`plain(1)`", f"{LOST} 'plain(1)' that cannot be found, did you mean 'plain'? It is called at position 1."),
        ("a `two(1, second = 2)`", "A macro's argument by name, 'second = 2', is not supported; called at position 3."),
        ("`undefined`", "The search specifies a macro 'undefined' that cannot be found. It is called at position 1."),
        ("`endless`", "Reached maximum recursion depth (100) while expanding macros."),
        ("`computed`", "Macro 'computed' has 'iseval' or 'validation', which is not supported; called at position 1."),
        (
            "`checked(1)`",
            "Macro 'checked(1)' has 'iseval' or 'validation', which is not supported; called at position 1.",
        ),
        ("a `plain", "Unbalanced backtick at position 3."),
        ('a "`plain`', "Unbalanced quotes at position 3."),
        ("`a b`", "Malformed macro call 'a b' at position 1."),
    ],
)
def test_macros_that_cannot_be_expanded(text, message):
    assert error(expand, text, MACROS) == message
