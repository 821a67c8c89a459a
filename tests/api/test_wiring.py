"""Putting the rooms together: sources, credentials, fallbacks, comparable readings."""

import logging

import pytest

from gridtide.api import live, wiring
from gridtide.api.clocks import ScaledClock
from gridtide.api.given import GivenData, StaticData
from gridtide.config.checks import BUILT_IN, canonical_provider
from gridtide.config.load import load_settings
from gridtide.config.settings import PROVIDERS, rows
from gridtide.domain.decision import FreshnessStep
from gridtide.domain.errors import ConfigurationError, MissingCredential
from gridtide.domain.interval import Interval
from gridtide.domain.ports import GridData, SignalQuery
from gridtide.domain.signal import Quality, SignalKind
from gridtide.domain.zone import Zone
from gridtide.grid.chain import KEYLESS_ORDER
from gridtide.grid.providers.registry import all_providers
from support import T0, at, hourly


def names(**document):
    """Sources that take part under those settings."""
    return [provider.info.name for provider in live.build_providers(load_settings(document=document))]


# -- settings and sources agree ----------------------------------------------------------------------------------------


def test_every_source_has_its_settings():
    """A source that can be made can be configured, and the other way round."""
    assert set(PROVIDERS) == set(all_providers())


@pytest.mark.parametrize("name", sorted(all_providers()))
def test_credentials_have_the_same_names_everywhere(name):
    """Parameters and environment names of a source are those of its settings."""
    spec, table = all_providers()[name], {row.name: row for row in rows()}

    assert set(PROVIDERS[name]) == {credential.parameter for credential in spec.credentials}
    for credential in spec.credentials:
        assert set(table[f"providers.{name}.{credential.parameter}"].env_aliases) == set(credential.variables)
    assert set(table[f"providers.{name}.base_url"].env_aliases) == set(spec.url_variables)


# -- who takes part ----------------------------------------------------------------------------------------------------


def test_auto_takes_every_source_without_a_key():
    """A newcomer has all of them."""
    assert set(names()) == set(KEYLESS_ORDER)


def test_auto_takes_a_source_whose_key_is_set():
    """Setting the key is all that is needed."""
    assert "eia" in names(providers={"eia": {"apiKey": "k"}})


def test_auto_takes_an_own_server_when_its_address_is_set():
    """A Carbon Aware SDK server is somebody's own."""
    assert "casdk" in names(providers={"casdk": {"baseUrl": "https://sdk.example", "options": {"kind": "average"}}})


def test_a_named_source_goes_alone():
    """Nobody else is asked."""
    assert names(provider="uk") == ["uk"]


def test_named_fallbacks_follow_in_order():
    """As they are written."""
    assert names(provider="uk", fallbackProviders=["energy-charts"]) == ["uk", "energy-charts"]


def test_b16_a_named_source_without_its_key_is_refused():
    """The message has the variable."""
    with pytest.raises(MissingCredential, match="provider eia needs EIA_API_KEY"):
        names(provider="eia")


def test_b16_a_named_source_without_its_key_gives_way_to_its_fallback(caplog):
    """Where a fallback was named, it takes over with a warning."""
    caplog.set_level(logging.WARNING)

    assert names(provider="eia", fallbackProviders=["uk"]) == ["uk"]
    assert "eia needs EIA_API_KEY; the next source takes its place" in caplog.text


def test_b27_a_fallback_of_another_kind_is_refused():
    """A price is no stand-in for a carbon intensity, unless mixing is allowed and then labelled."""
    mixed = {"provider": "uk", "fallbackProviders": ["energy-charts-price"]}
    with pytest.raises(ConfigurationError) as caught:
        names(**mixed)

    assert caught.value.message == (
        "fallback_providers holds energy-charts-price, which gives price signals; uk gives average"
    )
    assert names(**mixed, policies={"allowSignalMix": True}) == ["uk", "energy-charts-price"]


def test_the_key_of_the_template_belongs_to_the_source_beside_it():
    """``apiKey`` with ``provider`` is the first description's way."""
    settings = load_settings(document={"provider": "electricityMaps".lower(), "apiKey": "k"})

    assert str(wiring.credentials(settings, "electricitymaps")["api_key"].reveal()) == "k"
    assert wiring.credentials(settings, "eia") == {}


def test_a_pair_of_name_and_password_may_stand_in_one_key():
    """WattTime logs in with both; the template has one place for them."""
    found = wiring.credentials(load_settings(document={"provider": "watttime", "apiKey": "me:s3cret"}), "watttime")

    assert (found["username"], found["password"]) == ("me", "s3cret")


def test_options_of_a_source_reach_it():
    """A Prometheus query is an option."""
    options = {"query": "carbon", "unit": "gCO2eq/kWh", "kind": "average"}
    document = {
        "provider": "prometheus",
        "providers": {"prometheus": {"baseUrl": "https://p.example", "options": options}},
    }

    assert names(**document) == ["prometheus"]


def test_an_option_that_does_not_exist_is_refused():
    """With the nearest."""
    with pytest.raises(ConfigurationError, match="has no option"):
        names(provider="uk", providers={"uk": {"options": {"speed": 5}}})


@pytest.mark.parametrize(
    "name", ["WattTime", "ElectricityMaps", "CarbonIntensityOrgUK", "Ember", "energy_charts", "NESO"]
)
def test_names_of_other_tools_are_understood(name):
    """Settings of an exporter work here."""
    assert canonical_provider(name) in {*BUILT_IN, *PROVIDERS}


# -- data that come from no network ------------------------------------------------------------------------------------


def query(start=0, end=4, **facts):
    return SignalQuery(zone=Zone("X"), window=Interval(at(start), at(end)), **facts)


async def test_given_values_after_now_are_a_forecast():
    """Whatever the file calls them."""
    clock = ScaledClock(at(1.5), speed=0)
    given = GivenData(hourly(1.0, 2.0, 3.0, 4.0), clock, name="file f.csv")
    reading = await given.read(query())

    assert isinstance(given, GridData)
    assert [quality for *_, quality in reading.series] == [Quality.MEASURED] * 2 + [Quality.FORECAST] * 2
    assert reading.series.signal.quality is Quality.FORECAST


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (query(10, 11), "f covers 2026-01-01T00:00:00Z/2026-01-01T02:00:00Z, not 2026-01-01T10:00:00Z/2026-01-01T11:00:00Z"),
        (query(kind=SignalKind.MARGINAL), "f holds a average signal, not marginal"),
    ],
    ids=["elsewhen", "other-kind"],
)  # fmt: skip
async def test_given_values_that_do_not_fit_are_none(asked, reason):
    """With the reason, and never another kind instead."""
    reading = await GivenData(hourly(1.0, 2.0), ScaledClock(T0, speed=0), name="f").read(asked)

    assert (reading.step, reading.reason) == (FreshnessStep.NONE, reason)
    assert not reading.series


async def test_the_yearly_table_says_what_it_is():
    """Flat, static, credited."""
    reading = await StaticData().read(query())

    assert reading.step is FreshnessStep.STATIC
    assert reading.series.signal.quality is Quality.STATIC


async def test_redis_is_used_where_it_is_asked_for():
    """The settings choose the driver; the address is theirs."""
    settings = load_settings(
        document={"cache": {"driver": "redis", "redisUrl": "redis://127.0.0.1:1/0"}, "provider": "uk"}
    )
    async with wiring.open_grid(settings, ScaledClock(T0, speed=0)) as grid:
        assert isinstance(grid, GridData)
