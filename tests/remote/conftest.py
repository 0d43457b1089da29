"""Servers that end with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from servers import HOUSES, House


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """The folder that servers show."""
    root = tmp_path / "served"
    root.mkdir()
    return root


@pytest.fixture
def opened() -> Iterator[Callable[[House], House]]:
    """Closes the servers that it is given."""
    houses: list[House] = []

    def keep(house: House) -> House:
        houses.append(house)
        return house

    yield keep
    for house in houses:
        house.close()


@pytest.fixture(params=list(HOUSES))
def house(request: pytest.FixtureRequest, served: Path, opened: Callable[[House], House]) -> House:
    """A server of each kind."""
    return opened(HOUSES[request.param](served))
