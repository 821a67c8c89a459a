"""Who is asked, in which order, and who may stand in for whom."""

from __future__ import annotations

from grid_doubles import DemoProvider
from gridtide.domain.signal import Scope, SignalKind
from gridtide.domain.zone import Zone
from gridtide.grid.chain import candidates, groups

MARGINAL, AVERAGE, RELATIVE = SignalKind.MARGINAL, SignalKind.AVERAGE, SignalKind.RELATIVE
WATTTIME = DemoProvider("watttime", kinds=(MARGINAL, RELATIVE), credentials=("WATTTIME_USER",), scope=Scope.DIRECT)
MAPS = DemoProvider("electricitymaps", credentials=("ELECTRICITYMAPS_API_KEY",))
CHARTS = DemoProvider("energy-charts", zones={"DE", "DK-DK1", "FR"})
DENMARK = DemoProvider("energidataservice", zones={"DK-DK1"}, scope=Scope.DIRECT)
FRANCE = DemoProvider("odre", zones={"FR"}, scope=Scope.DIRECT)
UK = DemoProvider("uk", zones={"GB"}, scope=Scope.DIRECT)
KEYLESS = (CHARTS, DENMARK, FRANCE, UK)


def names(zone: str, *providers, **how) -> list[str]:
    return [f"{c.name}:{c.kind}" for c in candidates(Zone(zone), providers, **how)]


def test_keyless_sources_go_by_place() -> None:
    """The national source first where one is better than the continental one."""
    assert names("GB", *KEYLESS) == ["uk:average"]
    assert names("DE", *KEYLESS) == ["energy-charts:average"]
    assert names("DK-DK1", *KEYLESS) == ["energidataservice:average", "energy-charts:average"]
    assert names("FR", *KEYLESS) == ["energy-charts:average", "odre:average"]


def test_zone_nobody_covers_has_no_candidates() -> None:
    """Then the yearly table is the only step."""
    assert names("ZA", *KEYLESS) == []


def test_key_set_by_the_user_outranks_keyless() -> None:
    """Whoever took the trouble to get a key wants it used."""
    assert names("DE", CHARTS, MAPS) == ["electricitymaps:average", "energy-charts:average"]


def test_decisions_prefer_marginal_and_reports_average() -> None:
    """The kind that answers the question asked."""
    assert names("DE", MAPS, WATTTIME) == ["watttime:marginal", "electricitymaps:average"]
    assert names("DE", MAPS, WATTTIME, purpose="report") == ["electricitymaps:average", "watttime:marginal"]


def test_wanted_kind_leaves_out_everybody_else() -> None:
    """And a rank is given only to those who ask for one."""
    assert names("DE", MAPS, WATTTIME, CHARTS, kind=AVERAGE) == ["electricitymaps:average", "energy-charts:average"]
    assert names("DE", MAPS, WATTTIME, kind=RELATIVE) == ["watttime:relative"]
    assert names("DE", MAPS, kind=SignalKind.PRICE) == []


def test_named_provider_goes_first() -> None:
    """In the order the user gave."""
    assert names("DE", MAPS, WATTTIME, CHARTS, prefer=("energy-charts", "electricitymaps")) == [
        "energy-charts:average",
        "electricitymaps:average",
        "watttime:marginal",
    ]


def test_stand_ins_are_of_one_kind_and_scope() -> None:
    """Direct and lifecycle averages of one zone are two groups."""
    chain = candidates(Zone("FR"), (WATTTIME, MAPS, CHARTS, FRANCE))

    assert [[c.name for c in group] for group in groups(chain)] == [
        ["watttime"],
        ["electricitymaps", "energy-charts"],
        ["odre"],
    ]


def test_group_of_the_best_candidate_comes_first_even_when_scopes_alternate() -> None:
    """A later member of the first group is asked before the second group."""
    other = DemoProvider("zz-last")
    chain = candidates(Zone("FR"), (CHARTS, FRANCE, other))

    assert [[c.name for c in group] for group in groups(chain)] == [["energy-charts", "zz-last"], ["odre"]]


def test_rank_has_no_scope() -> None:
    """A percentile counts no emissions."""
    assert candidates(Zone("DE"), (WATTTIME,), kind=RELATIVE)[0].scope is Scope.UNKNOWN
