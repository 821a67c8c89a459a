"""The Carbon Aware SDK's own cases: our stand-in for its server answers them, and our commands refuse what it refuses."""

import json
import urllib.error
import urllib.parse
import urllib.request
from csv import DictReader
from datetime import UTC, datetime

import pytest

from gridtide.cli.main import main
from gridtide.domain.errors import UnmappedRegion, ZoneNotCovered
from gridtide.domain.interval import Interval
from gridtide.grid.catalogue import Catalogue
from gridtide.grid.fetch import Fetcher
from gridtide.grid.provider import Ask, Product
from gridtide.grid.providers.carbon_aware_sdk import CarbonAwareSdk
from gridtide.testing import FakeClock, FakeGridServer, flat_series
from support import shared_dir

NOW = datetime(2022, 1, 2, 4, 5, 6, tzinfo=UTC)
SERVED = ("/emissions/bylocation", "/emissions/forecasts/current", "/health", "/fake-endpoint")
NOT_PUBLIC = {"eastus2euap", "brazilus", "eastusstg", "centraluseuap"}
REFUSED = {
    "-s 2022-09-01T02:05:00Z -e 2022-09-01T01:00:00Z": (
        "plan --zone eastus --not-before 2022-09-01T02:05:00Z --finish-by 2022-09-01T01:00:00Z",
        ("--not-before", "--finish-by"),
    ),
    "-a -best": ("plan --zone eastus --threshold 100 --percentile 20", ("--threshold", "--percentile")),
}
PLAIN = [
    ("GET", "/emissions/bylocation", {"location": "eastus", "time": "2022-01-01T04:05:06Z"}, 200),
    ("GET", "/emissions/bylocation", {"location": "westus", "time": "2021-12-25T00:00:00+06:00"}, 200),
    ("GET", "/emissions/bylocation", {"location": ""}, 400),
    ("GET", "/emissions/bylocations", {"non-location-param": ""}, 400),
    ("GET", "/emissions/bylocations/best", {"location": ""}, 400),
    ("GET", "/emissions/forecasts/current", {"location": "westus"}, 200),
    (
        "GET",
        "/emissions/forecasts/current",
        {"location": "westus", "dataStartAt": "1999-01-01T00:00:00Z", "dataEndAt": "1999-01-02T00:00:00Z"},
        400,
    ),
    ("GET", "/health", {}, 200),
    ("GET", "/fake-endpoint", {}, 404),
]


@pytest.fixture(scope="module")
def server():
    """A stand-in that knows two locations."""
    clock = FakeClock(NOW)
    with FakeGridServer(clock=clock) as running:
        for location in ("eastus", "westus"):
            running.serve("carbon-aware-sdk", flat_series(999.99), zone=location)
        yield running


def status_of(server, method, path, query):
    """What the stand-in answers."""
    text = urllib.parse.urlencode(query)
    request = urllib.request.Request(f"{server.base_url('carbon-aware-sdk')}{path}?{text}", method=method)
    try:
        with urllib.request.urlopen(request) as reply:
            return reply.status
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code


@pytest.mark.parametrize(("method", "path", "query", "status"), PLAIN, ids=[f"{c[1]} {c[3]}" for c in PLAIN])
def test_the_stand_in_answers_like_the_original(server, method, path, query, status):
    """A test against the stand-in says something about the real server."""
    assert status_of(server, method, path, query) == status


@pytest.mark.shared
def test_every_case_the_stand_in_serves_has_the_original_status(server):
    """All recorded requests to the paths our client uses."""
    cases = json.loads(shared_dir("vectors", "casdk-http-cases.json").read_text("utf-8"))["cases"]
    used = [c for c in cases if c["method"] == "GET" and c["path"].startswith(SERVED)]
    found = {c["id"]: status_of(server, c["method"], c["path"], c.get("query", {})) for c in used}

    assert found == {c["id"]: c["status"] for c in used}
    assert len(used) >= 15


async def test_a_location_the_server_refuses_is_not_covered(server):
    """Its 400 is a permanent refusal with the location's name, not a value and not an outage."""
    provider = CarbonAwareSdk(kind="average")
    async with Fetcher(clock=FakeClock(NOW), base_urls={"casdk": server.base_url("carbon-aware-sdk")}) as fetcher:
        ask = Ask(
            zone="nowhere",
            product=Product.HISTORY,
            window=Interval.parse("2022-01-01T00:00Z/2022-01-02T00:00Z"),
            kind=provider.info.kinds[0],
            now=NOW,
        )
        with pytest.raises(ZoneNotCovered, match="nowhere"):
            await fetcher.fetch(provider, ask)


@pytest.mark.parametrize(
    ("command", "named"), REFUSED.values(), ids=["end before start", "two that exclude each other"]
)
def test_what_the_original_command_refuses_ours_refuses_with_both_names(command, named, capsys):
    """A usage error, before anything is asked of a server."""
    code = main([*command.split(), "--duration", "1h", "--at", "2022-09-01T00:00:00Z", "--provider", "replay"])
    said = capsys.readouterr().err

    assert code == 2
    assert all(name in said for name in named)


@pytest.mark.shared
def test_every_refusal_of_the_original_command_has_its_counterpart():
    """None of the recorded command lines that fail there is left out above; places it lists are places here."""
    cases = json.loads(shared_dir("vectors", "casdk-cli-cases.json").read_text("utf-8"))["cases"]
    failing = [c["argv"] for c in cases if c["exit"]]
    places = [place for c in cases for place in c.get("stdout_json_has_keys", ())]

    assert all(any(argv.endswith(known) for known in REFUSED) for argv in failing)
    assert len(failing) == len(REFUSED)
    assert {Catalogue().resolve(place).zone.key for place in places} == {"US-MIDA-PJM", "IE"}


def lie_in_one_zone(name, latitude, longitude):
    """Whether a region's zone is that of its coordinates, or one of those beside them."""
    catalogue = Catalogue()
    region, point = catalogue.resolve(name), catalogue.resolve_point(latitude, longitude)
    return {region.zone.key, *region.alternatives} & {point.zone.key, *point.alternatives}


@pytest.mark.parametrize(
    ("name", "latitude", "longitude"),
    [("northeurope", 53.3478, -6.2597), ("westeurope", 52.3667, 4.9), ("uksouth", 50.941, -0.799)],
)
def test_a_region_and_its_coordinates_lie_in_one_zone(name, latitude, longitude):
    """Two ways to name a place agree about its grid."""
    assert lie_in_one_zone(name, latitude, longitude)


@pytest.mark.shared
def test_every_region_of_the_original_is_known_and_lies_where_it_says():
    """All public ones; those that are not public are refused instead of guessed."""
    lines = shared_dir("vectors", "casdk-azure-regions.csv").read_text("utf-8").splitlines()
    rows = list(DictReader(line for line in lines if not line.startswith("#")))
    public = [row for row in rows if row["name"] not in NOT_PUBLIC]
    for row in public:
        assert lie_in_one_zone(row["name"], float(row["latitude"]), float(row["longitude"])), row
    for name in NOT_PUBLIC:
        with pytest.raises(UnmappedRegion, match=name):
            Catalogue().resolve(name)

    assert len(public) == len(rows) - len(NOT_PUBLIC) > 45
