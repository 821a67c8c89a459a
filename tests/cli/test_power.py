"""Power by the machine: grams without a meter, with the source of the watts in every answer."""

import pytest

JOB = ("--duration", "1h", "--finish-by", "2026-01-01T06:00Z")


def test_a_plan_counts_grams_for_a_machine(run, given):
    """Emissions follow from vCPUs, memory and an accelerator; the answer says whose coefficients they are."""
    answer = run("plan", *given, *JOB, "--vcpus", "8", "--memory-gb", "32", "--gpu", "a100", "--json").json

    assert answer["power"]["power_w"] == pytest.approx(256.004)
    assert answer["power"]["source"] == "coefficients"
    assert answer["power"]["relative_error_percent"] == 35.0
    assert answer["workload"]["power_w"] == pytest.approx(256.004)
    assert answer["baselines"]["run-now"]["emissions_g"] == pytest.approx(0.256004 * 300)


def test_people_read_the_source_of_the_watts(run, given):
    """A model is never taken for a meter."""
    words = run("plan", *given, *JOB, "--processor", "EPYC 7742").out

    assert "112.5 W, TDP of AMD EPYC 7742 at 50% load, within 50% or so" in words


def test_a_cloud_region_brings_the_effectiveness_of_its_site(run):
    """The PUE of the region multiplies the grams."""
    argv = ("plan", "--provider", "static", "--region", "gcp:europe-west1", "--duration", "1h", "--max-delay", "2h")
    answer = run(*argv, "--vcpus", "4", "--json").json

    assert (answer["power"]["pue"], answer["workload"]["pue"]) == (1.09, 1.09)


def test_run_says_and_records_the_modelled_power(run, given):
    """The same flags before a command, said aloud before the wait."""
    result = run("run", *given, *JOB, "--vcpus", "2", "--dry-run", "--json", "--", "true")

    assert result.json["power"]["source"] == "coefficients"
    assert result.json["decision"]["emissions_g"] is not None


@pytest.mark.parametrize(
    ("flags", "field"),
    [
        (("--gpu", "h100"), "--gpu"),
        (("--memory-gb", "8"), "--vcpus"),
        (("--vcpus", "1", "--load", "150"), "--load"),
        (("--power", "100", "--vcpus", "1"), "--vcpus"),
        (("--pue", "1.2"), "--pue"),
    ],
)
def test_a_wrong_machine_is_a_usage_error_of_its_flag(run, given, flags, field):
    """The flag is named, and nothing is guessed."""
    result = run("plan", *given, *JOB, *flags, "--json")

    assert (result.code, result.json["error"]["field"]) == (2, field)
