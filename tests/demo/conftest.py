"""A tiny catalogue for tests that write, the shipped one for tests that read, and what to ask them with."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from afresh.demo import dataset
from afresh.demo.catalogue import database
from afresh.demo.catalogue.web import create_site
from afresh.demo.dataset import Facts

SECRET = "a secret of the tests"


@pytest.fixture(scope="session")
def facts() -> Facts:
    return dataset.read()


@pytest.fixture(scope="session")
def tiny_facts() -> Facts:
    """a needs b and c, b needs c, c and d need one another, e is alone."""
    return Facts(
        name=["a", "b", "c", "d", "e"],
        version=["1", "2", "3", "4", "5"],
        section=[0, 0, 1, 1, 1],
        priority=[0] * 5,
        source=["", "a", "", "", ""],
        installed=[10, 20, 30, 40, 50],
        archive=[1000, 2000, 3000, 4000, 5000],
        degree=[2, 1, 1, 1, 0],
        target=[1, 0, 0, 2, 0],
        popular=[2, 1, 3],
        sections=["first", "second"],
        priorities=["optional"],
    )


@pytest.fixture(scope="session")
def _tiny(tiny_facts: Facts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tiny") / "catalogue.db"
    database.create(path, tiny_facts)
    return path


@pytest.fixture(scope="session")
def _whole(facts: Facts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "catalogue.db"
    database.create(path, facts)
    return path


@pytest.fixture
def tiny(_tiny: Path, tmp_path: Path) -> Iterator[Path]:
    """A tiny catalogue of this test's own, in use."""
    path = Path(shutil.copy(_tiny, tmp_path / "tiny.db"))
    database.use(path)
    yield path
    database.use(None)


@pytest.fixture
def whole(_whole: Path, tmp_path: Path) -> Iterator[Path]:
    """The shipped catalogue, a copy of this test's own, in use."""
    path = Path(shutil.copy(_whole, tmp_path / "whole.db"))
    database.use(path)
    yield path
    database.use(None)


@pytest.fixture
def client(tiny: Path) -> Iterator[TestClient]:
    """A visitor of the tiny catalogue who has not signed in."""
    with TestClient(create_site(tiny, SECRET), follow_redirects=False) as client:
        yield client


@pytest.fixture
def editor(client: TestClient) -> TestClient:
    """The same visitor, signed in as the editor."""
    answer = client.post("/sign-in", data={"name": "editor", "password": database.PASSWORD})
    assert answer.status_code == 303
    return client
