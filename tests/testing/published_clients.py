"""
Drives one published client against a fake server and prints what it understood, as JSON.

Runs in the clients' own environment (scripts/install_client_tools.py), which has none of our code. Addresses are set
where the client lets them be set, else the one place that holds them is replaced before use.

Usage: python published_clients.py CLIENT BASE_URL
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path


def watttime(base: str) -> dict:
    """The official WattTime client: address by environment variable."""
    os.environ["WATTTIME_API_URL"] = base
    from watttime import WattTimeForecast, WattTimeHistorical, WattTimeMyAccess

    forecast = WattTimeForecast("user", "password")
    coming = forecast.get_forecast_pandas(region="CAISO_NORTH", horizon_hours=24)
    now = datetime.now(UTC)
    past = WattTimeHistorical("user", "password").get_historical_pandas(
        (now - timedelta(hours=6)).isoformat(), (now - timedelta(hours=3)).isoformat(), "PSCO"
    )
    issues = forecast.get_historical_forecast_pandas(
        (now - timedelta(minutes=20)).isoformat(), (now - timedelta(minutes=5)).isoformat(), "PSCO", horizon_hours=2
    )
    return {
        "points": points(coming["point_time"], coming["value"]) + points(past["point_time"], past["value"]),
        "rows": len(coming),
        "issues": int(issues["generated_at"].nunique()),
        "regions": sorted(WattTimeMyAccess("user", "password").get_access_pandas()["region"].unique()),
        "region": forecast.region_from_loc(39.7, -105.0)["region"],
    }


def watttime_wrong_password(base: str) -> dict:
    """The official WattTime client with a password that is wrong."""
    os.environ["WATTTIME_API_URL"] = base
    import requests
    from watttime import WattTimeForecast

    try:
        WattTimeForecast("user", "wrong").get_forecast_json(region="PSCO")
    except requests.HTTPError as refusal:
        return {"status": refusal.response.status_code}
    return {}


def aiowatttime(base: str) -> dict:
    """The asyncio WattTime client: its one constant is replaced."""
    from aiowatttime import Client, client
    from aiowatttime.errors import CoordinatesNotFoundError, InvalidCredentialsError

    client.API_BASE_URL = base

    async def use() -> dict:
        user = await Client.async_login("user", "password", request_retry_delay=0)
        now = datetime.now(UTC)
        span = ("PSCO", "co2_moer", now - timedelta(hours=2), now - timedelta(hours=1))
        index = await user.emissions.async_get_realtime_emissions("PSCO")
        past = await user.emissions.async_get_historical_emissions(*span)
        refused = {}
        user._token = "expired"
        region = await user.emissions.async_get_grid_region("39.7", "-105.0", "co2_moer")
        try:
            await user.emissions.async_get_grid_region("0", "0", "co2_moer")
        except CoordinatesNotFoundError as error:
            refused["nowhere"] = str(error)
        try:
            await Client.async_login("user", "wrong")
        except InvalidCredentialsError:
            refused["password"] = "refused"
        return {
            "points": [[p["point_time"], p["value"]] for p in past["data"]],
            "index": index["data"][0]["value"],
            "unit": index["meta"]["units"],
            "region": region["region"],
            "refused": refused,
        }

    return asyncio.run(use())


def electricitymaps(base: str) -> dict:
    """The official Electricity Maps SDK: its one constant is replaced."""
    from electricitymaps import client

    client.HOST = f"{base}/v3"
    user = client.create_client("fake-key")
    latest = user.carbon_intensity.latest(zone_key="DE")
    history = user.carbon_intensity.history(zone_key="DE")
    forecast = user.carbon_intensity.forecast(zone_key="DE", horizon_hours=24)
    refused = ""
    try:
        client.create_client("wrong").carbon_intensity.latest(zone_key="DE")
    except Exception as error:  # noqa: BLE001 - its name is what the test looks at
        refused = type(error).__name__
    return {
        "points": [[p.dt, p.carbon_intensity] for p in [latest, *history.history, *forecast.forecast]],
        "rows": [len(history.history), len(forecast.forecast)],
        "estimated": [p.is_estimated for p in history.history][-3:],
        "refused": refused,
    }


def aioelectricitymaps(base: str) -> dict:
    """The asyncio Electricity Maps client: its endpoints are replaced."""
    from aioelectricitymaps import (
        CoordinatesRequest,
        ElectricityMaps,
        ElectricityMapsInvalidTokenError,
        ElectricityMapsNoDataError,
        ZoneRequest,
    )
    from aioelectricitymaps.const import API_BASE_URL, ApiEndpoints

    for name, address in list(vars(ApiEndpoints).items()):
        if isinstance(address, str) and address.startswith(API_BASE_URL):
            setattr(ApiEndpoints, name, address.replace(API_BASE_URL, f"{base}/v3"))

    async def use() -> dict:
        async with ElectricityMaps(token="fake-key") as user:
            home = await user.carbon_intensity_for_home_assistant(ZoneRequest(zone="DE"))
            latest = await user.latest_carbon_intensity(CoordinatesRequest(lat="51.0", lon="10.0"))
            history = await user.carbon_intensity_history(ZoneRequest(zone="DE"))
            mix = await user.latest_power_breakdown(ZoneRequest(zone="DE"))
            zones = await user.zones()
            refused = {}
            try:
                await user.carbon_intensity_for_home_assistant(ZoneRequest(zone="XX"))
            except ElectricityMapsNoDataError:
                refused["zone"] = "no data"
        async with ElectricityMaps(token="wrong") as stranger:
            try:
                await stranger.latest_carbon_intensity(ZoneRequest(zone="DE"))
            except ElectricityMapsInvalidTokenError:
                refused["token"] = "refused"
        return {
            "points": [[p.timestamp.isoformat(), p.carbon_intensity] for p in [latest, *history.history]],
            "home": home.data.carbon_intensity,
            "unit": home.units.carbon_intensity,
            "mix": mix.power_consumption_total,
            "zones": sorted(zones),
            "refused": refused,
        }

    return asyncio.run(use())


def entsoe(base: str) -> dict:
    """The usual ENTSO-E client: address by environment variable."""
    os.environ["ENTSOE_ENDPOINT_URL"] = f"{base}/api"
    import pandas as pd
    from entsoe import EntsoePandasClient
    from entsoe.exceptions import NoMatchingDataError

    user = EntsoePandasClient(api_key="fake-token", retry_count=1, retry_delay=0)
    now = pd.Timestamp.now(tz="UTC").floor("h")
    span = {"start": now - pd.Timedelta(hours=12), "end": now - pd.Timedelta(hours=4)}
    mix = user.query_generation("DE_LU", **span)
    load = user.query_load("DE_LU", **span)
    refused = ""
    try:
        user.query_generation("FR", **span)
    except NoMatchingDataError:
        refused = "no data"
    return {
        "columns": [" ".join(column) if isinstance(column, tuple) else column for column in mix.columns],
        "starts": [stamp.isoformat() for stamp in mix.index],
        "mix": json.loads(mix.to_json(orient="values")),
        "load": float(load.iloc[0, 0]),
        "refused": refused,
    }


def carbonintensity(base: str) -> dict:
    """The Home Assistant client of the NESO service: its addresses are written into its code."""
    return neso_home_assistant(base)


def carbon_intensity_uk(base: str) -> dict:
    """Its successor under another name and with the same module name."""
    sys.path.insert(0, str(Path(sys.prefix) / "aside" / "carbon-intensity-uk"))
    return neso_home_assistant(base)


def neso_home_assistant(base: str) -> dict:
    """Ask for now and the next day in London."""
    import aiohttp

    class Redirected(aiohttp.ClientSession):
        async def _request(self, method, url, **kwargs):
            return await super()._request(method, url.replace("https://api.carbonintensity.org.uk", base), **kwargs)

    aiohttp.ClientSession = Redirected
    from carbonintensity.client import Client

    now = datetime.now(UTC).replace(minute=31 if datetime.now(UTC).minute >= 30 else 1)
    found = asyncio.run(Client("SW1A").async_get_data(now))["data"]
    return {
        "points": [
            [found["current_period_from"].isoformat(), found["current_period_forecast"]],
            [found["lowest_period_from"].isoformat(), found["lowest_period_forecast"]],
            [found["current_period_from"].isoformat(), found["current_period_national_forecast"]],
        ],
        "unit": found["unit"],
        "postcode": found["postcode"],
    }


def points(instants, values) -> list:
    """Pairs of ISO time and value from two columns."""
    return [[str(instant), float(value)] for instant, value in zip(instants, values, strict=True)]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(globals()[sys.argv[1]](sys.argv[2])) + "\n")
