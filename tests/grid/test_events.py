"""Events from readings: what counts as a change, and what a slow subscriber costs the others."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.decision import FreshnessStep
from gridtide.domain.errors import InvalidInput
from gridtide.domain.ports import Reading
from gridtide.domain.series import Series
from gridtide.grid.events import Bands, Event, EventBus, EventType, ReadingWatch
from support import DEMO, T0, at, hourly

HOUR = timedelta(hours=1)


def reading(*values, step=FreshnessStep.LIVE, start=T0):
    return Reading(series=hourly(*values, start=start), step=step)


def nothing():
    return Reading(series=Series(DEMO, [], [], []), step=FreshnessStep.NONE)


def types(events):
    return [str(event.type) for event in events]


class TestWatch:
    def test_the_first_reading_tells_everything(self):
        """A subscriber need not wait for a change to know where it stands."""
        events = ReadingWatch(Bands((100, 200))).observe("GB", reading(150, 90), T0)

        assert types(events) == ["intensity.updated", "band.changed", "forecast.updated"]
        assert events[0].data["value"] == 150
        assert events[0].data["since"] == "2026-01-01T00:00:00Z"
        assert (events[1].data["band"], events[1].data["was"]) == (1, None)

    def test_the_same_reading_again_tells_nothing(self):
        """Also a few minutes later, in the same step."""
        watch = ReadingWatch(Bands((100,)))
        watch.observe("GB", reading(150, 90, 80), T0)

        assert watch.observe("GB", reading(150, 90, 80), at(0.9)) == ()

    def test_the_next_step_of_the_same_forecast_is_a_new_value_and_no_new_forecast(self):
        """An hour passing is not a new forecast."""
        watch = ReadingWatch()
        watch.observe("GB", reading(150, 90, 80), T0)

        assert types(watch.observe("GB", reading(150, 90, 80), at(1))) == ["intensity.updated"]

    @pytest.mark.parametrize("values", [(150, 95, 80), (150, 90, 80, 70), (150, 90)])
    def test_a_forecast_that_says_something_else_is_new(self, values):
        """Another value, one more step, one step less."""
        watch = ReadingWatch()
        watch.observe("GB", reading(150, 90, 80), T0)

        assert types(watch.observe("GB", reading(*values), T0)) == ["forecast.updated"]

    def test_missing_data_are_an_unknown_band_and_never_a_clean_one(self):
        """Invariant I4: the band is told to be unknown; zero is a value in the cleanest band."""
        watch = ReadingWatch(Bands((100,)))
        watch.observe("GB", reading(150), T0)
        lost = watch.observe("GB", nothing(), T0)
        zero = watch.observe("GB", reading(0), T0)

        assert types(lost) == ["band.changed", "provider.degraded"]
        assert lost[0].data["band"] is None
        assert (zero[0].data["value"], zero[1].data["band"]) == (0.0, 0)

    def test_each_step_down_the_ladder_is_told_once(self):
        """Live to stale to static; a cached value is not a degradation, and neither is recovery."""
        watch = ReadingWatch()
        told = []
        steps = ["live", "cached", "stale", "stale", "static", "stale", "live", "stale"]
        for step in steps:
            events = watch.observe("GB", reading(150, step=FreshnessStep(step)), T0)
            told += [(e.data["was"], e.data["step"]) for e in events if e.type is EventType.PROVIDER_DEGRADED]

        assert told == [("cached", "stale"), ("stale", "static"), ("live", "stale")]

    def test_kinds_and_zones_are_watched_apart(self):
        """A marginal value is no change of the average one."""
        watch = ReadingWatch()
        watch.observe("GB", reading(150), T0)

        assert types(watch.observe("DE", reading(150), T0)) == ["intensity.updated"]

    def test_every_event_carries_its_labels(self):
        """A value without kind, unit, source and step means nothing."""
        event = ReadingWatch().observe("GB", reading(150), T0)[0]

        assert {"kind", "scope", "unit", "quality", "provider", "step", "issued_at", "attribution"} <= event.data.keys()
        assert event.body().startswith(b'{"type":"intensity.updated","timestamp":"2026-01-01T00:00:00Z","data":{"zone"')


class TestBands:
    def test_a_value_beside_an_edge_does_not_flutter(self):
        """With 5 g of hysteresis around 100, only 105 leaves the lower band and only below 95 the upper one."""
        bands = Bands((100, 200), hysteresis=5)
        path, band = [], None
        for value in (99, 101, 104.9, 105, 101, 96, 94.9, 99, 206, 94):
            band = bands.of(value, band)
            path.append(band)

        assert path == [0, 0, 0, 1, 1, 1, 0, 0, 2, 0]

    @pytest.mark.parametrize(("edges", "hysteresis"), [((), 0), ((1, 1), 0), ((2, 1), 0), ((1, 2), 0.5), ((1,), -1)])
    def test_impossible_bands_are_refused(self, edges, hysteresis):
        """Edges increase; the dead zone is narrower than a band."""
        with pytest.raises(InvalidInput):
            Bands(edges, hysteresis)

    @given(st.lists(st.floats(0, 300), min_size=1, max_size=30), st.floats(0, 49))
    @settings(max_examples=60, deadline=None)
    def test_a_band_is_never_further_off_than_its_dead_zone(self, values, hysteresis):
        """Whatever the path, the value lies in the band widened by the hysteresis."""
        bands, edges, band = Bands((100, 200), hysteresis), (-1, 100, 200, 1000), None
        for value in values:
            band = bands.of(value, band)
            assert edges[band] - hysteresis <= value <= edges[band + 1] + hysteresis


def event(value=1.0, zone="GB", kind=EventType.INTENSITY_UPDATED):
    return Event(type=kind, at=T0, zone=zone, data={"value": value})


class TestBus:
    async def test_everybody_gets_what_they_asked_for(self):
        """By type and by zone, in order."""
        bus = EventBus()
        everything, bands, german = (
            bus.subscribe(),
            bus.subscribe(types=[EventType.BAND_CHANGED]),
            bus.subscribe(zones=["DE"]),
        )
        bus.publish(event(1), event(2, kind=EventType.BAND_CHANGED), event(3, zone="DE"))
        got = []
        for subscription in (everything, bands, german):
            subscription.close()
            got.append([e.data["value"] async for e in subscription])

        assert got == [[1, 2, 3], [2], [3]]

    async def test_a_slow_subscriber_is_dropped_and_told_and_the_others_lose_nothing(self):
        """Bounded queues: two fit, the third drops it; it can still read what it had."""
        bus = EventBus()
        slow, quick = bus.subscribe(size=2), bus.subscribe(size=100)
        bus.publish(*(event(i) for i in range(10)))
        quick.close()

        assert slow.dropped
        assert (bus.dropped_total, len(bus)) == (1, 0)
        assert [e.data["value"] async for e in slow] == [0, 1]
        assert [e.data["value"] async for e in quick] == list(range(10))

    async def test_a_subscriber_waits_without_being_busy_and_ends_when_closed(self):
        """Iteration ends for one that waits."""
        bus = EventBus()
        subscription = bus.subscribe()

        async def collect():
            return [e async for e in subscription]

        task = asyncio.create_task(collect())
        await asyncio.sleep(0)
        bus.publish(event())
        subscription.close()
        subscription.close()

        assert len(await asyncio.wait_for(task, 1)) == 1

    def test_subscribers_and_queues_are_bounded(self):
        """A thousand and first subscriber, and an empty queue, are refused."""
        bus = EventBus(most_subscribers=1)
        bus.subscribe()

        with pytest.raises(InvalidInput):
            bus.subscribe()
        with pytest.raises(InvalidInput):
            EventBus().subscribe(size=0)
