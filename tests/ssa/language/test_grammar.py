"""The grammar, read twice: by the parser and by grammar.lark. Both refuse the same texts, or make the same tree."""

from random import Random

from ssa.language import SsaError, parse
from ssa.language.printer import print_program
from tests.soak import SEED, count, told

from . import second_grammar
from .programs import program
from .texts import TEXTS, characters_changed, repeated, texts, tokens_changed
from .trees import bare


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
    """Return the texts that are read in two ways, and how many are accepted by both."""
    wrong, accepted = [], 0
    for text in found:
        first = first_reading(text)
        accepted += first is not None
        wrong += [] if second_reading(text) == first else [text]
    return wrong, accepted


def test_each_text_of_the_tables_is_read_alike():
    assert disagreements(TEXTS)[0] == []


def test_random_programs_are_read_as_the_trees_that_they_are():
    random = Random(SEED)
    for _ in range(count(100, 5_000)):
        tree = program(random.randint)
        assert second_reading(print_program(tree)) == bare(tree)


def test_mutants_are_refused_or_read_alike():
    random = Random(SEED)
    number = count(800, 100_000)
    mutants = [tokens_changed(random, text) for text in texts(random, number)]
    mutants += [characters_changed(random, text) for text in texts(random, number // 4)]
    mutants += [repeated(random, text) for text in texts(random, number // 40)]
    wrong, accepted = disagreements(mutants)
    assert wrong == []
    assert len(mutants) / 10 < accepted < len(mutants) * 9 / 10
    told(f"{len(mutants)} mutants read twice: {accepted} accepted")


def test_every_production_of_the_grammar_has_its_case():
    used = set()
    second_grammar.watch(used)
    random = Random(0)
    for text in [*TEXTS, *(print_program(program(random.randint)) for _ in range(50))]:
        second_reading(text)
    assert [str(production) for production in second_grammar.productions() - used] == []
