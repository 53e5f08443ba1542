"""The table of data models: whatever an entry says is enough for those who read it."""

import pytest

from sandbox.search.datamodels import DATASETS
from ssa.content.datamodels import DATA_MODELS, NO_MODEL, PROCESSES, security_domain
from ssa.content.fields import COUNTERPARTS
from ssa.rows import event
from tests.support.examples import given_detection

DOMAINS = {"access", "audit", "endpoint", "identity", "network", "threat"}
"""Security domains of Enterprise Security."""

by_model = pytest.mark.parametrize("model", DATA_MODELS.values(), ids=DATA_MODELS)
ACCELERATED = [name for name, model in DATA_MODELS.items() if model.dataset]


@by_model
def test_the_tags_of_a_model_name_it(model):
    assert model.name in event.datamodels(given_detection(), {"tag": sorted(model.tags)})
    assert [one for one in DATA_MODELS.values() if (one.tags, one.macro) == (model.tags, model.macro)] == [model]


@by_model
def test_a_model_has_a_security_domain(model):
    assert security_domain(model.name) == model.security_domain
    assert model.security_domain in DOMAINS


@pytest.mark.parametrize(
    ("name", "domain"),
    [
        ("Endpoint", "endpoint"),
        ("Endpoint.Processes", "endpoint"),
        ("Network Sessions", "network"),
        ("Change_Analysis", "audit"),
        ("Endpoints", "threat"),
        ("", NO_MODEL.security_domain),
    ],
)
def test_a_model_that_is_not_in_the_table_has_the_domain_of_those_with_its_first_word(name, domain):
    assert security_domain(name) == domain


@pytest.mark.parametrize("name", ACCELERATED)
def test_the_accelerated_dataset_has_what_identifies_an_event(name):
    model = DATA_MODELS[name]
    for columns in model.identity:
        assert set(columns) & set(model.columns), columns
    assert model.tstats
    assert model.prefix == f"{model.dataset.partition('.')[2]}."
    assert model.dataset in DATASETS


def test_device_and_user_of_an_identity_are_those_that_have_the_risk():
    assert PROCESSES.identity[:2] == (COUNTERPARTS["dest_device_id"], COUNTERPARTS["dest_user_id"])
