"""Places side by side are read from one source, and nothing that stands around it changes what they say."""

from dataclasses import dataclass, field, replace

import pytest

from gridtide.api import wiring
from gridtide.api.around import Around, bare
from gridtide.api.banded import BandedData
from gridtide.api.given import GivenData, StaticData
from gridtide.domain.decision import FreshnessStep
from gridtide.domain.interval import Interval
from gridtide.domain.ports import CanReadMany, Reading, SignalQuery
from gridtide.domain.signal import Signal, SignalKind
from gridtide.domain.zone import Zone
from gridtide.grid.client import GridClient
from gridtide.testing import FakeClock
from support import T0, at, hourly

QUERIES = [SignalQuery(zone=Zone(key), window=Interval(T0, at(4))) for key in ("A", "B", "C")]


def reading(step, zone, provider="demo"):
    signal = Signal(SignalKind.AVERAGE, provider=provider, zone=zone)
    empty = step is FreshnessStep.NONE
    return Reading(series=hourly(*([] if empty else [100.0]), signal=signal), step=step)


@dataclass
class Alone:
    """Answers for one zone at a time."""

    known: dict[str, Reading]
    asked: list[str] = field(default_factory=list)

    async def read(self, query):
        self.asked.append(query.zone.key)
        return self.known[query.zone.key]


@dataclass
class Many(Alone):
    """Answers for several zones too."""

    together: FreshnessStep = FreshnessStep.LIVE

    async def read_many(self, queries):
        self.asked.append("+".join(query.zone.key for query in queries))
        return [reading(self.together, query.zone.key) for query in queries]


class Adding(Around):
    """Says another thing about single places."""

    async def read(self, query):
        return replace(await self.inner.read(query), reason="added")


def known(a="demo", b="demo", c="demo"):
    return {zone: reading(FreshnessStep.LIVE, zone, name) for zone, name in (("A", a), ("B", b), ("C", c))}


async def test_several_places_are_one_question_to_who_can_answer_it():
    """So that all come from one source."""
    grid = Many(known())
    found = await wiring.read_together(grid, QUERIES)

    assert grid.asked == ["A+B+C"]
    assert [one.series.signal.zone for one in found] == ["A", "B", "C"]


async def test_others_are_asked_place_by_place():
    """A file or a replay is one source anyway."""
    grid = Alone(known())
    found = await wiring.read_together(grid, QUERIES)

    assert sorted(grid.asked) == ["A", "B", "C"]
    assert [one.series.signal.zone for one in found] == ["A", "B", "C"]


@pytest.mark.parametrize("make", [Alone, Many], ids=["alone", "many"])
async def test_what_stands_around_adds_to_one_place_and_nothing_to_several(make):
    """However much stands around it."""
    grid = Adding(Adding(make(known())))
    (single,) = await wiring.read_together(grid, QUERIES[:1])

    assert single.reason == "added"
    assert [one.reason for one in await wiring.read_together(grid, QUERIES)] == [""] * 3


async def test_a_place_that_the_first_ones_source_lacks_is_left_out():
    """Two that can be compared are not dragged down to the yearly table, and nothing is added to them either."""
    grid = Adding(Many(known(c="other"), together=FreshnessStep.STATIC))
    found = await wiring.read_together(grid, QUERIES)

    assert [one.step for one in found] == [FreshnessStep.LIVE, FreshnessStep.LIVE, FreshnessStep.NONE]
    assert "no values from demo, which the comparison stays on" in found[2].reason
    assert found[0].reason == ""


async def test_where_nothing_can_be_compared_the_yearly_table_stays():
    """For all of them."""
    grid = Many(known(b="other", c="third"), together=FreshnessStep.STATIC)
    found = await wiring.read_together(grid, QUERIES)

    assert [one.step for one in found] == [FreshnessStep.STATIC] * 3


async def test_a_band_leaves_the_values_of_a_comparison_alone():
    """It stands beside them."""
    grid = Many(known())
    clock = FakeClock(T0)
    plain = await wiring.read_together(grid, QUERIES)
    banded = await wiring.read_banded_together(grid, QUERIES, clock)

    assert [one.series.values.tolist() for one in banded] == [one.series.values.tolist() for one in plain]


def test_the_port_tells_who_can_read_many():
    """The live client can; a file, the yearly table and what stands around others cannot by themselves."""
    clock = FakeClock(T0)
    file = GivenData(hourly(1.0), clock, name="file")

    assert issubclass(GridClient, CanReadMany)
    assert not any(isinstance(grid, CanReadMany) for grid in (file, StaticData(), BandedData(file, clock)))
    assert bare(BandedData(file, clock)) is bare(file) is file
