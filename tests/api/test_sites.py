"""Round trips between regions are the measured ones where there are any."""

import pytest

from gridtide.api.sites import Region, Sites
from gridtide.domain.decision import FreshnessStep
from gridtide.domain.ports import Reading
from gridtide.grid.catalogue import Catalogue
from support import T0, hourly

CATALOGUE = Catalogue()


def region(name):
    return Region(
        name, CATALOGUE.resolve(name), Reading(series=hourly(100.0, 100.0, start=T0), step=FreshnessStep.LIVE)
    )


@pytest.mark.parametrize(
    ("home", "other", "expected"),
    [
        ("gcp:asia-east1", "gcp:asia-northeast1", pytest.approx(34.0)),
        ("aws:eu-west-1", "aws:eu-central-1", pytest.approx(18.0, abs=6.0)),
    ],
    ids=["measured", "from the distance"],
)
def test_round_trips(home, other, expected):
    """Google's regions answer from the measured table, others from the great circle."""
    sites = Sites.weigh(CATALOGUE, region(home), [region(other)], latency_budgets=None)

    assert sites.others[0].round_trip_ms == expected


def test_a_region_over_its_budget_is_left_out_with_both_numbers():
    """The measured 34 ms do not fit into 20."""
    sites = Sites.weigh(
        CATALOGUE,
        region("gcp:asia-east1"),
        [region("gcp:asia-northeast1")],
        latency_budgets={"gcp:asia-northeast1": 20.0},
    )

    assert sites.others == ()
    assert "its round trip is about 34 ms; the budget is 20 ms" in sites.left_out[0]


@pytest.mark.parametrize(
    ("home", "other", "stated", "expected"),
    [
        ("aws:eu-west-1", "aws:ap-south-1", 1.0, (1.11, 1.42)),
        ("aws:eu-west-1", "FR", 1.0, (1.11, 1.11)),
        ("FR", "aws:ap-south-1", 1.0, (1.0, 1.0)),
        ("FR", "DE", 1.5, (1.5, 1.5)),
        ("FR", "aws:ap-south-1", 1.5, (1.5, 1.42)),
        ("aws:eu-west-1", "FR", 1.5, (1.5, 1.5)),
    ],
    ids=["both published", "home only", "other only", "stated", "stated and published", "stated over published"],
)
def test_power_usage_effectiveness_favours_no_side(home, other, stated, expected):
    """One side's figure alone counts for both when it is home's, and for none when it is the other's."""
    sites = Sites.weigh(CATALOGUE, region(home), [region(other)], latency_budgets=None, pue=stated)

    assert (sites.home.pue, sites.others[0].pue) == expected
