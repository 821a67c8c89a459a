"""ENTSO-E: generation by type in XML, curves with left-out positions, pumping, acknowledgements."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import pytest

from gridtide.domain.errors import MalformedPayload, ProviderUnavailable, RateLimited, Unauthorized, ZoneNotCovered
from gridtide.domain.zone import Zone
from gridtide.grid.provider import Ask, Product, Provider
from gridtide.grid.providers import entsoe
from gridtide.grid.providers.entsoe import Entsoe
from provider_contract import CANARY, SampledContract, ask, reply, rows
from support import shared_dir

EIC = "10Y1001A1001A82H"
ENTSOE = Entsoe(CANARY)


def series(
    code: str,
    *points: tuple[int, object],
    curve: str = "A01",
    domain: str = "in",
    resolution: str = "PT60M",
    unit: str = "MAW",
    zone: str = EIC,
    hours: int = 3,
) -> str:
    """One TimeSeries from 2026-01-01T00:00Z."""
    body = "".join(f"<Point><position>{p}</position><quantity>{q}</quantity></Point>" for p, q in points)
    return (
        f"<TimeSeries><{domain}BiddingZone_Domain.mRID codingScheme='A01'>{zone}</{domain}BiddingZone_Domain.mRID>"
        f"<quantity_Measure_Unit.name>{unit}</quantity_Measure_Unit.name><curveType>{curve}</curveType>"
        f"<MktPSRType><psrType>{code}</psrType></MktPSRType><Period><timeInterval><start>2026-01-01T00:00Z</start>"
        f"<end>2026-01-01T{hours:02}:00Z</end></timeInterval><resolution>{resolution}</resolution>{body}</Period></TimeSeries>"
    )


def document(*parts: str, name: str = "GL_MarketDocument", version: str = "3:0") -> str:
    space = f"urn:iec62325.351:tc57wg16:451-6:generationloaddocument:{version}"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{name} xmlns="{space}">{"".join(parts)}</{name}>'


def acknowledgement(code: str) -> str:
    return document(f"<Reason><code>{code}</code><text>x</text></Reason>", name="Acknowledgement_MarketDocument")


def de(product: Product = Product.HISTORY, **how: object) -> Ask:
    return ask(EIC, product, **{"now": "2026-01-01T06:00Z", "start": "2026-01-01T00:00Z", "hours": 3, **how})  # type: ignore[arg-type]


def read(*parts: str) -> list[tuple[str, str, float, str]]:
    return rows(ENTSOE.parse(de(), (reply(document(*parts)),)))


FULL = [(1, 100), (2, 100), (3, 100)]


class TestContract(SampledContract):
    asks: ClassVar = {"now": de(Product.CURRENT), "history": de()}
    good: ClassVar = {"mix": (de(), (document(series("B04", *FULL)).encode(),))}
    samples: ClassVar[dict[str, Ask]] = {"entsoe_a75.xml": de()}

    def provider(self) -> Provider:
        return Entsoe(CANARY)


def test_generation_by_type_becomes_an_intensity() -> None:
    """Gas 490 and wind 11 in equal parts, by hour."""
    assert read(series("B04", *FULL), series("B19", *FULL))[0] == (
        "2026-01-01T00:00Z",
        "2026-01-01T01:00Z",
        pytest.approx(250.5),
        "measured",
    )


def test_a_left_out_position_repeats_in_a03_and_is_a_gap_in_a01() -> None:
    """The curve type decides."""
    sparse = [(1, 100), (3, 300)]
    repeats = read(series("B04", *FULL), series("B19", *sparse, curve="A03"))
    gaps = read(series("B04", *FULL), series("B19", *sparse, curve="A01"))

    assert [row[2] for row in repeats] == pytest.approx([250.5, 250.5, (490 + 33) / 4])
    assert [row[0][11:13] for row in gaps] == ["00", "02"]


def test_only_the_window_and_a_day_around_it_is_read() -> None:
    """A wrong year must not become years of values; a repeated value is carried into the window all the same."""
    early = series("B04", (1, 100), curve="A03").replace("2026-01-01T00:00Z", "2023-01-01T00:00Z")
    found = read(early)

    assert (found[0][0], found[-1][1], len(found)) == ("2025-12-31T00:00Z", "2026-01-01T03:00Z", 27)


def test_pumping_is_consumption_and_left_out() -> None:
    """The output of pumped storage counts as hydro, what it draws does not count at all."""
    with_pumps = read(
        series("B04", *FULL), series("B10", *FULL), series("B10", (1, 900), (2, 900), (3, 900), domain="out")
    )

    assert with_pumps[0][2] == pytest.approx((490 + 24) / 2)


def test_types_of_different_resolution_meet_on_the_finer_one() -> None:
    """An hourly type holds over its four quarters."""
    quarters = [(k, 100 if k <= 2 else 300) for k in range(1, 5)]
    found = read(series("B04", (1, 100), hours=1), series("B19", *quarters, resolution="PT15M", hours=1))

    assert [row[0][14:16] for row in found] == ["00", "15", "30", "45"]
    assert [row[2] for row in found] == pytest.approx([250.5, 250.5, 130.75, 130.75])


def test_an_hour_without_a_type_that_emits_is_held_back() -> None:
    """The newest hours often lack some types."""
    found = read(series("B05", (1, 100), (2, 100)), series("B19", *FULL))

    assert [row[0][11:13] for row in found] == ["00", "01"]


def test_the_namespace_may_change() -> None:
    """It does with each version of the format."""
    body = document(series("B04", *FULL), version="9:9").replace("<TimeSeries", "<TimeSeries xmlns:q='urn:q'")

    assert len(ENTSOE.parse(de(), (reply(body),))) == 3


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (
            series("B04", *FULL, zone="10YFR-RTE------C"),
            r"TimeSeries\[0\] is for zone '10YFR-RTE------C', asked for " + EIC,
        ),
        (series("B04", *FULL, unit="KWH"), r"quantity_Measure_Unit.name is 'KWH', expected 'MAW'"),
        (series("", *FULL), r"TimeSeries\[0\].MktPSRType.psrType is missing"),
        (series("B04", *FULL, resolution="P1D"), r"Period.resolution is 'P1D', expected one of PT15M, PT30M, PT60M"),
        (series("B04", (4, 1)), r"Point.position is '4', expected 1 to 3"),
        (series("B04", ("x", 1)), r"Point.position is 'x', expected 1 to 3"),  # type: ignore[arg-type]
        (series("B04", (1, 1), (1, 2)), r"TimeSeries\[0\] has position 1 twice with different quantities"),
        (series("B04", *FULL).replace("inBidding", "noBidding"), r"inBiddingZone_Domain.mRID is missing"),
        (series("B04", *FULL).replace("T03:00Z", "T00:00Z"), r"Period.timeInterval is missing or no interval"),
        (
            series("B04", *FULL).replace("2026-01-01T00:00Z", "2026-01-01T00:00"),
            r"timeInterval is missing or no interval",
        ),
        (series("B04", *FULL).replace("2026-01-01T03", "2040-01-01T03"), r"Period has \d+ positions, at most 38400"),
        (series("B04", (1, "many"), (2, "many")), r"none of 2 points can be used: step 0 is 'many' \(type\)"),
    ],
    ids=[
        "zone",
        "unit",
        "type",
        "resolution",
        "position",
        "no number",
        "twice",
        "domain",
        "empty",
        "naive",
        "endless",
        "text",
    ],
)
def test_a_document_of_another_shape_is_refused(part: str, message: str) -> None:
    """With the path."""
    with pytest.raises(MalformedPayload, match=message):
        read(part)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('<!DOCTYPE a [<!ENTITY b "bb">]><GL_MarketDocument>&b;</GL_MarketDocument>', "document type or an entity"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "document type or an entity"),
        ("<a>" * 40, "nested too deeply"),
        ("<a><b></a>", "reply is not XML at line 1"),
        ('<?xml version="1.0" encoding="nonsense"?><a/>', "not XML|other than UTF-8"),
        ("<Other/>", "document is 'Other', expected GL_MarketDocument"),
    ],
    ids=["bomb", "external", "deep", "crossed", "encoding", "other"],
)
def test_hostile_xml_is_refused(body: str, message: str) -> None:
    """Nothing expands, nothing is fetched."""
    with pytest.raises(MalformedPayload, match=message):
        ENTSOE.parse(de(), (reply(body),))


def test_many_periods_of_a_long_window_are_refused_before_they_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A03 stretches one point over a year; a small document must not become billions of values."""
    monkeypatch.setattr(entsoe, "POINTS_MAX", 5_000)
    year = series("B04", (1, 5), curve="A03", resolution="PT15M").replace("2026-01-01T03", "2026-12-31T00")
    period = year[year.index("<Period>") : year.index("</TimeSeries>")]
    with pytest.raises(MalformedPayload, match="document holds more than 5000 values"):
        read(year.replace("</TimeSeries>", period * 80 + "</TimeSeries>"))


def test_a_zip_is_refused_with_the_way_out() -> None:
    """Very long windows come zipped."""
    with pytest.raises(MalformedPayload, match="zip archive, which comes for very long windows"):
        ENTSOE.parse(de(), (reply(b"PK\x03\x04rest"),))


def test_a_document_without_series_is_unavailable() -> None:
    """Nothing is not zero."""
    with pytest.raises(ProviderUnavailable, match="document holds no generation series"):
        read()


@pytest.mark.parametrize("status", [200, 400])
def test_no_matching_data_is_said_the_same_with_either_status(status: int) -> None:
    """Code 999 comes with 200 or 400."""
    answer = reply(acknowledgement("999"), status=status)
    if status == 200:
        with pytest.raises(ZoneNotCovered, match="has no generation data") as caught:
            ENTSOE.parse(de(), (answer,))
        error: object = caught.value
    else:
        error = ENTSOE.explain(de(), answer)

    assert isinstance(error, ZoneNotCovered)
    assert error.facts["reason"] == "no_data"


def test_other_acknowledgements_and_refusals_are_told_apart() -> None:
    """A token, a ban, another code, a broken page."""
    ban = ENTSOE.explain(de(), reply("", status=429))
    token = ENTSOE.explain(de(), reply("", status=401))

    assert isinstance(ENTSOE.explain(de(), reply(acknowledgement("100"), status=400)), ProviderUnavailable)
    assert isinstance(ban, RateLimited)
    assert ban.retry_after == timedelta(minutes=10)
    assert isinstance(token, Unauthorized)
    assert token.facts["cause"] == "credential"
    assert ENTSOE.explain(de(), reply("<Acknowledgement_MarketDocument", status=400)) is None
    assert ENTSOE.explain(de(), reply("", status=503)) is None


def test_the_window_is_asked_in_whole_utc_hours() -> None:
    """The end is rounded up; a long history is cut into years."""
    (request,) = ENTSOE.build_requests(de(start="2026-01-01T00:30Z", hours=2))
    years = ENTSOE.build_requests(de(hours=24 * 400))
    params = dict(request.params)

    assert (params["periodStart"], params["periodEnd"]) == ("202601010000", "202601010300")
    assert (params["documentType"], params["processType"], params["in_Domain"]) == ("A75", "A16", EIC)
    assert request.secret_params == {"securityToken"}
    assert len(years) == 2


@pytest.mark.parametrize(
    ("zone", "key"),
    [
        (Zone("DE", aliases=(("entsoe", "DE_LU"), ("entsoe-eic", EIC))), EIC),
        (Zone("DE", aliases=(("entsoe", EIC),)), EIC),
        (Zone("DE", aliases=(("entsoe", "DE_LU"),)), None),
        (Zone("DE"), None),
    ],
    ids=["eic alias", "entsoe is eic", "name only", "none"],
)
def test_zones_are_known_by_their_eic(zone: Zone, key: str | None) -> None:
    """Names of bidding zones are no codes."""
    assert ENTSOE.key_for(zone) == key


@pytest.mark.shared
def test_the_recorded_acknowledgement_is_no_data() -> None:
    """999."""
    body = (shared_dir("data", "samples") / "entsoe_ack_999.xml").read_bytes()

    with pytest.raises(ZoneNotCovered, match="has no generation data"):
        ENTSOE.parse(de(), (reply(body),))
