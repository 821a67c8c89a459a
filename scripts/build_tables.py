"""
Rebuild the tables under ``src/gridtide`` from the reference folder, in our own format.

Usage: ``python scripts/build_tables.py REFERENCE_DATA_FOLDER [PACKAGE_FOLDER]``.
Only sources that may be shipped in a permissively licensed package are read; `SOURCES.md` beside the tables credits
each. Facts that no such source states (a city's grid, the state of a balancing area) stand in ``scripts/facts``.
Running it twice changes nothing.
"""

from __future__ import annotations

import csv
import importlib.resources
import math
import re
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FACTS = ROOT / "scripts" / "facts"
GRID = Path("grid", "tables")
ACCOUNTING = Path("accounting", "tables")

# Countries for which Electricity Maps has areas but no key of the country itself, or no key at all.
NO_EM_KEY = (
    "AD AI AQ AS BL BM BQ CC CK CL CX EH GD GG HM IM IO JE KI KN LI MC MF MH MP MS NF NR NU PN RU SH SJ SM "
    "SX TC TF TK TV UA UM VA VG WF"
)
US_ISO = {"CISO": "CAISO", "ERCO": "ERCOT", "NYIS": "NYISO", "MISO": "MISO", "ISNE": "ISONE"}


def main() -> None:
    reference = Path(sys.argv[1])
    countries = read_countries(reference)
    zones = build_zones(reference, countries)
    regions = build_regions(reference, zones)
    add_watttime(zones, regions)
    confirm_by_place(regions, build_places(zones, [], countries))
    places = build_places(zones, regions, countries)
    add_coordinates(zones, places)
    zone_rows = sorted(zones.values(), key=lambda z: z["key"])
    for zone in zone_rows:
        zone["aliases"] = ";".join(f"{name}={key}" for name, key in sorted(zone["aliases"].items()))
    write(GRID / "zones.csv", ZONE_COLUMNS, zone_rows)
    write(GRID / "cloud_regions.csv", REGION_COLUMNS, regions)
    write(GRID / "places.csv", ("zone", "name", "lat", "lon"), places)
    write(GRID / "yearly.csv", YEARLY_COLUMNS, build_yearly(reference, countries, regions))
    copy_facts(reference)


ZONE_COLUMNS = ("key", "name", "country", "kind", "parent", "timezone", "lat", "lon", "static", "aliases")
REGION_COLUMNS = (
    "provider", "region", "name", "city", "country", "lat", "lon", "kind", "zone", "confidence", "source",
    "alternatives", "watttime", "static", "pue", "pue_year", "cfe_2024", "ccf_g_per_kwh", "note",
)  # fmt: skip
YEARLY_COLUMNS = ("code", "kind", "name", "g_per_kwh", "year", "scope", "source")


def facts(name: str) -> dict[str, dict[str, str]]:
    """Our own facts of that name, by their first column."""
    table = rows(FACTS / f"{name}.csv")
    return {next(iter(row.values())): row for row in table}


def read_countries(reference: Path) -> dict[str, dict]:
    """ISO 3166 codes, names, main clock and main place, from the time zone database and the yearly table."""
    own = facts("countries")
    by_iso3 = {row["iso3"]: code for code, row in own.items()}
    base = importlib.resources.files("tzdata") / "zoneinfo"
    names = dict(tab_rows(base / "iso3166.tab"))
    by_name = {name: code for code, name in names.items()}
    countries = {code: {"name": name.split(" (")[0], "iso3": ""} for code, name in names.items()}
    for code, where, clock, *_ in tab_rows(base / "zone.tab"):
        entry = countries[code]
        entry.setdefault("places", []).append((clock, *iso6709(where)))
        entry.setdefault("timezone", own.get(code, {}).get("timezone") or clock)
    for row in rows(reference / "yearly_intensity.csv"):
        if row["code_type"] == "iso3":
            code = by_iso3.get(row["code"]) or by_name[row["name"]]
            countries[code] |= {"iso3": row["code"], "name": row["name"]}
    return {code: entry for code, entry in countries.items() if "timezone" in entry}


def tab_rows(path: object) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#")]


def iso6709(text: str) -> tuple[float, float]:
    """Degrees from ``+DDMM+DDDMM`` or ``+DDMMSS+DDDMMSS``."""
    lat, lon = re.fullmatch(r"([+-]\d+)([+-]\d+)", text).groups()
    return degrees(lat, 2), degrees(lon, 3)


def degrees(part: str, width: int) -> float:
    sign = -1 if part[0] == "-" else 1
    digits = part[1:].ljust(width + 4, "0")
    return round(
        sign * (int(digits[:width]) + int(digits[width : width + 2]) / 60 + int(digits[width + 2 :]) / 3600), 2
    )


def build_zones(reference: Path, countries: dict) -> dict[str, dict]:
    zones: dict[str, dict] = {}

    def add(key: str, name: str, country: str, kind: str, timezone: str, **aliases: str) -> dict:
        zone = zones.setdefault(
            key,
            {"key": key, "name": name, "country": country, "kind": kind, "timezone": timezone, "parent": "",
             "static": "", "aliases": {}},
        )  # fmt: skip
        zone["aliases"] |= {k.replace("_", "-"): v for k, v in aliases.items() if v}
        if kind != "country":
            zone["parent"] = country
        return zone

    for code, entry in countries.items():
        zone = add(code, entry["name"], code, "country", entry["timezone"], iso3=entry["iso3"])
        if code not in NO_EM_KEY.split():
            zone["aliases"]["electricitymaps"] = code
    for row in rows(FACTS / "areas.csv"):
        kind = "country" if row["zone"] == row["country"] else "area"
        add(row["zone"], row["name"], row["country"], kind, row["timezone"], electricitymaps=row["zone"])
    states = facts("us_areas")
    towns = facts("gb_regions")
    for row in rows(reference / "grid_zones.csv"):
        add_source_zone(row, add, countries, states)
        if row["kind"] == "uk_region":
            zones[f"GB-{row['zone']}"] |= {k: towns[row["zone"]][k] for k in ("lat", "lon")}
    for key, row in facts("names").items():
        zones[key] |= {k: row[k] for k in ("name", "timezone") if row[k]}
    zones["US"]["aliases"]["eia"] = "US48"
    zones["GB"]["aliases"]["uk"] = "GB"
    zones["FR"]["aliases"]["odre"] = "FR"
    add_states(reference, zones, add)
    return zones


def add_source_zone(row: dict[str, str], add: object, countries: dict, states: dict) -> None:
    key, code = row["em_zone"], row["zone"]
    if row["kind"] == "entsoe" and (key or code == "UA"):
        key = key or code
        country = key[:2]
        kind = "country" if key == country else "area"
        name = countries.get(country, row)["name"] + key[2:].replace("-", " ", 1)
        nordic = key[3:] if re.fullmatch(r"(NO|SE|DK)-\1\d", key) else ""
        market = key[3:] if key in {"DK-DK1", "DK-DK2"} else ""
        zone = add(key, name, country, kind, row["timezone"].replace("Kiev", "Kyiv"), entsoe=code,
                   entsoe_eic=row["eic"], energy_charts=row["energy_charts"], electricitymaps=row["em_zone"],
                   nordpool=nordic, energidataservice=market)  # fmt: skip
        zone["static"] = key if nordic and not market else ""
    elif row["kind"] == "us_ba":
        facts = states[code]
        zone = add(key, row["name"], "US", "area", facts["timezone"], eia=code, electricitymaps=key,
                   us_iso=US_ISO.get(code, ""))  # fmt: skip
        zone["static"] = f"US-{facts['state']}" if facts["state"] else ""
    elif row["kind"] == "au":
        add(key, row["name"], "AU", "area", row["timezone"], openelectricity=code, electricitymaps=key)
    elif row["kind"] == "uk_region":
        add(f"GB-{code}", row["name"], "GB", "region", "Europe/London", uk=code)


def add_states(reference: Path, zones: dict, add: object) -> None:
    """US states and Chinese provinces: places with a yearly value of their own, but no grid operator."""
    clocks = facts("states")
    for row in rows(reference / "yearly_intensity.csv"):
        code = row["code"]
        if re.fullmatch(r"(US|CN)-[A-Z]{2}", code):
            clock = clocks.get(code, {}).get("timezone")
            name = "District of Columbia" if code == "US-DC" else row["name"]
            zone = zones.get(code) or add(code, name, code[:2], "state", "")
            zone["static"] = code
            zone["timezone"] = zone["timezone"] or clock or zones[code[:2]]["timezone"]


def build_regions(reference: Path, zones: dict) -> list[dict]:
    source = rows(reference / "cloud_regions.csv")
    own = facts("cloud_regions")
    regions = [region_row(row, zones, own.get(f"{row['provider']}:{row['region']}", {})) for row in source]
    for region in regions:
        assert region["zone"] in zones, region
        for alternative in filter(None, region["alternatives"].split("|")):
            assert alternative in zones, region
    return sorted(regions, key=lambda r: (r["provider"], r["region"]))


def region_row(row: dict[str, str], zones: dict, own: dict[str, str]) -> dict:
    zone, confidence, source, note = row["em_zone"], row["em_zone_confidence"], row["em_zone_source"], ""
    others = [other for other in re.findall(r"[A-Z]{2}(?:-[A-Z0-9]+)+", row["em_zone_alt"]) if other in zones]
    if source in {"emc", "rule"}:
        derived, note = own.get("zone") or country_zone(row, zones), own.get("note", "")
        if source == "emc":
            assert derived == zone, (row["region"], derived, zone)
        confidence, source = "rule", "place"
    else:
        source = "+".join(part for part in source.split("+") if part != "emc") or source
        source = {"ccf": "CCF", "dp": "decarbonization-potential", "ccf+dp": "CCF+decarbonization-potential"}[source]
    if own.get("other"):
        others = sorted({*others, own["other"]})
        confidence = own["confidence"] or confidence
    return {
        **{k: row[k] for k in ("provider", "region", "name", "city", "country", "lat", "lon", "kind")},
        "zone": zone,
        "confidence": confidence,
        "source": source,
        "alternatives": "|".join(o for o in others if o != zone),
        "watttime": row["watttime_region"],
        "static": own.get("static", ""),
        "pue": row["pue"],
        "pue_year": row["pue_year"],
        "cfe_2024": row["gcp_cfe_2024"],
        "ccf_g_per_kwh": row["ccf_g_kwh"],
        "note": note,
        "_gcp": row["gcp_grid_g_kwh_2024"],
    }


def confirm_by_place(regions: list[dict], places: list[dict]) -> None:
    """Where only one shipped source states the grid, the nearest place is the second opinion."""
    for region in regions:
        if region["confidence"] == "agree" and "+" not in region["source"]:
            here = float(region["lat"]), float(region["lon"])
            nearest = min(places, key=lambda p: angle(here, (p["lat"], p["lon"])))
            if nearest["zone"] == region["zone"]:
                region["source"] += "+place"
            else:
                print(f"{region['provider']}:{region['region']}: {region['zone']}, but {nearest['name']} is nearest")
                region["confidence"] = "single"


def angle(a: tuple[float, float], b: tuple[float, float]) -> float:
    lat1, lon1, lat2, lon2 = map(math.radians, (*a, *b))
    half = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * math.asin(math.sqrt(half))


def country_zone(row: dict[str, str], zones: dict) -> str:
    """The country itself where it has one grid; else what the reference derived by place."""
    areas = [z for z in zones.values() if z["country"] == row["country"] and z["kind"] == "area"]
    # France and Denmark-like countries keep their mainland; islands of their own do not split them.
    return row["country"] if not areas or row["country"] in {"FR", "GB"} else row["em_zone"]


def add_watttime(zones: dict, regions: list[dict]) -> None:
    """A zone gets WattTime's key where every cloud region in it has the same one; else the provider must be asked."""
    seen = defaultdict(set)
    for region in regions:
        if region["watttime"]:
            seen[region["zone"]].add(region["watttime"])
    for key, names in seen.items():
        if len(names) == 1 and not key.startswith("US-"):  # WattTime cuts US areas finer
            zones[key]["aliases"]["watttime"] = names.pop()


def build_places(zones: dict, regions: list[dict], countries: dict) -> list[dict]:
    """Points that stand for a zone: our cities, cloud regions that lie where they say, and capitals."""
    places = rows(FACTS / "places.csv")
    split = {z["country"] for z in zones.values() if z["kind"] == "area"}
    for code, entry in countries.items():
        if code in split and code not in {"FR", "GB"}:
            continue
        for clock, lat, lon in entry["places"]:
            places.append({"zone": code, "name": clock.split("/")[-1].replace("_", " "), "lat": lat, "lon": lon})
    exact = [r for r in regions if r["provider"] == "gcp"]
    places += [{"zone": r["zone"], "name": r["city"], "lat": r["lat"], "lon": r["lon"]} for r in exact]
    kept: dict[tuple[str, float, float], dict] = {}
    for place in places:
        assert place["zone"] in zones, place
        lat, lon = round(float(place["lat"]), 2), round(float(place["lon"]), 2)
        kept.setdefault((place["zone"], round(lat, 1), round(lon, 1)), place | {"lat": lat, "lon": lon})
    return sorted(kept.values(), key=lambda p: (p["zone"], p["name"]))


def add_coordinates(zones: dict, places: list[dict]) -> None:
    points = defaultdict(list)
    for place in places:
        points[place["zone"]].append((place["lat"], place["lon"]))
        points[zones[place["zone"]]["country"]].append((place["lat"], place["lon"]))
    for key, zone in zones.items():
        if "lat" not in zone and points[key]:
            zone["lat"], zone["lon"] = centre(points[key])


def centre(points: list[tuple[float, float]]) -> tuple[float, float]:
    """Middle of points on the sphere, so that areas across the date line stay where they are."""
    xyz = [0.0, 0.0, 0.0]
    for lat, lon in points:
        a, b = math.radians(lat), math.radians(lon)
        for i, part in enumerate((math.cos(a) * math.cos(b), math.cos(a) * math.sin(b), math.sin(a))):
            xyz[i] += part
    return (
        round(math.degrees(math.atan2(xyz[2], math.hypot(xyz[0], xyz[1]))), 2),
        round(math.degrees(math.atan2(xyz[1], xyz[0])), 2),
    )


def build_yearly(reference: Path, countries: dict, regions: list[dict]) -> list[dict]:
    by_iso3 = {entry["iso3"]: code for code, entry in countries.items() if entry["iso3"]}
    table = []
    for row in rows(reference / "yearly_intensity.csv"):
        code = row["code"]
        scope = "direct" if row["basis"].startswith("direct") else "lifecycle"
        if row["code_type"] == "iso3":
            kind, code, source = "country", by_iso3[code], "ember"
        elif code == "US-USA":
            kind, code, source = "national", "US", "egrid"
        elif code.startswith(("US-", "CN-")):
            kind, source = "state", {"US": "egrid", "CN": "mee"}[code[:2]]
        else:
            kind, code, source = "area", code if code == "FI" else f"{code[:2]}-{code}", "entsoe"
        table.append({"code": code, "kind": kind, "name": row["name"], "g_per_kwh": row["g_per_kwh"],
                      "year": row["year"], "scope": scope, "source": source})  # fmt: skip
    google = {"kind": "region", "year": "2024", "scope": "direct", "source": "google"}
    table += [
        {"code": f"gcp:{r['region']}", "name": r["name"], "g_per_kwh": r["_gcp"], **google}
        for r in regions
        if r["_gcp"]
    ]
    world = {"kind": "world", "year": "2019", "scope": "direct", "source": "iea"}
    table.append({"code": "WORLD", "name": "World", "g_per_kwh": "475", **world})
    return sorted(table, key=lambda r: (r["kind"], r["code"]))


def copy_facts(reference: Path) -> None:
    """Tables of plain figures: same numbers, our columns, no prose."""
    factors = [
        {"set": r["set"].replace("electricitymaps_default", "em_default"), "scope": r["basis"],
         "fuel": r["canonical_fuel"], "g_per_kwh": r["g_per_kwh"], "citation": r["citation"].split(" (as used")[0]}
        for r in rows(reference / "emission_factors.csv")
    ]  # fmt: skip
    write(GRID / "emission_factors.csv", ("set", "scope", "fuel", "g_per_kwh", "citation"), unique(factors))
    codes = rows(reference / "fuel_codes.csv")
    write(GRID / "fuel_codes.csv", ("fuel", *list(codes[0])[1:]), [r | {"fuel": r["canonical_fuel"]} for r in codes])
    network = [
        {"model": r["model"], "segment": r["scope"], "year": r["year"], "kwh_per_gb": r["value"], "source": r["source"]}
        for r in rows(reference / "network_energy.csv")
    ]
    write(ACCOUNTING / "network_energy.csv", ("model", "segment", "year", "kwh_per_gb", "source"), network)
    columns = ("category", "scope", "item", "parameter", "value", "unit")
    write(ACCOUNTING / "power_coefficients.csv", columns, rows(reference / "power_coefficients.csv"))
    write(ACCOUNTING / "cpu_tdp.csv", ("name", "tdp_w"), rows(reference / "cpu_tdp_server.csv"))
    write(ACCOUNTING / "gcp_latency.csv", ("from", "to", "round_trip_ms"), latency_pairs(reference))
    prices = [
        r | {"provider": r["provider"], "from": region_id(r, "from"), "to": region_id(r, "to")}
        for r in rows(reference / "transfer_cost_usd_per_gb.csv")
    ]
    write(ACCOUNTING / "transfer_price.csv", ("provider", "from", "to", "usd_per_gb"), prices)


def latency_pairs(reference: Path) -> list[dict]:
    pairs = []
    for row in rows(reference / "gcp_latency_ms.csv"):
        source = row.pop("from\\to")
        pairs += [{"from": source, "to": to, "round_trip_ms": ms} for to, ms in row.items() if ms]
    return pairs


def region_id(row: dict[str, str], side: str) -> str:
    name = row[side]
    return name.replace(" ", "").lower() if row["provider"] == "azure" else name


def unique(table: list[dict]) -> list[dict]:
    return list({tuple(r.values()): r for r in table}.values())


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(line for line in stream if not line.startswith("#")))


def write(name: Path, columns: tuple[str, ...], table: list[dict]) -> None:
    path = (Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT / "src" / "gridtide") / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
    print(f"{name}: {len(table)} rows, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
