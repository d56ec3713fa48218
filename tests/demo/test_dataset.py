"""The shipped facts are whole, and the format gives back what it was given."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afresh.demo import dataset
from afresh.demo.dataset import Facts


def test_the_shipped_facts_are_whole(facts: Facts) -> None:
    packages = len(facts.name)
    assert packages == 63_436
    assert facts.name == sorted(set(facts.name))
    columns = (facts.version, facts.section, facts.priority, facts.source, facts.installed, facts.archive)
    assert {len(column) for column in (*columns, facts.degree)} == {packages}
    assert sum(facts.degree) == len(facts.target) == 244_503
    assert max(facts.section) == len(facts.sections) - 1
    assert max(facts.priority) == len(facts.priorities) - 1


def test_edges_lead_from_packages_to_other_packages_once(facts: Facts) -> None:
    edges = list(facts.edges())
    names = set(facts.name)
    assert len(edges) == 244_503
    assert {package for package, _, _ in edges} | {target for _, _, target in edges} <= names
    assert all(package != target for package, _, target in edges)
    assert len({(package, target) for package, _, target in edges}) == len(edges)


def test_known_facts_are_there(facts: Facts) -> None:
    bash = facts.name.index("bash")
    assert facts.sections[facts.section[bash]] == "shells"
    assert facts.priorities[facts.priority[bash]] == "required"
    assert facts.name[facts.popular[0]] == "libc6"
    needs = [target for package, _, target in facts.edges() if package == "git"]
    assert {"libc6", "perl", "git-man"} <= set(needs)


def test_the_file_is_small_enough_to_ship() -> None:
    assert dataset.SHIPPED.stat().st_size < 2_000_000


def test_there_are_no_sentences_in_it(facts: Facts) -> None:
    texts = (*facts.name, *facts.version, *facts.source, *facts.sections, *facts.priorities)
    assert not any(" " in text for text in texts)


_WORDS = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1)
_NUMBERS = st.lists(st.integers(0, 2**32 - 1))


@settings(max_examples=25)
@given(st.lists(_WORDS, min_size=1), _NUMBERS)
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, words: list[str], numbers: list[int]
) -> None:
    path = tmp_path_factory.mktemp("facts") / "facts.xz"
    dataset.write(Facts(name=words, installed=numbers), path)
    again = dataset.read(path)
    assert again.name == words
    assert list(again.installed) == numbers


def test_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "facts.xz"
    path.write_bytes(lzma.compress(b'{"format": 2, "columns": []}\n'))
    with pytest.raises(ValueError, match="has format 2, this release reads 1"):
        dataset.read(path)
