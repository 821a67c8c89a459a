"""
Clients that others wrote for the real services work against the fake one and understand the same numbers.

That is the proof that the fake has the providers' shapes and not only ours.
"""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gridtide.testing import FakeGridServer, wave_series
from support import ROOT

pytestmark = [pytest.mark.real, pytest.mark.slow]

DRIVER = Path(__file__).with_name("published_clients.py")
WAVE = wave_series(days=7, step=timedelta(minutes=5), low=60, high=360)
EIC_DE_LU = "10Y1001A1001A82H"


@pytest.fixture(scope="module")
def server() -> Any:
    series = {
        "uk": WAVE,
        "watttime": {"CAISO_NORTH": WAVE, "PSCO": WAVE},
        "electricitymaps": {"DE": WAVE},
        "entsoe": {EIC_DE_LU: WAVE},
    }
    with FakeGridServer(series) as running:
        yield running


def drive(client: str, base: str, *, module: str = "") -> dict[str, Any]:
    """Run one client by the driver, or skip visibly where it is not installed."""
    home = Path(os.environ.get("GRIDTIDE_CLIENTS_VENV") or ROOT / ".venv-clients")
    python = home / "bin" / "python"
    if not python.exists():
        pytest.skip("published clients are not here; python scripts/install_client_tools.py installs them")
    probe = [str(python), "-c", f"import importlib.util as u, sys; sys.exit(u.find_spec({module or client!r}) is None)"]
    if subprocess.run(probe, check=False).returncode:
        pytest.skip(f"{client} is not installed; python scripts/install_client_tools.py installs it")
    result = subprocess.run(
        [str(python), str(DRIVER), client, base], capture_output=True, text=True, timeout=90, check=False
    )
    assert result.returncode == 0, result.stderr[-2000:]
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return found


def truth(instant: str, step: timedelta) -> float:
    """Mean of the wave over the step that begins at an instant, wherever it repeats."""
    start = datetime.fromisoformat(instant).astimezone(UTC)
    folded = WAVE.start + (start - WAVE.start) % (WAVE.end - WAVE.start)
    count = step // timedelta(minutes=5)
    return sum(WAVE.value_at(folded + k * timedelta(minutes=5)) for k in range(count)) / count


def assert_true(points: list[list[Any]], step: timedelta, tolerance: float) -> None:
    assert points
    assert all(value == pytest.approx(truth(instant, step), abs=tolerance) for instant, value in points)


def test_official_watttime_client(server: FakeGridServer) -> None:
    """It logs in, reads a day ahead, the past, past forecasts, its plan and a region, with our numbers."""
    found = drive("watttime", server.base_url("watttime"))

    assert_true(found["points"], timedelta(minutes=5), 0.051)
    assert found["rows"] == 288
    assert found["issues"] >= 3
    assert found["regions"] == ["CAISO_NORTH", "PSCO"]
    assert found["region"] == "PSCO"


def test_official_watttime_client_with_a_wrong_password(server: FakeGridServer) -> None:
    """It sees the refusal as the real service gives it."""
    found = drive("watttime_wrong_password", server.base_url("watttime"), module="watttime")

    assert found == {"status": 403}


def test_asyncio_watttime_client_renews_its_token(server: FakeGridServer) -> None:
    """HTML instead of JSON makes it log in again; JSON refusals stay refusals."""
    found = drive("aiowatttime", server.base_url("watttime"))

    assert_true(found["points"], timedelta(minutes=5), 0.051)
    assert 0 <= found["index"] <= 100
    assert found["unit"] == "percentile"
    assert found["region"] == "PSCO"
    assert "No coverage" in found["refused"]["nowhere"]
    assert found["refused"]["password"] == "refused"


def test_official_electricity_maps_client(server: FakeGridServer) -> None:
    """Its strict models accept latest, history and forecast; a bad key is unauthorized."""
    found = drive("electricitymaps", server.base_url("electricitymaps"))

    assert_true(found["points"], timedelta(hours=1), 0.51)
    assert found["rows"] == [24, 25]
    assert found["estimated"] == [False, True, True]
    assert found["refused"] == "UnauthorizedException"


def test_asyncio_electricity_maps_client(server: FakeGridServer) -> None:
    """Home Assistant's endpoint, coordinates, history, mix and zones; two kinds of refusal."""
    found = drive("aioelectricitymaps", server.base_url("electricitymaps"))

    assert_true(found["points"], timedelta(hours=1), 0.51)
    assert found["home"] == pytest.approx(found["points"][0][1], abs=0.51)
    assert found["unit"] == "gCO2eq/kWh"
    assert found["mix"] > 0
    assert "DE" in found["zones"]
    assert found["refused"] == {"zone": "no data", "token": "refused"}


def test_entsoe_client(server: FakeGridServer) -> None:
    """It reads generation by type with pumping apart, load, and tells no data from an error."""
    found = drive("entsoe", server.base_url("entsoe"))
    names = found["columns"]
    factors = {"Fossil Gas": 490.0, "Fossil Hard coal": 820.0, "Wind Onshore": 11.0}

    assert any("Consumption" in name for name in names)
    assert len(found["starts"]) == 8
    for instant, row in zip(found["starts"], found["mix"], strict=True):
        parts = [
            (next((f for fuel, f in factors.items() if fuel in name), None), mw)
            for name, mw in zip(names, row, strict=True)
        ]
        known = [(factor, mw) for factor, mw in parts if factor is not None]
        level = sum(factor * mw for factor, mw in known) / sum(mw for _, mw in known)
        assert level == pytest.approx(truth(instant, timedelta(hours=1)), abs=0.1)
    assert found["load"] == 20_000
    assert found["refused"] == "no data"


@pytest.mark.parametrize("client", ["carbonintensity", "carbon_intensity_uk"])
def test_neso_clients(server: FakeGridServer, client: str) -> None:
    """Both clients of the British service find the value of now and the lowest one of the day."""
    found = drive(client, server.base_url("uk"), module="carbonintensity")

    assert_true(found["points"], timedelta(minutes=30), 0.51)
    assert found["points"][1][1] <= 62
    assert found["unit"] == "gCO2/kWh"
    assert found["postcode"] == "SW1A"
