"""What is asked for, and by whom: a few hundred pages, some of them much more often than others."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from urllib.parse import quote

from afresh.demo.dataset import Facts

VISITORS = ("", "", "", "anna", "ben", "carla")
"""Who asks, each as often as the others: the empty name has not signed in."""

_SEARCHES = (
    "python",
    "lib gtk",
    "mail",
    "fonts",
    "game",
    "editor",
    "ssl",
    "http",
    "doc",
    "perl",
    "xml",
    "qt5",
)
_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Population:
    """The pages that are visited, most popular first, and the packages among them."""

    targets: list[str]
    packages: list[str]

    @classmethod
    def of(cls, facts: Facts, chance: random.Random, packages: int = 120) -> Population:
        """Choose pages: half of the packages are wanted by many, the others want many."""
        wanted = [facts.name[index] for index in facts.popular[:300]]
        wanting = [name for name, degree in zip(facts.name, facts.degree, strict=True) if degree >= 12]
        chosen = chance.sample(wanted, packages // 2)
        chosen += [name for name in chance.sample(wanting, packages) if name not in chosen][: packages // 2]
        sections = chance.sample(facts.sections, max(1, packages // 6))
        targets = [f"/package/{quote(name)}" for name in chosen]
        targets += [f"/section/{quote(name)}" for name in sections]
        targets += [f"/search?q={quote(words)}" for words in _SEARCHES[: max(1, packages // 10)]]
        targets += ["/", "/statistics"]
        chance.shuffle(targets)
        return cls(targets, chosen)

    def beginning(self, beginning: str) -> Population:
        """The pages whose addresses begin so."""
        return Population([each for each in self.targets if each.startswith(beginning)], self.packages)

    def visits(self, chance: random.Random, exponent: float = 0.8) -> Iterator[tuple[str, str]]:
        """Page and visitor of each visit, without end; page k of the list is asked for ∝ k^-exponent."""
        weights = list(accumulate(rank**-exponent for rank in range(1, len(self.targets) + 1)))
        while True:
            targets = chance.choices(self.targets, cum_weights=weights, k=_BATCH)
            yield from zip(targets, chance.choices(VISITORS, k=_BATCH), strict=True)
