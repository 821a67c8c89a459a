"""Watching zones: events while the block lasts, one failing zone alone, no faster than asked, nothing left behind."""

import asyncio
from datetime import timedelta

import httpx2
import pytest

from gridtide.api.scheduler import CarbonScheduler
from gridtide.api.watch import watch
from gridtide.domain.decision import FreshnessStep
from gridtide.domain.errors import InvalidInput, UnmappedRegion
from gridtide.domain.ports import Reading
from gridtide.grid.delivery import WebhookSender
from gridtide.grid.events import Bands, EventBus, EventType
from gridtide.grid.webhook import WebhookKey, WebhookVerifier
from gridtide.testing import FakeClock, FakeGridServer, Fault
from support import HOUR, T0, at, hourly

MINUTE = timedelta(minutes=1)
DAY = hourly(300.0, 200.0, 100.0, 0.0, 250.0, 400.0, *[400.0] * 40)
KEY = WebhookKey.parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")


class Grid:
    """Grid data by zone key; an exception is raised, None never answers."""

    def __init__(self, clock, **series):
        self.clock, self.series, self.asked = clock, series, []

    async def read(self, query):
        self.asked.append((query.zone.key, self.clock.now()))
        found = self.series[query.zone.key]
        if found is None:
            await asyncio.Event().wait()
        if isinstance(found, Exception):
            raise found
        return Reading(series=found, step=FreshnessStep.LIVE)


def told(subscription):
    """What a closed subscription still holds, as (zone, type, instant, value)."""

    async def collect():
        subscription.close()
        return [(e.zone, e.type, e.at, e.data.get("value")) async for e in subscription]

    return collect()


def follow(clock, source, zones, *, lasts, types=(EventType.INTENSITY_UPDATED,), bus=None, **options):
    """Watch for a while of virtual time; gives the watch and what was told."""
    bus = bus or EventBus()

    async def main():
        subscription = bus.subscribe(types=types, size=10_000)
        async with watch(source, zones, bus, clock=clock, **options) as watching:
            await asyncio.sleep(lasts.total_seconds())
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert left == []
        return watching, await told(subscription)

    return clock.run(main())


def test_each_value_is_told_when_it_begins_to_hold():
    """Once, at the first round that sees it."""
    clock = FakeClock(T0)
    watching, events = follow(clock, Grid(clock, DE=DAY), ["DE"], lasts=2 * HOUR + MINUTE, every="10m")

    assert events == [("DE", EventType.INTENSITY_UPDATED, at(h), v) for h, v in enumerate((300.0, 200.0, 100.0))]
    assert (watching.zones, watching.rounds, dict(watching.failures)) == (("DE",), 13, {})


def test_bands_are_told_when_they_are_given():
    """Without them there are no such events."""
    clock = FakeClock(T0)
    options = {"lasts": 3 * HOUR + MINUTE, "types": (EventType.BAND_CHANGED,)}
    _, with_bands = follow(clock, Grid(clock, DE=DAY), ["DE"], bands=Bands((150, 250)), **options)
    _, without = follow(clock, Grid(clock, DE=DAY), ["DE"], **options)

    assert [value for *_, value in with_bands] == [300.0, 200.0, 100.0]
    assert without == []


def test_a_zone_that_fails_or_hangs_stops_no_other():
    """It is said to be degraded, once, and comes back when it answers."""
    clock = FakeClock(T0)
    grid = Grid(clock, DE=DAY, FR=RuntimeError("broken"), GB=None)
    degraded = (EventType.INTENSITY_UPDATED, EventType.PROVIDER_DEGRADED)
    bus = EventBus()

    async def main():
        subscription = bus.subscribe(types=degraded)
        async with watch(grid, ["FR", "GB", "DE"], bus, clock=clock, every=5 * MINUTE):
            await asyncio.sleep(HOUR.total_seconds() + 60)
            grid.series["FR"] = DAY
            await asyncio.sleep(600)
        return await told(subscription)

    events = clock.run(main())

    assert [(z, v) for z, kind, _, v in events if kind is EventType.INTENSITY_UPDATED] == [
        ("DE", 300.0),
        ("DE", 200.0),
        ("FR", 200.0),
    ]
    assert {z: sum(e[:2] == (z, EventType.PROVIDER_DEGRADED) for e in events) for z in ("FR", "GB", "DE")} == {
        "FR": 1,
        "GB": 1,
        "DE": 0,
    }


def test_a_fault_of_the_comparison_is_counted_and_said_once(caplog):
    """Whatever breaks in one zone is that zone's alone."""
    clock = FakeClock(T0)

    class Odd(Grid):
        async def read(self, query):
            reading = await super().read(query)
            return None if query.zone.key == "FR" else reading

    watching, events = follow(clock, Odd(clock, DE=DAY, FR=DAY), ["FR", "DE"], lasts=2 * HOUR, every=HOUR)

    assert {zone for zone, *_ in events} == {"DE"}
    assert watching.failures["FR"] == watching.rounds
    assert caplog.text.count("zone FR cannot be watched for now") == 1


def test_rounds_come_no_faster_than_asked_and_are_never_caught_up():
    """A round that takes longer than the pause makes the next one late, not two of them."""
    clock = FakeClock(T0)
    grid = Grid(clock, GB=None)
    follow(clock, grid, ["GB"], lasts=100 * MINUTE / 60, every="5s")
    times = [(moment - T0).total_seconds() for _, moment in grid.asked]

    assert times == [0.0, 21.0, 42.0, 63.0, 84.0]


def test_no_more_than_eight_zones_are_asked_at_once():
    """However many are watched."""
    clock = FakeClock(T0)
    busy, most = 0, 0

    class Slow(Grid):
        async def read(self, query):
            nonlocal busy, most
            busy += 1
            most = max(most, busy)
            await asyncio.sleep(1)
            busy -= 1
            return Reading(series=DAY, step=FreshnessStep.LIVE)

    zones = [f"GB-{k}" for k in range(1, 18)] + ["DE", "FR", "GB"]
    watching, events = follow(clock, Slow(clock), zones, lasts=MINUTE)

    assert (most, watching.rounds, len(events)) == (8, 1, 20)


def test_a_scheduler_with_a_real_provider_is_watched_through_its_outage():
    """Against a server on loopback: values, then that the source is gone, then values again."""
    clock = FakeClock(T0)
    kinds = (EventType.INTENSITY_UPDATED, EventType.PROVIDER_DEGRADED)
    bus = EventBus()
    with FakeGridServer({"uk": DAY}, clock=clock) as server:
        config = {"provider": "uk", "providers": {"uk": {"base_url": server.base_url("uk")}}}

        async def main():
            subscription = bus.subscribe(types=kinds)
            async with (
                CarbonScheduler(config, clock=clock) as scheduler,
                watch(scheduler, ["GB"], bus, clock=clock, every=15 * MINUTE) as watching,
            ):
                await asyncio.sleep(HOUR.total_seconds() + 60)
                server.fault("uk", Fault.status(503))
                await asyncio.sleep(24 * HOUR.total_seconds())
                before = len(server.log)
                server.heal()
                await asyncio.sleep(8 * HOUR.total_seconds())
            return watching, before, await told(subscription)

        watching, before, events = clock.run(main())
    first = [kind for _, kind, *_ in events]

    assert first[0] is EventType.INTENSITY_UPDATED
    assert EventType.PROVIDER_DEGRADED in first
    assert events[-1][1] is EventType.INTENSITY_UPDATED
    assert events[-1][2] > at(25)
    assert (watching.rounds, dict(watching.failures)) == (133, {})
    assert before < len(server.log) < 600


def test_webhooks_get_every_event_signed():
    """The sender is fed by the same bus, and ends with the block."""
    clock, seen = FakeClock(T0), []

    def receive(request):
        seen.append(WebhookVerifier([KEY], clock).verify(request.headers, request.content))
        return httpx2.Response(200)

    sender = WebhookSender("https://hooks.example.org/", (KEY,), clock, transport=httpx2.MockTransport(receive))
    _, events = follow(
        clock, Grid(clock, DE=DAY), ["DE"], lasts=2 * HOUR + MINUTE, types=(), every="30m", senders=[sender]
    )

    assert len(seen) == len(events) == len(set(seen))
    assert sender.tally == {"delivered": len(events)}


def test_the_block_may_be_left_by_an_error_or_a_cancellation():
    """Nothing goes on afterwards, and the error is the caller's own."""
    clock = FakeClock(T0)
    grid = Grid(clock, DE=None)

    async def fails():
        async with watch(grid, ["DE"], EventBus(), clock=clock):
            await asyncio.sleep(1)
            raise ZeroDivisionError

    async def waits():
        async with watch(grid, ["DE"], EventBus(), clock=clock):
            await asyncio.Event().wait()

    async def main():
        with pytest.raises(ZeroDivisionError):
            await fails()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(waits(), 30)
        return len(asyncio.all_tasks())

    assert clock.run(main()) == 1


@pytest.mark.parametrize(
    ("zones", "options", "error"),
    [
        ([], {}, InvalidInput),
        ("GB", {}, InvalidInput),
        (["GB"] * 501, {}, InvalidInput),
        (["nowhere-at-all"], {}, UnmappedRegion),
        (["GB"], {"every": "0s"}, InvalidInput),
        (["GB"], {"every": 5}, InvalidInput),
        (["GB"], {"every": "2d"}, InvalidInput),
        (["GB"], {"ahead": timedelta(0)}, InvalidInput),
    ],
    ids=["none", "a text", "too many", "unknown", "no pause", "a number", "too rare", "nothing ahead"],
)
async def test_what_cannot_be_watched_is_refused_at_once(zones, options, error):
    """Before anything is asked."""
    clock = FakeClock(T0)
    grid = Grid(clock)
    with pytest.raises(error):
        async with watch(grid, zones, EventBus(), clock=clock, **options):
            pass

    assert grid.asked == []


def test_a_place_named_twice_is_watched_once():
    """A cloud region is its zone."""
    clock = FakeClock(T0)
    watching, events = follow(clock, Grid(clock, IE=DAY), ["aws:eu-west-1", "IE"], lasts=MINUTE)

    assert (watching.zones, len(events)) == (("IE",), 1)
