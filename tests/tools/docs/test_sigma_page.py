"""docs/sigma.md: what is supported, and the price, are computed; test_walks.py runs its commands."""

import re

from tools.docs import sigma_page

PAGE = sigma_page.page()


def test_nothing_is_left_to_compute():
    assert "<<" not in PAGE


def test_every_modifier_but_those_of_times_is_converted():
    refused = {name for name, what in sigma_page.modifiers() if what != "yes"}
    assert refused == {"`day`, `hour`, `minute`, `month`, `week`, `year`", "`expand`"}


def test_the_price_is_what_benchmark_md_measured():
    measured = "| 1 | 0.03 | 12 | 0.9 | 14.0 |\n| 1,415 | 0.25 | 52 | 90.0 | 1 |\n"
    text = f"## Many rules\n\n| rules | x |\n{measured}Python 3.13\n| 1 | 0.1 | 1 | 5 |\n"
    assert sigma_page.costs(text) == {1: 0.9, 1_415: 90.0}
    assert sigma_page.costs("nothing") == {}
    assert re.search(r"\| 40,000,000 \|( [\d.]+ cores \|)+\n", PAGE)
