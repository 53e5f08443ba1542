"""The grammar, read twice: by the parser and by grammar.lark. Both refuse the same texts, or make the same tree."""

from random import Random

from ssa.language import SsaError, parse
from tests.support.language import second_grammar
from tests.support.language.printing import print_program
from tests.support.language.programs import program
from tests.support.language.texts import TEXTS, characters_changed, repeated, texts, tokens_changed
from tests.support.language.trees import bare
from tests.support.soak import SEED, count, report


def first_reading(text):
    try:
        return bare(parse(text))
    except SsaError:
        return None


def second_reading(text):
    try:
        return bare(second_grammar.tree(text))
    except second_grammar.RefusedError:
        return None


def disagreements(found):
    """Return the texts that are read in two ways, how many there are, and how many are accepted."""
    wrong, number, accepted = [], 0, 0
    for text in found:
        first = first_reading(text)
        number, accepted = number + 1, accepted + (first is not None)
        wrong += [] if second_reading(text) == first else [text]
    return wrong, number, accepted


def test_each_text_of_the_tables_is_read_alike():
    assert disagreements(TEXTS)[0] == []


def test_random_programs_are_read_as_the_trees_that_they_are():
    random = Random(SEED)
    for _ in range(count(100, 2_000)):
        tree = program(random.randint)
        assert second_reading(print_program(tree)) == bare(tree)


def mutants():
    random, number = Random(SEED), count(800, 40_000)
    yield from (tokens_changed(random, text) for text in texts(random, number))
    yield from (characters_changed(random, text) for text in texts(random, number // 4))
    yield from (repeated(random, text) for text in texts(random, number // 40))


def test_mutants_are_refused_or_read_alike():
    wrong, number, accepted = disagreements(mutants())
    assert wrong == []
    assert number / 10 < accepted < number * 9 / 10
    report(f"{number} mutants read twice: {accepted} accepted")


def test_every_production_of_the_grammar_has_its_case():
    used = set()
    second_grammar.watch(used)
    random = Random(0)
    for text in [*TEXTS, *(print_program(program(random.randint)) for _ in range(50))]:
        second_reading(text)
    assert [str(production) for production in second_grammar.productions() - used] == []
