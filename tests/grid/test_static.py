"""Yearly values: the nearest figure wins, and it is never called current."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gridtide.domain.interval import Interval
from gridtide.domain.signal import Quality, Scope
from gridtide.domain.zone import Zone
from gridtide.grid.catalogue import Catalogue
from gridtide.grid.static import StaticTable

CATALOGUE = Catalogue()
DAY = Interval(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))


@pytest.mark.parametrize(
    ("place", "code", "kind", "value"),
    [
        ("gcp:europe-west1", "gcp:europe-west1", "region", 103.37),
        ("aws:us-east-1", "US-VA", "state", 244.76),
        ("US-CAL-CISO", "US-CA", "state", 179.06),
        ("aws:eu-north-1", "SE-SE3", "area", 27.0),
        ("FI", "FI", "area", 72.0),
        ("GB-13", "GB", "country", 237.59),
        ("aws:ap-northeast-1", "JP", "country", 485.39),
        ("US-MIDW-MISO", "US", "country", 369.47),
        ("AD", "WORLD", "world", 475.0),
    ],
)
def test_the_nearest_figure_wins(place, code, kind, value):
    """Cloud region, state, bidding zone, country, world, in that order."""
    found = StaticTable().value(CATALOGUE.resolve(place).zone)

    assert (found.code, found.kind, found.g_per_kwh) == (code, kind, value)


def test_a_value_is_labelled_static_with_its_year_and_never_current():
    """Quality, year, place and credit travel with it; its issue date is the end of its year."""
    series = StaticTable().series(CATALOGUE.resolve("DE").zone, DAY)

    assert series.quality_at(DAY.start) is Quality.STATIC
    assert series.signal.method == "average of 2023 for Germany (country)"
    assert series.signal.attribution == "Ember and Our World in Data, CC BY 4.0"
    assert series.signal.issued_at == datetime(2023, 12, 31, tzinfo=UTC)
    assert [(s, e) for s, e, _, _ in series] == [(DAY.start, DAY.end)]


def test_places_are_comparable_in_one_scope():
    """Virginia's own figure is direct; with lifecycle asked, both sides are country figures."""
    table = StaticTable()
    virginia = table.series(CATALOGUE.resolve("aws:us-east-1").zone, DAY, scope=Scope.LIFECYCLE)
    ireland = table.series(CATALOGUE.resolve("aws:eu-west-1").zone, DAY, scope=Scope.LIFECYCLE)

    assert (virginia.signal.scope, ireland.signal.scope) == (Scope.LIFECYCLE, Scope.LIFECYCLE)


def test_a_zone_nobody_knows_gets_the_worlds_value_with_its_name():
    """A usable number always exists, and says that it is the world's."""
    series = StaticTable().series(Zone(key="ZZ-NOWHERE"), DAY, scope=Scope.LIFECYCLE)

    assert (series.signal.zone, series.signal.scope) == ("WORLD", Scope.DIRECT)


def test_reports_can_go_on_with_the_factors_of_cloud_carbon_footprint():
    """On request a region's own factor counts; places without one, or with a scope asked, get the usual figure."""
    table = StaticTable(ccf=True)
    region, plain = CATALOGUE.resolve("aws:us-east-1").zone, CATALOGUE.resolve("US-CAL-CISO").zone

    assert (table.value(region).g_per_kwh, table.value(region).scope) == (379.07, Scope.UNKNOWN)
    assert table.value(region, scope=Scope.DIRECT).code == "US-VA"
    assert table.value(plain).code == "US-CA"
