"""Recorded replies without an entry among the expected parses: what they say, read off by hand."""

from __future__ import annotations

import pytest

from gridtide.domain.errors import ProviderUnavailable, Unauthorized, ZoneNotCovered
from gridtide.domain.instants import isoformat, parse_instant
from gridtide.domain.interval import Interval
from gridtide.domain.signal import Quality, Scope, SignalKind
from gridtide.grid.provider import Ask, Product, Reply
from gridtide.grid.providers.electricity_maps import ElectricityMaps
from gridtide.grid.providers.watttime import WattTime
from provider_contract import reply
from support import shared_dir

pytestmark = pytest.mark.shared

MAPS = ElectricityMaps(api_key="k")
NOON = Interval(parse_instant("2026-01-01T08:00Z"), parse_instant("2026-01-01T12:00Z"))


def sample(name: str, *, status: int = 200) -> Reply:
    return reply((shared_dir("data", "samples") / name).read_bytes(), status=status)


def ask(product: Product = Product.CURRENT, kind: SignalKind = SignalKind.AVERAGE, zone: str = "XX") -> Ask:
    return Ask(zone=zone, product=product, window=NOON, kind=kind, now=NOON.end)


def test_past_range_is_history_with_its_labels() -> None:
    """Two measured hours of lifecycle emissions, each beginning at its label."""
    series = MAPS.parse(ask(Product.HISTORY), (sample("electricitymaps_past_range.json"),))

    assert [(isoformat(start), isoformat(end), value) for start, end, value, _ in series] == [
        ("2026-01-01T08:00:00Z", "2026-01-01T09:00:00Z", 120.0),
        ("2026-01-01T09:00:00Z", "2026-01-01T10:00:00Z", 115.0),
    ]
    assert {quality for *_, quality in series} == {Quality.MEASURED}
    assert series.signal.scope is Scope.LIFECYCLE


def test_answer_for_home_assistant_is_the_present_hour() -> None:
    """Its shape has the values in an object of their own and the unit beside it."""
    series = MAPS.parse(ask(), (sample("electricitymaps_home_assistant.json"),))

    assert [(isoformat(start), value) for start, _, value, _ in series] == [("2026-01-01T10:00:00Z", 111.0)]


def test_level_is_a_rank_and_never_grams() -> None:
    """Low stands for nought of a hundred, as a relative signal."""
    series = MAPS.parse(ask(kind=SignalKind.RELATIVE), (sample("electricitymaps_level.json"),))

    assert series.values.tolist() == [0.0]
    assert series.signal.kind is SignalKind.RELATIVE
    assert not series.signal.is_absolute


@pytest.mark.parametrize("version", ["v3", "v4"])
def test_zones_tell_what_a_key_may_ask(version: str) -> None:
    """An object in the third version, a list in the fourth; nothing is granted that is not named."""
    access = MAPS.parse_access(sample(f"electricitymaps_zones_{version}.json"))

    assert access.allows("XX", Product.CURRENT, SignalKind.AVERAGE)
    assert access.allows("XX", Product.FORECAST, SignalKind.AVERAGE)
    assert not access.allows("ZZ", Product.CURRENT, SignalKind.AVERAGE)
    if version == "v3":
        assert access.allows("YY-Z1", Product.CURRENT, SignalKind.AVERAGE)
        assert not access.allows("YY-Z1", Product.FORECAST, SignalKind.AVERAGE)


def test_refusal_by_plan_is_no_wrong_key() -> None:
    """A 401 about one zone and product loses that one only."""
    error = MAPS.explain(ask(zone="DK-DK2"), sample("electricitymaps_error_401_plan.json", status=401))

    assert isinstance(error, Unauthorized)
    assert error.facts["cause"] == "plan"


def test_zone_without_data_is_not_covered() -> None:
    """The service knows the path and has nothing for the zone."""
    error = MAPS.explain(ask(), sample("electricitymaps_error_404.json", status=404))

    assert isinstance(error, ZoneNotCovered)


def test_refused_registration_is_no_login() -> None:
    """Registering is the user's own affair; its refusal is never taken for a token."""
    provider = WattTime("user", "password")
    with pytest.raises(ProviderUnavailable, match="That username is taken"):
        provider.parse_login(sample("watttime_error_400_register.json"))
