"""Programs that require texts in many ways, and events that nearly hold them."""

import re

from ssa.language.text import syntax
from ssa.language.text.syntax import postorder

from .expressions import AT, FIELDS, MODELS, constant
from .programs import program

NAMES = ("process", "process_name", "user")
_WILD = re.compile(r"\\(.)|[%_]", re.DOTALL)
COLUMNS = ("x", "y", "z")
STOCK = (
    *(
        "msiexec.exe",
        "cmd.exe",
        "CMD /c",
        "a%b_c",
        "ski",
        "SS",
        "straße.exe",
        "ﬁlm",
        "tasKK\u0130",
        "ΑΣ ж.exe",
        'say "hi"',
        "*",
    ),
    *("a\n/y b", "i\\k", "schtasks.exe", "kali"),
)
PATTERNS = ("%{}%", "{}%", "%{}", "{}", "%{}%{}%", "{}_{}%", "%{}\\", "_{}", "%\\{}\\_%", "{}\\\\%")
REGEXES = (
    *(
        "{0}",
        "^{0}",
        "{0}$",
        "{0}.*{1}",
        "{0}|{1}",
        "({0}|{1})c?",
        "(?:{0})+{1}",
        "{0}(?={1})",
        "{0}(?!{1})",
        "(?:{0})?",
    ),
    *(
        "[kK]",
        "[a-c]{{2}}\\w",
        "\\s[mM]s?i+",
        "x{{0}}{0}",
        "(?>{0}){1}",
        "{0}{{2}}",
        "(?:{0}{{1,2}}.?){{1,3}}",
        "\\W\\w{{3,}}",
        "{0:.2}[a-z]{{2}}",
        ".{{2}}{0:.1}[^ ]+",
    ),
)
VARIANTS = {
    "k": "kK\u212a",
    "i": "iI\u0130ı",
    "s": "sSſß",
    "f": "fFﬁ",
    "σ": "σςΣ",
    "ж": "жЖ",
    "\n": "\n\r",
    " ": " \u00a0",
}
"""What a change of an event puts in the place of a character: what some function takes for the same."""


class _Maker:
    def __init__(self, random):
        self.random = random
        self.pick = random.choice

    def chance(self, percent):
        return self.random.randrange(100) < percent

    def call(self, name, *arguments):
        return syntax.Call(name, arguments, (), AT)

    def field(self):
        """Return an expression of a field, or of the first of two that is there."""
        return self.call("coalesce", self.one(), self.one()) if self.chance(20) else self.one()

    def one(self):
        event, key = syntax.Name("input_event", AT), constant(self.pick(NAMES))
        found = syntax.Access(event, key, AT) if self.chance(50) else self.call("map_get", event, key)
        default = constant(self.pick((None, None, self.pick(STOCK))))
        return self.call("ucast", found, constant("string"), default) if self.chance(50) else found

    def text(self, depth):
        """Return an expression whose text, or one of whose texts, is likely that of a field."""
        if depth == 0 or self.chance(50):
            return syntax.Name(self.pick(COLUMNS), AT) if self.chance(50) else self.field()
        inner = self.text(depth - 1)
        return self.pick((
            *[lambda: self.call("lower", inner)] * 6,
            *[lambda: self.call("upper", inner)] * 2,
            lambda: self.call("trim", inner),
            lambda: self.call("ltrim", inner, constant(self.pick(("msi", " ", "cC")))),
            lambda: self.call("substr", inner, constant(self.pick((1, 2, -3)))),
            lambda: self.call("mvindex", self.call("split", inner, constant(self.pick(("\\", ".", " ")))), constant(0)),
            lambda: syntax.Access(self.many(inner, depth), constant(0), AT),
            lambda: self.call("coalesce", inner, self.text(depth - 1), constant(self.pick(STOCK))),
            lambda: self.call("if", self.condition(depth - 1), inner, self.text(depth - 1)),
            lambda: self.call("case", self.condition(depth - 1), inner, constant(True), self.text(depth - 1)),
            lambda: self.call("validate", self.condition(depth - 1), inner),
            lambda: self.call("nullif", inner, constant(self.pick(STOCK))),
            lambda: self.call("replace", inner, constant("[aeiou]"), constant(self.pick(("", "k", "$0$0")))),
            lambda: syntax.Arithmetic(inner, (("+", constant(self.pick(STOCK))),), AT),
        ))()  # fmt: skip

    def many(self, inner, depth):
        """Return an expression of a list."""
        return self.pick((
            lambda: syntax.ListOf((inner, self.text(depth - 1)), AT),
            lambda: self.call("mvappend", inner, self.text(depth - 1)),
            lambda: self.call("mvdedup", self.call("mvsort", self.call("split", inner, constant(" ")))),
        ))()  # fmt: skip

    def constant(self):
        text = self.pick(STOCK)
        return constant(self.pick((text, text.lower(), text.upper(), text[: len(text) // 2])))

    def condition(self, depth):
        inner = self.text(self.pick((0, 1, 2)))
        if depth == 0 or self.chance(50):
            return self.pick((
                *[lambda: syntax.Comparison("=", inner, self.constant(), AT)] * 3,
                lambda: syntax.Comparison("=", self.constant(), inner, AT),
                lambda: syntax.Comparison(self.pick(("!=", ">", "<=")), inner, self.constant(), AT),
                lambda: syntax.In(inner, (self.constant(), self.constant(), self.text(0)), self.chance(20), AT),
                lambda: syntax.In(self.constant(), (self.many(inner, 1), self.text(0)), self.chance(20), AT),
                *[lambda: self.call("like", inner, self.pattern())] * 5,
                *[lambda: self.call("match_regex", inner, constant(self.regex()))] * 2,
                lambda: syntax.Comparison("=", inner, self.text(1), AT),
                lambda: syntax.IsNull(inner, self.chance(80), AT),
            ))()  # fmt: skip
        operands = tuple(self.condition(depth - 1) for _ in range(self.random.randint(2, 3)))
        return self.pick((
            *[lambda: syntax.And(operands, AT)] * 3,
            *[lambda: syntax.Or(operands, AT)] * 3,
            lambda: syntax.Not(operands[0], AT),
            *[lambda: syntax.Not(self.call("coalesce", operands[0], constant(False)), AT)] * 2,
            lambda: syntax.Not(self.call("coalesce", operands[0], constant(self.pick((False, None, True)))), AT),
            lambda: syntax.Comparison("=", operands[0], constant(self.pick((True, True, False))), AT),
            lambda: self.call("if", *operands[:2], constant(self.pick((True, False, None)))),
            lambda: self.call("coalesce", *operands),
        ))()  # fmt: skip

    def regex(self):
        """Return a regex that needs texts, or sets of characters, in many ways."""
        texts = [
            re.sub(r"[^\w ]", r"\\\g<0>", self.constant().value)[: self.random.randrange(2, 9)].rstrip("\\")
            for _ in "ab"
        ]
        return self.pick(("", "", "(?i)", "(?iu)", "(?s)")) + self.pick(REGEXES).format(*texts)

    def pattern(self):
        pattern = self.pick(PATTERNS)
        texts = [self.constant().value for _ in range(pattern.count("{}"))]
        return constant(pattern.format(*(text[: self.random.randrange(1, 9)] for text in texts)))

    def command(self):
        return self.pick((
            lambda: syntax.Eval(tuple((self.pick(COLUMNS), self.text(2)) for _ in range(2)), AT),
            lambda: syntax.Eval((("z", self.condition(1)),), AT),
            lambda: syntax.Where(self.condition(self.pick((0, 1, 1, 2))), AT),
            lambda: syntax.Where(self.condition(0), AT),
            lambda: syntax.Where(syntax.Or((syntax.Name("z", AT), self.condition(0)), AT), AT),
            self.rex,
            lambda: syntax.Rename(((self.pick(COLUMNS), self.pick(COLUMNS)),), AT),
            lambda: syntax.Select((("input_event", syntax.Name("input_event", AT)), ("x", self.text(2))), AT),
        ))()  # fmt: skip

    def commands(self):
        return tuple(self.command() for _ in range(self.random.randint(1, 2)))

    def start(self, source):
        """Return the start of a pipeline: its columns hold something."""
        first = syntax.Eval(tuple((name, self.text(1)) for name in COLUMNS), AT)
        return (syntax.From(source, AT), *([] if source else [first]), *self.commands())

    def short(self):
        """Return pipelines with one condition on a column, which many events meet."""
        columns = [syntax.Eval((("x", self.text(1)), ("y", self.text(2)), ("z", self.text(1))), AT) for _ in range(2)]
        rex = [self.rex()] if self.chance(15) else []
        where = syntax.Where(self.condition(self.pick((0, 0, 1))), AT)
        if self.chance(20):
            unwanted = syntax.Not(self.call("coalesce", self.condition(0), constant(False)), AT)
            where = syntax.Where(syntax.And((where.condition, unwanted), AT), AT)
        if self.chance(75):
            return (syntax.Statement(None, (syntax.From(None, AT), columns[0], *rex, where, syntax.Into(AT)), AT),)
        named = (
            syntax.Statement(name, (syntax.From(None, AT), column), AT)
            for name, column in zip("ab", columns, strict=True)
        )
        last = (syntax.From("a", AT), syntax.UnionWith("b", AT), *rex, where, syntax.Into(AT))
        return (*named, syntax.Statement(None, last, AT))

    def rex(self):
        pattern = constant(r"(?<x>[^. ]+)[. ](?<y>\S+)")
        return syntax.Rex(self.pick(COLUMNS), pattern, self.pick((1, 1, 0)), AT)

    def program(self):
        """Return a program of a pipeline, or of some that continue others, of which one or two end."""
        into = (syntax.Into(AT),)
        if self.chance(60):
            return syntax.Program("", self.short())
        first = self.start(None)
        if self.chance(50):
            return syntax.Program("", (syntax.Statement(None, (*first, *into), AT),))
        second = self.start(self.pick((None, "a")))
        union = (syntax.UnionWith(self.pick(("a", "b")), AT), *self.commands()) if self.chance(50) else ()
        last = (syntax.From(self.pick(("a", "b")), AT), *union, *into)
        ends = into if self.chance(20) else ()
        named = (syntax.Statement("a", first, AT), syntax.Statement("b", (*second, *ends), AT))
        return syntax.Program("", (*named, syntax.Statement(None, last, AT)))


def requiring_program(random):
    """Return a program: mostly one that requires texts, else one over the whole grammar that requires texts as well."""
    maker = _Maker(random)
    if random.random() < 0.8:
        return maker.program()
    found = program(random.randint)
    statements = [
        syntax.Statement(one.binding, (one.commands[0], *maker.commands(), *one.commands[1:]), AT)
        for one in found.statements
    ]
    return syntax.Program("", tuple(statements))


def constants(tree):
    """Return every text that a program compares something with; of LIKE patterns, texts that match them."""
    found = []
    for statement in tree.statements:
        for command in statement.commands:
            for node in _expressions(command):
                found += [part.value for part in postorder(node) if isinstance(part, syntax.Literal)]
    texts = [text for text in found if isinstance(text, str)]
    return [*texts, *(_WILD.sub(lambda found: found[1] or "x" * (found[0] == "_"), text) for text in texts)] or ["x"]


def _expressions(command):
    if isinstance(command, syntax.Where):
        return [command.condition]
    return [value for _, value in getattr(command, "assignments", getattr(command, "items", ()))]


def changed(random, text):
    """Return a text that an event may hold where a program requires another."""
    kind = random.randrange(12)
    if kind == 0:
        text = text.upper()
    elif kind == 1:
        text = text.swapcase()
    elif kind < 6:
        text = "".join(random.choice(VARIANTS.get(char.lower(), char)) for char in text)
    if random.random() < 0.4:
        text = (
            random.choice(("c:\\", " ", "x", "msi", "", "A\n"))
            + text
            + random.choice((" ", ".dll", "İ", "\u212a", "\nB", ""))
        )
    return text


def near(random, tree, clauses):
    """Return an event of strings, and data models: what the program requires, somewhat changed.

    Of each of the clauses that it requires, the event is likely, not sure, to have a literal.
    """
    texts = constants(tree)
    event = {name: random.choice(FIELDS[name]) for name in FIELDS}
    event.update({name: changed(random, random.choice(texts)) for name in NAMES if random.random() < 0.8})
    for clause in clauses:
        literal = random.choice(clause)
        if random.random() < 0.8:
            gate = literal.how in ("present", "same", "matches")
            event[literal.field] = changed(random, random.choice(texts) if gate else literal.text)
            if literal.how == "same":
                event[literal.text] = random.choice((str.upper, str.lower, str.title))(event[literal.field])
    for name in NAMES:
        if random.random() < 0.15:
            del event[name]
    return event, random.sample(MODELS, random.randrange(3))
