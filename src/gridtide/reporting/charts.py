"""
Charts as Vega-Lite specifications, and those as SVG or PNG; the one place that imports the renderer.

A specification is plain data. Colours are named by `PALETTE` in its light form; a page swaps them for its own
variables, so that one drawing serves light, dark and print.

References:
    Vega-Lite 5 specification, https://vega.github.io/vega-lite/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gridtide.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

__all__ = [
    "GRID",
    "INK",
    "PALETTE",
    "Spec",
    "Stroke",
    "bars_by_group",
    "lines",
    "png",
    "scatter_with_diagonal",
    "share_bars",
    "strokes",
    "svg",
    "trade_off",
]

Spec = dict[str, Any]
"""A Vega-Lite specification without its common part."""

PALETTE: Final = ("#2166ac", "#d95f02", "#1b8a5a", "#7b4ea3", "#9a6b00", "#c2427e", "#00838f", "#6b6b6b")
"""Colours of series, in order; the last, grey, is for those that do nothing."""

INK: Final = "#1c1c1e"
GRID: Final = "#d8d8dc"

_SHAPES: Final = (
    "circle",
    "square",
    "triangle-up",
    "diamond",
    "cross",
    "triangle-down",
    "triangle-right",
    "triangle-left",
)
_DASHES: Final = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [1, 0], [6, 3], [2, 2], [8, 3, 2, 3])
_WIDTH: Final = 700
_COLOURED: Final = len(PALETTE) - 1
_FONT: Final = "Helvetica, Arial, Liberation Sans, sans-serif"
_FEW_TICKS: Final = {"tickCount": 8}
_VERSION: Final = "5.21"


class Stroke(NamedTuple):
    """How one series looks in every chart of a page."""

    name: str
    colour: str
    shape: str
    dash: list[int]


def strokes(names: Sequence[str], *, plain: Collection[str] = ()) -> list[Stroke]:
    """Looks of all series of a page; *plain* ones are grey."""
    found: list[Stroke] = []
    for name in names:
        k = sum(1 for stroke in found if stroke.colour != PALETTE[-1])
        colour = PALETTE[-1] if name in plain else PALETTE[k % _COLOURED]
        found.append(Stroke(name, colour, _SHAPES[len(found) % len(_SHAPES)], _DASHES[k % len(_DASHES)]))
    return found


def bars_by_group(
    rows: Sequence[Mapping[str, Any]],
    *,
    group: str,
    value: str,
    title: str,
    series: Sequence[Stroke],
    mark: str | None = None,
) -> Spec:
    """Horizontal bars of *value* for each *group* and series, with a tick at *mark*; losses reach left of zero."""
    y = {"field": group, "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 200}}
    offset = {"field": "policy", "sort": _names(series)}
    bars = {
        "mark": {"type": "bar", "height": {"band": 0.85}},
        "encoding": {
            "y": y,
            "yOffset": offset,
            "x": {"field": value, "type": "quantitative", "title": title, "axis": _FEW_TICKS},
            "color": _colour(series),
        },
    }
    ticks = {
        "mark": {"type": "tick", "color": INK, "thickness": 3, "height": {"band": 1.0}},
        "encoding": {"y": y, "yOffset": offset, "x": {"field": mark, "type": "quantitative"}},
    }
    zero = {"mark": {"type": "rule", "color": INK}, "encoding": {"x": {"datum": 0}}}
    layers = [bars, zero] if mark is None else [bars, ticks, zero]
    return {"data": {"values": list(rows)}, "height": {"step": 13, "for": "offset"}, "layer": layers}


def lines(
    rows: Sequence[Mapping[str, Any]],
    *,
    x: Mapping[str, Any],
    y: Mapping[str, Any],
    series: Sequence[Stroke],
    points: bool,
) -> Spec:
    """One line per series."""
    mark: dict[str, Any] = {"type": "line", "strokeWidth": 2.5}
    if points:
        mark["point"] = {"size": 60, "filled": True}
    dashes = {"field": "policy", "sort": _names(series), "scale": _scale(series, [s.dash for s in series])}
    encoding: dict[str, Any] = {"x": dict(x), "y": dict(y), "color": _colour(series), "strokeDash": dashes}
    if points:
        encoding["shape"] = _shape(series)
        encoding["color"] |= {"legend": {"symbolStrokeWidth": 0}}  # a dashed outline would hide the shape
    return {"data": {"values": list(rows)}, "height": 260, "mark": mark, "encoding": encoding}


def scatter_with_diagonal(
    rows: Sequence[Mapping[str, Any]], *, x: str, y: str, unit: str, series: Sequence[Stroke]
) -> Spec:
    """Points against the line where both are equal."""
    values = [float(row[name]) for row in rows for name in (x, y)]
    span = (max(values) - min(values)) * 0.06 or 1.0
    low, high = max(0.0, min(values) - span), max(values) + span
    scale = {"domain": [low, high], "zero": False, "nice": False}
    axes = {
        "x": {"field": x, "type": "quantitative", "title": f"planned at arrival [{unit}]", "scale": scale},
        "y": {"field": y, "type": "quantitative", "title": f"realised [{unit}]", "scale": scale},
    }
    diagonal = {
        "data": {"values": [{"a": low, "b": high}]},
        "mark": {"type": "rule", "color": INK, "strokeDash": [4, 4]},
        "encoding": {
            "x": {"field": "a", "type": "quantitative"}, "y": {"field": "a", "type": "quantitative"},
            "x2": {"field": "b"}, "y2": {"field": "b"},
        },
    }  # fmt: skip
    dots = {
        "mark": {"type": "point", "size": 90, "filled": True},
        "encoding": axes | {"color": _colour(series), "shape": _shape(series)},
    }
    return {"data": {"values": list(rows)}, "width": 360, "height": 320, "layer": [diagonal, dots]}


def trade_off(rows: Sequence[Mapping[str, Any]], *, x: str, y: str, series: Sequence[Stroke]) -> Spec:
    """Delay against saving, the front joined."""
    axes = {
        "x": {
            "field": x, "type": "quantitative", "title": "mean delay [h]", "axis": _FEW_TICKS,
            "scale": {"domainMin": 0, "padding": 30},
        },
        "y": {
            "field": y, "type": "quantitative", "title": "saving against run-now [%]", "scale": {"padding": 18},
        },
    }  # fmt: skip
    front = {
        "transform": [{"filter": "datum.on_front"}],
        "mark": {"type": "line", "color": INK, "strokeDash": [4, 4], "interpolate": "linear"},
        "encoding": axes | {"order": {"field": x}},
    }
    dots = {
        "mark": {"type": "point", "size": 110, "filled": True, "opacity": 1},
        "encoding": axes | {"color": _colour(series), "shape": _shape(series)},
    }
    return {"data": {"values": list(rows)}, "height": 300, "layer": [front, dots]}


def share_bars(rows: Sequence[Mapping[str, Any]], *, value: str, series: Sequence[Stroke]) -> Spec:
    """One bar per series with its figure at the end."""
    y = {"field": "policy", "type": "nominal", "sort": _names(series), "title": None, "axis": {"labelLimit": 220}}
    x = {
        "field": value,
        "type": "quantitative",
        "title": "share of the possible saving that was realised [%]",
        "axis": _FEW_TICKS,
    }
    bars = {
        "mark": {"type": "bar", "height": {"band": 0.7}},
        "encoding": {"y": y, "x": x, "color": _colour(series, legend=False)},
    }
    figures = [
        {
            "transform": [{"filter": f"datum.{value} {sign} 0"}],
            "mark": {"type": "text", "align": align, "dx": dx, "color": INK, "fontSize": 12},
            "encoding": {"y": y, "x": x, "text": {"field": value, "type": "quantitative", "format": ".0f"}},
        }
        for sign, align, dx in ((">=", "left", 5), ("<", "right", -5))
    ]
    zero = {"mark": {"type": "rule", "color": INK}, "encoding": {"x": {"datum": 0}}}
    return {"data": {"values": list(rows)}, "height": {"step": 26}, "layer": [bars, *figures, zero]}


def svg(spec: Spec, *, background: str | None = None) -> str:
    """
    Draw *spec*.

    Raises:
        ConfigurationError: The renderer is not installed; the message holds the command that installs it.
    """
    drawn: str = _renderer().vegalite_to_svg(_whole(spec, background), vl_version=_VERSION, allowed_base_urls=[])
    return drawn


def png(spec: Spec, *, scale: float = 2.0) -> bytes:
    """Draw *spec* on white as a PNG picture; raises like `svg`."""
    drawn: bytes = _renderer().vegalite_to_png(
        _whole(spec, "white"), vl_version=_VERSION, scale=scale, allowed_base_urls=[]
    )
    return drawn


def _renderer() -> Any:
    try:
        import vl_convert  # noqa: PLC0415 - an extra; a missing one is an answer, not a crash
    except ImportError as error:
        raise ConfigurationError(
            "charts need vl-convert-python, which is not installed",
            hint="pip install 'gridtide[report]'; files and --json work without it",
        ) from error
    return vl_convert


def _whole(spec: Spec, background: str | None) -> Spec:
    text = {"labelColor": INK, "titleColor": INK, "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": _WIDTH,
        "background": background,
        "config": {
            "font": _FONT,
            "axis": {**text, "gridColor": GRID, "domainColor": GRID, "tickColor": GRID},
            "legend": {**text, "orient": "top", "title": None, "labelLimit": 220, "columns": 3, "symbolStrokeWidth": 2},
            "view": {"stroke": None},
        },
        **spec,
    }


def _colour(series: Sequence[Stroke], *, legend: bool = True) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "field": "policy",
        "type": "nominal",
        "sort": _names(series),
        "scale": _scale(series, [s.colour for s in series]),
    }
    return shown if legend else shown | {"legend": None}


def _shape(series: Sequence[Stroke]) -> dict[str, Any]:
    return {
        "field": "policy",
        "type": "nominal",
        "sort": _names(series),
        "scale": _scale(series, [s.shape for s in series]),
    }


def _scale(series: Sequence[Stroke], values: Sequence[Any]) -> dict[str, Any]:
    return {"domain": _names(series), "range": list(values)}


def _names(series: Sequence[Stroke]) -> list[str]:
    return [stroke.name for stroke in series]
