"""What a job draws: watts as given, or a machine by the published tables, always with the source."""

import pytest

from gridtide.accounting.draw import draw_of
from gridtide.accounting.energy import PowerSource
from gridtide.domain.errors import InvalidInput


def test_nothing_given_is_nothing_known():
    """Without a figure there is none; it is never zero."""
    assert draw_of() is None


def test_watts_stay_as_they_were_given():
    """The owner knows best; the site's share is only added when it is named."""
    assert (draw_of(power_w=0.0).power_w, draw_of(power_w=350.0, place="aws:eu-west-1").pue) == (0.0, 1.0)
    assert draw_of(power_w=350.0, pue=1.2).pue == 1.2


def test_a_machine_is_the_sum_of_its_parts():
    """8 vCPUs at half load, 32 GB and one A100: 8 x 2.12 + 32 x 0.392 + 226.5 W."""
    draw = draw_of(vcpus=8, memory_gb=32, gpu="a100")

    assert draw.power_w == pytest.approx(8 * 2.12 + 32 * 0.392 + 226.5)
    assert (draw.source, draw.relative_error) == (PowerSource.COEFFICIENTS, 0.35)
    assert "Cloud Carbon Footprint" in draw.note
    assert "NVIDIA_TESLA_A100" in draw.note
    assert "as no cloud is named" in draw.note


def test_a_cloud_region_brings_its_own_figures():
    """Watts of that cloud and the effectiveness of that site, fleet where the site is not published."""
    iowa, ireland = draw_of(vcpus=4, place="gcp:us-central1"), draw_of(vcpus=4, place="aws:eu-west-1")

    assert (iowa.pue, ireland.pue) == (1.11, 1.135)
    assert iowa.power_w != ireland.power_w
    assert "no cloud" not in iowa.note


def test_an_own_server_counts_with_its_thermal_design_power():
    """Half of 225 W and 3 W for every 8 GB."""
    draw = draw_of(processor="EPYC 7742", memory_gb=64)

    assert (draw.power_w, draw.source, draw.pue) == (pytest.approx(112.5 + 24.0), PowerSource.TDP, 1.0)
    assert draw.note == "TDP of AMD EPYC 7742 at 50% load"


def test_virtual_processors_of_a_generation_use_its_row():
    """Four of an EPYC of the second generation at full load take 1.69 W each."""
    assert draw_of(vcpus=4, processor="amd epyc 2nd gen", load=1.0).power_w == pytest.approx(6.76)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"gpu": "h100"}, "gpu"),
        ({"processor": "Abacus 3"}, "processor"),
        ({"gpus": 2, "vcpus": 1}, "gpus"),
        ({"gpu": "t4", "gpus": 0}, "gpus"),
        ({"vcpus": -1}, "vcpus"),
        ({"vcpus": float("nan")}, "vcpus"),
        ({"vcpus": 1, "load": 1.5}, "load"),
        ({"memory_gb": 4}, "vcpus"),
        ({"power_w": 1.0, "vcpus": 1}, "vcpus"),
        ({"power_w": -1.0}, "power_w"),
        ({"power_w": 1.0, "pue": 0.5}, "pue"),
        ({"pue": 1.1}, "pue"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_by_its_name(given, field):
    """Unknown models list what comes close; nothing is guessed."""
    with pytest.raises(InvalidInput) as caught:
        draw_of(**given)

    assert caught.value.facts["field"] == field
