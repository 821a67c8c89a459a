"""Places that other tools put into a wrong zone, or into one that does not exist."""

import pytest

from gridtide.domain.errors import UnmappedRegion
from gridtide.grid import chain
from gridtide.grid.catalogue import Catalogue
from gridtide.grid.providers.registry import make


@pytest.mark.parametrize(
    ("region", "zone"),
    [
        ("aws:ca-central-1", "CA-QC"),
        ("gcp:northamerica-northeast1", "CA-QC"),
        ("gcp:northamerica-northeast2", "CA-ON"),
        ("aws:us-east-1", "US-MIDA-PJM"),
        ("aws:ap-northeast-3", "JP-KN"),
        ("gcp:southamerica-west1", "CL-SEN"),
    ],
)
def test_a_region_lies_in_the_grid_of_its_machines(region, zone):
    """Montreal is in Quebec, whose water power is not Ontario's mix."""
    assert Catalogue().resolve(region).zone.key == zone


@pytest.mark.parametrize(
    ("invented", "meant"), [("US-PJM", "US-MIDA-PJM"), ("US-SOCO", "US-SE-SOCO"), ("US-SW-NEVP", "US-NW-NEVP")]
)
def test_a_zone_that_does_not_exist_is_refused_with_the_one_that_does(invented, meant):
    """It is never taken for data of nowhere."""
    with pytest.raises(UnmappedRegion) as refused:
        Catalogue().resolve(invented)

    assert meant in refused.value.hint


@pytest.mark.parametrize("region", ["aws:eu-west-2", "gcp:europe-west3", "azure:uksouth", "aws:us-west-1"])
def test_a_key_counts_on_a_cloud_region_too(region):
    """A recognised region is no reason to fall back to yearly figures or to sources without a key."""
    keyed = make("electricitymaps", {"ELECTRICITYMAPS_API_KEY": "k"})
    keyless = [make(name) for name in ("uk", "energy-charts", "caiso")]
    order = chain.candidates(
        Catalogue().resolve(region).zone, [*keyless, keyed], kind=None, purpose="report", prefer=()
    )

    assert order[0].name == "electricitymaps"
