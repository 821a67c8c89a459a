"""Addresses as other tools write them lead to the same requests as ours."""

from datetime import UTC, datetime, timedelta

import pytest

from gridtide.api.live import open_live
from gridtide.config.load import load_settings
from gridtide.domain.decision import FreshnessStep
from gridtide.domain.interval import Interval
from gridtide.domain.ports import SignalQuery
from gridtide.domain.zone import Zone
from gridtide.testing import FakeClock, FakeGridServer, flat_series

NOW = datetime(2026, 3, 4, 14, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ending", "version"), [("", "v4"), ("/", "v4"), ("/v3", "v3"), ("/v3/", "v3"), ("/v4/", "v4")], ids=repr
)
def test_a_version_in_the_address_is_the_version_that_is_asked(ending, version):
    """The exporter's default address ends with its version; it is not asked for twice."""
    clock = FakeClock(NOW)

    async def value(settings):
        async with open_live(settings, clock) as grid:
            window = Interval(NOW, NOW + timedelta(hours=1))
            return await grid.read(SignalQuery(zone=Zone("DE"), window=window))

    with FakeGridServer({"electricitymaps": flat_series(200.0)}, clock=clock) as server:
        env = {
            "ELECTRICITY_MAPS_API_TOKEN": "fake-key",
            "ELECTRICITY_MAPS_API_URL": server.base_url("electricitymaps") + ending,
            "GRIDTIDE_PROVIDER": "electricitymaps",
        }
        reading = clock.run(value(load_settings(env=env)))
        paths = set(server.log.per_path("electricitymaps"))

    assert (reading.step, reading.series.value_at(NOW)) == (FreshnessStep.LIVE, 200.0)
    assert paths
    assert all(path.startswith(f"/{version}/") for path in paths), paths
