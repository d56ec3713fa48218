"""What is asked for."""

from __future__ import annotations

import random
from collections import Counter
from itertools import islice

from afresh.demo.dataset import Facts
from afresh.demo.drive.visits import VISITORS, Population


def test_pages_are_chosen_anew_the_same_way(facts: Facts) -> None:
    population = Population.of(facts, random.Random(1))
    assert population == Population.of(facts, random.Random(1))
    assert population != Population.of(facts, random.Random(2))
    assert len(set(population.packages)) == 120
    assert len(set(population.targets)) == len(population.targets)
    assert {"/", "/statistics"} < set(population.targets)
    assert any(target.startswith("/search?q=") for target in population.targets)


def test_some_pages_are_asked_for_much_more_often_than_others(facts: Facts) -> None:
    population = Population.of(facts, random.Random(1))
    visits = list(islice(population.visits(random.Random(1)), 5_000))
    counted = Counter(target for target, _ in visits)
    assert counted[population.targets[0]] > 5 * counted[population.targets[100]]
    assert {visitor for _, visitor in visits} == set(VISITORS)


def test_pages_of_one_kind(facts: Facts) -> None:
    population = Population.of(facts, random.Random(1))
    lists = population.beginning("/section/")
    assert lists.targets
    assert lists.targets == [each for each in population.targets if "/section/" in each]
    assert {target for target, _ in islice(lists.visits(random.Random(1)), 2_000)} == set(lists.targets)
