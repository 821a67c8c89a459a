"""Energy comes from published coefficients, and says how sure it is."""

from datetime import timedelta

import pytest

from gridtide.accounting import coefficients, energy
from gridtide.accounting.energy import Machine, PowerSource
from gridtide.accounting.sci import SERVER_LIFE, embodied_g, sci
from gridtide.domain.errors import InvalidInput
from support import HOUR


class TestMachines:
    def test_a_vm_is_between_idle_and_full(self):
        """4 AWS vCPUs at half load and 16 GB: 4 x (0.74 + 0.5 x 2.76) + 16 x 0.392 W."""
        assert energy.machine_power_w(Machine(vcpus=4, memory_gb=16)) == pytest.approx(4 * 2.12 + 16 * 0.392)

    def test_an_idle_gpu_still_draws(self):
        """At zero load a T4 takes its idle power."""
        machine = Machine(vcpus=0, gpus=2, gpu="NVIDIA_T4", utilisation=0.0)

        assert energy.machine_power_w(machine) == pytest.approx(16.0)

    def test_an_unknown_gpu_lists_the_known_ones(self):
        """The message helps to find the right spelling."""
        with pytest.raises(InvalidInput, match="no gpu figure for 'T4'.*NVIDIA_T4|no gpu figure for 'T4'.*nvidia_t4"):
            energy.machine_power_w(Machine(vcpus=1, gpus=1, gpu="T4"))

    @pytest.mark.parametrize("field", ["vcpus", "memory_gb"])
    def test_negative_sizes_are_refused(self, field):
        """A machine cannot have less than nothing."""
        with pytest.raises(InvalidInput, match=f"{field} is -1"):
            Machine(**({"vcpus": 1.0} | {field: -1.0}))

    def test_an_own_server_uses_its_tdp(self):
        """A processor in the table counts with its TDP, an unknown one with 4 W a thread."""
        known = coefficients.cpu_tdp_w("AMD EPYC 4124P")

        assert energy.tdp_power_w("AMD EPYC 4124P", threads=8, utilisation=1.0) == known == 65.0
        assert energy.tdp_power_w("Unheard Of 1", threads=8, utilisation=1.0) == 32.0


class TestEnergy:
    def test_power_times_time_times_pue(self):
        """1 kW for two hours at a PUE of 1.2 is 2.4 kWh."""
        assert energy.constant(1000, 2 * HOUR, pue=1.2).kwh == pytest.approx(2.4)

    def test_a_profile_counts_its_mean(self):
        """Parts of equal length count alike."""
        assert energy.profile([100.0, 300.0], HOUR).kwh == pytest.approx(0.2)

    def test_a_modelled_figure_has_a_wider_band_than_a_meter(self):
        """The uncertainty of the power model travels with the energy."""
        modelled = energy.constant(100, HOUR, source=PowerSource.TDP)

        assert modelled.high_kwh - modelled.low_kwh > energy.measured(0.1).high_kwh - energy.measured(0.1).low_kwh

    @pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf")])
    def test_impossible_powers_are_refused(self, bad):
        """No negative, unknown or endless power."""
        with pytest.raises(InvalidInput, match="power is"):
            energy.constant(bad, HOUR)


class TestTables:
    def test_pue_falls_back_to_the_fleet(self):
        """A region without a figure takes its provider's, an unknown provider none."""
        assert coefficients.pue_of("gcp", "us-east4") == 1.08
        assert coefficients.pue_of("gcp", "nowhere") == 1.1
        assert coefficients.pue_of("own") is None

    def test_round_trips_are_symmetric(self):
        """A measured pair answers in both directions; the same region needs no time; unknown is None."""
        there = coefficients.measured_round_trip_ms("asia-east1", "asia-northeast1")

        assert there == coefficients.measured_round_trip_ms("asia-northeast1", "asia-east1") == 34
        assert coefficients.measured_round_trip_ms("asia-east1", "asia-east1") == 0
        assert coefficients.measured_round_trip_ms("asia-east1", "moon-1") is None

    def test_listed_prices_are_read(self):
        """Moving within AWS in the eastern United States costs a cent per GB."""
        assert coefficients.transfer_price_usd_per_gb("aws", "us-east-1", "us-east-2") == 0.01


class TestSci:
    def test_embodied_is_the_reserved_share_of_the_life(self):
        """A quarter of a one-tonne server for a hundredth of its life is 2.5 kg."""
        assert embodied_g(1000, used=SERVER_LIFE / 100, share=0.25) == pytest.approx(2500)

    def test_no_units_is_undefined_not_zero(self):
        """A score over nothing is refused."""
        with pytest.raises(InvalidInput, match="needs at least one request"):
            sci(operational_g=1, embodied_g=0, units=0, unit="request")

    def test_a_share_above_one_is_refused(self):
        """Nobody reserves more than a machine."""
        with pytest.raises(InvalidInput, match="share is 2"):
            embodied_g(1, used=timedelta(hours=1), share=2)
