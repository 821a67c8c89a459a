"""
Midcontinent ISO, fuel mix: JSON with numbers as text, intensity computed from the mix. Keyless, one call a minute.

Labels are Eastern Standard Time all year, the start of five minutes. The reply for now holds a single interval, so its
sum is checked against ``TotalMW``. The retired address answers 200 with an error.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, ClassVar, Final

from gridtide.domain.instants import duration_ns, to_ns
from gridtide.domain.signal import Perimeter, Scope, SignalKind
from gridtide.grid.payload import items, member, read_json, text_number, unavailable
from gridtide.grid.points import Reject, require_offered
from gridtide.grid.provider import Ask, Product, ProviderInfo, Reply, Request
from gridtide.grid.providers.generation import UsIso

if TYPE_CHECKING:
    from gridtide.domain.series import Series

__all__ = ["Miso"]

_EST: Final = timezone(timedelta(hours=-5))
_STEP_NS: Final = duration_ns(timedelta(minutes=5))
_COMPLETE: Final = 0.95


class Miso(UsIso):
    """Carbon intensity of MISO; its one zone key is ``MISO``."""

    info: ClassVar[ProviderInfo] = ProviderInfo(
        name="miso",
        title="Midcontinent ISO fuel mix",
        base_url="https://public-api.misoenergy.org",
        kinds=(SignalKind.AVERAGE,),
        products=frozenset({Product.CURRENT, Product.HISTORY}),
        scope=Scope.LIFECYCLE,
        perimeter=Perimeter.PRODUCTION,
        attribution="Midcontinent ISO",
        licence="public, attribution",
        period=timedelta(minutes=5),
        lag=timedelta(minutes=5),
        max_span=timedelta(days=2),
        calls_per_window=1,
        budget_window=timedelta(minutes=1),
    )
    zone_key: ClassVar = "US-MIDW-MISO"
    fuels: ClassVar = {
        "coal": "coal",
        "natural gas": "gas",
        "nuclear": "nuclear",
        "wind": "wind",
        "solar": "solar",
        "hydro": "hydro",
        "battery storage": "battery",
        "storage": "battery",
        "imports": "imports",
        "other": "other",
    }

    def build_requests(self, ask: Ask, replies: tuple[Reply, ...] = ()) -> tuple[Request, ...]:
        """The latest interval, or today and, where the window reaches back to it, yesterday."""
        require_offered(self.info, ask)
        if replies:
            return ()
        if ask.product is Product.CURRENT:
            return (Request(path="/api/FuelMix"),)
        midnight = ask.now.astimezone(_EST).replace(hour=0, minute=0, second=0, microsecond=0)
        days = ["/Yesterday"] if ask.window.start < midnight else []
        if ask.window.end > midnight or not days:
            days.append("/Today")
        return tuple(Request(path=f"/api/FuelMix{day}") for day in days)

    def parse(self, ask: Ask, replies: tuple[Reply, ...]) -> Series:
        """Every five minutes of the replies."""
        points = self._points(ask, replies, "Fuel.Type[{}]")
        mix = self._mix()
        index = 0
        for reply in replies:
            tree = read_json(reply, self.info.name)
            records = items(member(member(tree, "Fuel", "miso"), "Type", "miso", "Fuel"), "miso", "Fuel.Type")
            _check_total(tree, records)
            for record in records:
                path = f"Fuel.Type[{index}]"
                start = _instant(member(record, "INTERVALEST", "miso", path))
                code = member(record, "CATEGORY", "miso", path)
                if start is None or not isinstance(code, str):
                    points.skip(Reject.TIME, index, record.get("INTERVALEST"))
                else:
                    output = text_number(member(record, "ACT", "miso", path))
                    mix.add(start, start + _STEP_NS, code, output, index=index)
                index += 1
        mix.fill(points)
        return points.series()


def _check_total(tree: Any, records: list[Any]) -> None:
    """One interval alone shows no gap; its total does."""
    total = text_number(tree.get("TotalMW")) if isinstance(tree, dict) else None
    if not isinstance(total, float) or len({str(r.get("INTERVALEST")) for r in records if isinstance(r, dict)}) != 1:
        return
    outputs = [text_number(record.get("ACT")) for record in records if isinstance(record, dict)]
    listed = sum(output for output in outputs if isinstance(output, float))
    if listed < _COMPLETE * total:
        unavailable("miso", f"Fuel.Type adds up to {listed:.0f} MW of TotalMW {total:.0f}: the mix is incomplete")


def _instant(label: object) -> int | None:
    if not isinstance(label, str):
        return None
    try:
        moment = datetime.strptime(label, "%Y-%m-%d %I:%M:%S %p").replace(tzinfo=_EST)
        return to_ns(moment.astimezone(UTC))
    except (ValueError, OverflowError):
        return None
