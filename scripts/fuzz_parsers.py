"""
Throw mutated replies at every parser and see that only errors of our own come out, and none takes longer than a second.

Usage: ``python scripts/fuzz_parsers.py [--executions 1000000] [--provider NAME]... [--samples FOLDER] [--seed 1]
[--save FOLDER]``. Executions are counted for each provider. Seeds are the small replies below and, where a folder of
recorded replies is given, the files whose name begins with a provider's prefix. A reply that breaks something is
written to the folder of ``--save``. Exit 1 when anything broke.
"""

from __future__ import annotations

import argparse
import copy
import json
import logging
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gridtide.domain.errors import CarbonError
from gridtide.domain.interval import Interval
from gridtide.domain.signal import SignalKind
from gridtide.grid.provider import Ask, Product, Provider, Reply
from gridtide.grid.providers.registry import make

LIMIT_S = 1.0
COLUMNS = (
    ("provider", 24),
    ("executions", 11),
    ("per s", 8),
    ("read", 10),
    ("refused", 10),
    ("broken", 7),
    ("over 1 s", 9),
    ("slowest ms", 11),
)
NOW = datetime(2026, 1, 1, 6, 0, tzinfo=UTC)
AVERAGE, MARGINAL, RELATIVE, PRICE = SignalKind.AVERAGE, SignalKind.MARGINAL, SignalKind.RELATIVE, SignalKind.PRICE
CURRENT, FORECAST, HISTORY = Product.CURRENT, Product.FORECAST, Product.HISTORY
KEYS = {"api_key": "k", "username": "u", "password": "p"}
EIC = "10Y1001A1001A82H"


@dataclass(frozen=True)
class Seed:
    """A question to a provider and a reply to start from."""

    provider: str
    zone: str
    product: Product
    kind: SignalKind
    bodies: tuple[bytes, ...]
    options: tuple[tuple[str, Any], ...] = ()


@dataclass
class Tally:
    """What happened to one provider's parsers."""

    executions: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    slow: int = 0
    slowest_s: float = 0.0
    broken: list[str] = field(default_factory=list)


def _json(tree: Any) -> bytes:
    return json.dumps(tree).encode()


_META = {
    "data_point_period_seconds": 300,
    "region": "PSCO",
    "signal_type": "co2_moer",
    "units": "lbs_co2_per_mwh",
    "generated_at": "2026-01-01T00:00:00+00:00",
}
_MOER = {
    "data": [{"point_time": f"2026-01-01T00:{m:02}:00+00:00", "value": 870 + m} for m in (0, 5, 10)],
    "meta": _META,
}
_EM = {
    "zone": "XX",
    "carbonIntensity": 111,
    "datetime": "2026-01-01T10:00:00.000Z",
    "updatedAt": "2026-01-01T10:05:00Z",
}
_XML = (
    f'<?xml version="1.0"?><GL_MarketDocument xmlns="urn:x:3:0"><TimeSeries><inBiddingZone_Domain.mRID>{EIC}'
    "</inBiddingZone_Domain.mRID><quantity_Measure_Unit.name>MAW</quantity_Measure_Unit.name><curveType>A03</curveType>"
    "<MktPSRType><psrType>B04</psrType></MktPSRType><Period><timeInterval><start>2026-01-01T00:00Z</start>"
    "<end>2026-01-01T03:00Z</end></timeInterval><resolution>PT60M</resolution><Point><position>1</position>"
    "<quantity>100</quantity></Point><Point><position>3</position><quantity>90</quantity></Point></Period></TimeSeries>"
    "</GL_MarketDocument>"
).encode()
_ACK = b"<Acknowledgement_MarketDocument><Reason><code>999</code></Reason></Acknowledgement_MarketDocument>"
_CO2 = b"Time,Natural Gas CO2,Imports CO2\n00:00,5047,1901\n00:05, 5040,-18\n00:10,,\n"
_SUPPLY = b"Time,Solar,Natural Gas,Batteries,Imports\n00:00,-40,6900,-500,6200\n00:05,-40,6880,-480,6190\n"
_NYISO = b"Time Stamp,Time Zone,Fuel Category,Gen MW\n" + b"".join(
    f"11/01/2026 01:{m:02}:00,{z},{f},900\n".encode()
    for m in (5, 10)
    for z in ("EDT", "EST")
    for f in ("Wind", "Dual Fuel")
)
_ISONE = (
    b'"C","x"\n"H","Date","Time","Fuel Category","Gen Mw"\n"H","Date","Time","String","Number"\n'
    b'"D","01/01/2026","00:02:24","Natural Gas","5000"\n"D","01/01/2026","00:09:10","Wind","4000"\n"T","2"\n'
)
_MISO = {"TotalMW": "7", "Fuel": {"Type": [{"INTERVALEST": "2026-01-01 12:05:00 AM", "CATEGORY": "Coal", "ACT": "7"}]}}
_ERCOT = {"data": {"2026-01-01": {"2026-01-01 00:04:56-0600": {"Wind": {"gen": 17800.7}, "Natural Gas": {"gen": 9.5}}}}}
_EIA = {
    "response": {
        "total": "2",
        "data": [
            {
                "period": "2026-01-01T02",
                "respondent": "CISO",
                "fueltype": fuel,
                "value": "81",
                "value-units": "megawatthours",
            }
            for fuel in ("NG", "SUN")
        ],
    }
}
_AU = {
    "data": [
        {
            "metric": metric,
            "unit": unit,
            "interval": "1h",
            "results": [{"columns": {"region": "NSW1"}, "data": [["2026-01-01T00:00:00+10:00", value]]}],
        }
        for metric, unit, value in (("energy", "MWh", 7000.0), ("emissions", "t", 4900.0))
    ]
}
_UK = [{"from": "2026-01-01T00:00Z", "to": "2026-01-01T00:30Z", "intensity": {"forecast": 211, "actual": 206}}] * 2
_T = 1767225600
_SIGNAL = {"unix_seconds": [_T, _T + 900], "share": [61.2, 130], "signal": [2, -1], "substitute": False}
_SDK = [{"location": "eastus", "time": "2026-01-01T00:00:00Z", "rating": 345.4, "duration": "08:00:00"}]
_SDK_FORECAST = [
    {
        "generatedAt": "2026-01-01T00:00:00Z",
        "forecastData": [{"location": "eastus", "timestamp": "2026-01-01T00:00:00Z", "duration": 5, "value": 9.5}],
    }
]
_FILE = {
    "GeneratedAt": "2026-01-01T00:00:00Z",
    "Emissions": [{"Time": "2026-01-01T00:00:00Z", "Rating": 9, "Duration": "00:15:00"}],
}
_DK = {
    "dataset": "CO2EmisProg",
    "records": [{"Minutes5UTC": "2026-01-01T00:00:00", "PriceArea": "DK1", "CO2Emission": 61.0}],
}
_FR = {"total_count": 1, "results": [{"date_heure": "2026-01-01T05:15:00+00:00", "taux_co2": 24, "nature": "x"}]}
_PJM = {
    "totalRows": 1,
    "items": [{"datetime_beginning_utc": "2026-01-01T00:00:00", "pnode_name": "PJM-RTO", "marginal_co2_rate": 8.5}],
}
_MATRIX = {
    "status": "success",
    "data": {"resultType": "matrix", "result": [{"values": [[_T, "120.5"], [_T + 300.5, "NaN"]]}]},
}
_PROM = (("query", "ci"), ("unit", "gCO2eq/kWh"), ("kind", "average"))

SEEDS = (
    Seed("uk", "GB", FORECAST, AVERAGE, (_json({"data": _UK}),)),
    Seed("uk", "13", FORECAST, AVERAGE, (_json({"data": {"regionid": 13, "postcode": "SW1A", "data": _UK}}),)),
    Seed(
        "energy-charts",
        "de",
        FORECAST,
        AVERAGE,
        (_json({"unix_seconds": [_T, _T + 900], "co2eq": [301.2, None], "co2eq_forecast": [305.0, 9]}),),
    ),
    Seed("energy-charts", "de", CURRENT, RELATIVE, (_json(_SIGNAL),)),
    Seed(
        "energy-charts-price",
        "DE-LU",
        FORECAST,
        PRICE,
        (_json({"license_info": "x", "unix_seconds": [_T], "price": [-5.1], "unit": "EUR / MWh"}),),
    ),
    Seed("caiso", "CAISO", CURRENT, AVERAGE, (_CO2, _SUPPLY)),
    Seed("ercot", "ERCOT", CURRENT, AVERAGE, (_json(_ERCOT),)),
    Seed("nyiso", "NYISO", CURRENT, AVERAGE, (_NYISO,)),
    Seed("miso", "MISO", CURRENT, AVERAGE, (_json(_MISO),)),
    Seed("isone", "ISONE", CURRENT, AVERAGE, (_ISONE,)),
    Seed("energidataservice", "DK1", FORECAST, AVERAGE, (_json(_DK),)),
    Seed("odre", "FR", HISTORY, AVERAGE, (_json(_FR),)),
    Seed("watttime", "PSCO", FORECAST, MARGINAL, (_json(_MOER),)),
    Seed("watttime", "PSCO", CURRENT, RELATIVE, (_json({**_MOER, "meta": {**_META, "units": "percentile"}}),)),
    Seed("electricitymaps", "XX", CURRENT, AVERAGE, (_json(_EM),)),
    Seed(
        "electricitymaps",
        "XX",
        FORECAST,
        AVERAGE,
        (_json({"zone": "XX", "forecast": [_EM], "updatedAt": "2026-01-01T09:45:00Z"}),),
    ),
    Seed("electricitymaps", "XX", HISTORY, AVERAGE, (_json([{"zoneKey": "XX", "access": ["carbon-intensity/*"]}]),)),
    Seed("eia", "CISO", HISTORY, AVERAGE, (_json(_EIA),)),
    Seed("entsoe", EIC, HISTORY, AVERAGE, (_XML,)),
    Seed("entsoe", EIC, HISTORY, AVERAGE, (_ACK,)),
    Seed("openelectricity", "NSW1", HISTORY, AVERAGE, (_json(_AU),)),
    Seed("pjm", "PJM-RTO", CURRENT, MARGINAL, (_json(_PJM),)),
    Seed("casdk", "eastus", CURRENT, AVERAGE, (_json(_SDK),), (("kind", "average"),)),
    Seed("casdk", "eastus", FORECAST, AVERAGE, (_json(_SDK_FORECAST),), (("kind", "average"),)),
    Seed("carbon-aware-computing", "de", FORECAST, AVERAGE, (_json(_FILE),)),
    Seed("prometheus", "DE", CURRENT, AVERAGE, (_json(_MATRIX),), _PROM),
)
PREFIXES = {
    "uk_": "uk", "energycharts_": "energy-charts", "watttime_": "watttime", "electricitymaps_": "electricitymaps",
    "eia_": "eia", "entsoe_": "entsoe", "energidataservice_": "energidataservice", "odre_": "odre", "pjm_": "pjm",
    "openelectricity_": "openelectricity", "ercot_": "ercot", "miso_": "miso", "nyiso_": "nyiso", "casdk_": "casdk",
    "bluehands_": "carbon-aware-computing", "caiso_": "caiso",
}  # fmt: skip
TOKENS = (
    b"null", b"NaN", b"-Infinity", b"1e400", b"-1", b"0", b"true", b'""', b'"250"', b"[]", b"{}", b"[[[[", b"1" * 30,
    b"2026-01-01T24:00Z", b"2026-01-01T23:59:60Z", b"9999-12-31T23:59Z", b"0001-01-01T00:00Z", b"1767225600000",
    b"\xff", b"\0", b"\xef\xbb\xbf", b"<html>", b"<!DOCTYPE a>", b"&lt;", b"\\ud800", b",", b'"', b"\n", b"PT15M",
    b"A01", b"2100",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1e9, -50, 2000, 2001, float("nan"), float("inf"), 10**19, 10**400, "", "250", "x" * 50,
    [], {}, [[]], [None], {"a": 1}, "2026-01-01T24:00Z", "2026-01-01", "9999-12-31T23:59:59Z", "2026-03-29T02:30:00",
    1767225600000, "\ud800", "GB", -0.0, 5e-324,
)  # fmt: skip


def mutate(body: bytes, others: list[bytes], dice: random.Random) -> bytes:
    """One to four changes, to the tree where there is one, else to the bytes."""
    for _ in range(dice.choice((1, 1, 2, 4))):
        if body[:1] in b"[{" and body and dice.random() < 0.6:
            body = _mutate_tree(body, dice)
        else:
            body = _mutate_bytes(body, others, dice)
    return body


def _mutate_tree(body: bytes, dice: random.Random) -> bytes:
    try:
        tree = json.loads(body)
    except (ValueError, RecursionError):
        return body
    here, parents = tree, []
    while isinstance(here, (dict, list)) and here and (dice.random() < 0.8 or not parents):
        key = dice.choice(list(here)) if isinstance(here, dict) else dice.randrange(len(here))
        parents.append((here, key))
        here = here[key]
    if not parents:
        return body
    holder, key = parents[-1]
    change = dice.randrange(6)
    if change <= 2:
        holder[key] = copy.deepcopy(dice.choice(VALUES))
    elif change == 3:
        del holder[key]
    elif change == 4 and isinstance(holder, list):
        holder.insert(dice.randrange(len(holder) + 1), copy.deepcopy(dice.choice((*VALUES, holder[key]))))
    elif isinstance(holder, dict):
        holder[dice.choice(("data", "value", str(key).upper(), ""))] = holder.pop(key)
    try:
        return json.dumps(tree).encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError):
        return body


def _mutate_bytes(body: bytes, others: list[bytes], dice: random.Random) -> bytes:
    size = len(body)
    first = dice.randrange(size + 1)
    last = min(size, first + dice.choice((0, 1, 2, 8, 40)))
    change = dice.randrange(7)
    if change == 0:
        return body[:first]
    if change == 1:
        return body[:first] + body[last:]
    if change == 2:
        return body[:first] + body[first:last] * dice.choice((2, 3, 30)) + body[last:]
    if change == 3 and size:
        at = min(first, size - 1)
        return body[:at] + bytes((body[at] ^ (1 << dice.randrange(8)),)) + body[at + 1 :]
    if change == 4:
        return body[:first] + dice.randbytes(last - first + 1) + body[last:]
    if change == 5:
        other = dice.choice(others)
        cut = dice.randrange(len(other) + 1)
        return body[:first] + other[cut : cut + 200] + body[last:]
    return body[:first] + dice.choice(TOKENS) + body[last:]


def doors(provider: Provider, seed: Seed, ask: Ask) -> list[Callable[[tuple[Reply, ...]], object]]:
    """Everything of a provider that reads replies."""
    found: list[Callable[[tuple[Reply, ...]], object]] = [lambda replies: provider.parse(ask, replies)] * 6
    found.append(lambda replies: provider.build_requests(ask, replies))
    found += [
        lambda replies, status=status: provider.explain(
            ask, Reply(status=status, headers=(), body=replies[0].body, fetched_at=NOW)
        )
        for status in (400, 401, 403, 404, 500)
    ]
    if provider.access_request() is not None:
        found.append(lambda replies: provider.parse_access(replies[0]))
    if provider.locate_request(1.0, 1.0) is not None:
        found.append(lambda replies: provider.parse_location(replies[0]))
    if provider.login_request() is not None:
        found.append(lambda replies: provider.parse_login(replies[0]))
    issued = getattr(provider, "parse_issued", None)
    if issued is not None and seed.kind is MARGINAL:
        found.append(lambda replies: issued(ask, replies))
    return found


def fuzz(name: str, seeds: list[Seed], *, executions: int, seed: int, save: Path | None = None) -> Tally:
    """Run one provider."""
    dice = random.Random(f"{seed}/{name}")  # noqa: S311 - mutations, not keys
    tally = Tally()
    others = [body for known in seeds for body in known.bodies]
    prepared = []
    for known in seeds:
        provider = make(name, KEYS, dict(known.options))
        window = Interval(NOW - timedelta(hours=6), NOW + timedelta(hours=24))
        ask = Ask(zone=known.zone, product=known.product, kind=known.kind, window=window, now=NOW)
        prepared.append((known, doors(provider, known, ask)))
    for _ in range(executions):
        known, entries = dice.choice(prepared)
        replies = tuple(
            Reply(status=200, headers=(), body=mutate(body, others, dice), fetched_at=NOW) for body in known.bodies
        )
        _run(dice.choice(entries), replies, tally, save)
    return tally


def _run(
    entry: Callable[[tuple[Reply, ...]], object], replies: tuple[Reply, ...], tally: Tally, save: Path | None
) -> None:
    started = time.perf_counter()
    try:
        entry(replies)
        outcome = "read"
    except CarbonError as error:
        printable = f"{error.message}{error.hint}{error.facts}".isprintable()
        outcome = type(error).__name__ if printable else f"BROKEN message: {error.message!r:.80}"
        if not printable:
            tally.broken.append(outcome)
            _keep(replies, save, len(tally.broken))
    except Exception as error:  # noqa: BLE001 - finding the ones that are not ours is what this is for
        outcome = f"BROKEN {type(error).__name__}: {str(error)[:80]}"
        tally.broken.append(outcome)
        _keep(replies, save, len(tally.broken))
    spent = time.perf_counter() - started
    tally.executions += 1
    tally.outcomes[outcome] += 1
    tally.slowest_s = max(tally.slowest_s, spent)
    if spent > LIMIT_S:
        tally.slow += 1
        _keep(replies, save, tally.slow)


def _keep(replies: tuple[Reply, ...], save: Path | None, number: int) -> None:
    if save is not None and number <= 20:
        save.mkdir(parents=True, exist_ok=True)
        for index, reply in enumerate(replies):
            (save / f"{abs(hash(reply.body)):x}-{index}.bin").write_bytes(reply.body)


def with_samples(seeds: tuple[Seed, ...], folder: Path | None) -> list[Seed]:
    """Add recorded replies to the question of each provider's first seed; pairs of files stay pairs."""
    found = list(seeds)
    for path in sorted(folder.iterdir()) if folder else []:
        name = next((name for prefix, name in PREFIXES.items() if path.name.startswith(prefix)), None)
        for known in [known for known in seeds if known.provider == name]:
            bodies = (path.read_bytes(), *known.bodies[1:])
            found.append(Seed(known.provider, known.zone, known.product, known.kind, bodies, known.options))
    return found


def main() -> int:
    """Run all providers and print a table."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--executions", type=int, default=2_000)
    reader.add_argument("--provider", action="append")
    reader.add_argument("--samples", type=Path)
    reader.add_argument("--seed", type=int, default=1)
    reader.add_argument("--save", type=Path)
    given = reader.parse_args()
    logging.disable(logging.CRITICAL)
    seeds = with_samples(SEEDS, given.samples)
    broken = 0
    print("".join(f"{title:>{width}}" for title, width in COLUMNS))
    for name in given.provider or sorted({known.provider for known in seeds}):
        started = time.perf_counter()
        own = [known for known in seeds if known.provider == name]
        tally = fuzz(name, own, executions=given.executions, seed=given.seed, save=given.save)
        rate = tally.executions / (time.perf_counter() - started)
        read = tally.outcomes["read"]
        refused = tally.executions - read - len(tally.broken)
        cells = (name, tally.executions, round(rate), read, refused, len(tally.broken), tally.slow)
        row = (*cells, f"{1000 * tally.slowest_s:.1f}")
        print("".join(f"{cell:>{width}}" for cell, (_, width) in zip(row, COLUMNS, strict=True)), flush=True)
        for outcome, count in Counter(tally.broken).most_common(5):
            print(f"    {count} x {outcome}")
        broken += len(tally.broken) + tally.slow
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
