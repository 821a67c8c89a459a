"""
One self-contained page: no script, no network, readable in light, dark and on paper.

Everything that comes from outside is escaped. The content security policy allows the page's own style and nothing else,
so that even a name that slipped through could load and run nothing. Each chart stands beside the table it was drawn of.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gridtide.reporting import charts
from gridtide.reporting.untrusted import html_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridtide.reporting.charts import Spec

__all__ = ["Cell", "Figure", "Page", "Table", "render"]

Cell = str | float | int | None

_STYLE: Final = """
:root{--ink:#1c1c1e;--paper:#ffffff;--soft:#5a5a60;--grid:#d8d8dc;--panel:#f5f5f7;--bad:#a1260d;
--s0:#2166ac;--s1:#d95f02;--s2:#1b8a5a;--s3:#7b4ea3;--s4:#9a6b00;--s5:#c2427e;--s6:#00838f;--s7:#6b6b6b}
@media (prefers-color-scheme:dark){:root{--ink:#ececee;--paper:#161618;--soft:#a5a5ad;--grid:#3c3c42;--panel:#222226;
--bad:#ff9b85;--s0:#6db3f2;--s1:#ff9d4d;--s2:#5fcf9f;--s3:#c3a1ee;--s4:#dcb357;--s5:#f58fbb;--s6:#52d0dc;--s7:#ababab}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:2rem 1.25rem 4rem;background:var(--paper);color:var(--ink);
font:16px/1.55 Helvetica,Arial,"Liberation Sans",sans-serif}
h1{font-size:1.7rem;line-height:1.25;margin:0 0 .25rem;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:2.75rem 0 .5rem}
p{margin:.5rem 0;max-width:46rem}
.lead{font-size:1.1rem}
.soft,figcaption{color:var(--soft)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1.25rem;background:var(--panel);padding:.9rem 1.1rem;
border-radius:6px;margin:1.25rem 0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
figure{margin:0}figcaption{margin:.25rem 0 .75rem;max-width:46rem}
svg{max-width:100%;height:auto;color:var(--ink);display:block}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:.86rem;margin:.5rem 0;font-variant-numeric:tabular-nums}
th,td{padding:.28rem .8rem .28rem 0;border-bottom:1px solid var(--grid);text-align:left;vertical-align:top;
white-space:nowrap}
td.t{white-space:normal;min-width:14rem;overflow-wrap:anywhere}
th{color:var(--soft);font-weight:normal}
td.n,th.n{text-align:right}
td.loss{color:var(--bad)}
summary{cursor:pointer;color:var(--soft);margin:.5rem 0}
ul{padding-left:1.2rem;max-width:46rem}
@media screen and (max-width:40rem){svg{max-width:none}}
@media print{body{max-width:none;padding:0;font-size:11pt}th,td{white-space:normal}figure,table{break-inside:avoid}
details::details-content{content-visibility:visible;block-size:auto}summary{list-style:none}}
""".strip()
_ADDRESS: Final = re.compile(r'(id="|url\(#|xlink:href="#|href="#)(?=[A-Za-z])')
_FRACTION: Final = 1000.0
_LONG: Final = 32
"""Longest text of a cell that stays on one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """
    A table.

    Args:
        headers: With the unit in brackets.
        rows: As long as *headers* each; None is shown as unknown.
        losses: Columns in which a number below zero is marked.
    """

    headers: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    losses: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """
    A section with a chart and the table it was drawn of.

    Args:
        key: Short name in small letters, for ids and file names.
        title: Heading.
        caption: How to read it, one or two sentences.
        table: Its twin.
        spec: The chart; None for a table that stands alone.
        alternative: What the chart shows, for those who do not see it.
        open: Whether the table is unfolded from the start.
    """

    key: str
    title: str
    caption: str
    table: Table
    spec: Spec | None = None
    alternative: str = ""
    open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """
    A report.

    Args:
        title: Of the page.
        lead: What came out, in sentences.
        facts: Named facts on what was done, in order.
        figures: Sections.
        notes: What the reader should know, one sentence each.
        credits: Attributions that the data ask for.
    """

    title: str
    lead: Sequence[str]
    facts: Sequence[tuple[str, str]]
    figures: Sequence[Figure]
    notes: Sequence[str] = ()
    credits: Sequence[str] = ()


def render(page: Page) -> str:
    """The page as HTML; raises `ConfigurationError` when charts cannot be drawn."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    lead = "".join(f'<p class="lead">{html_text(sentence)}</p>' for sentence in page.lead)
    facts = "".join(f"<dt>{html_text(name)}</dt><dd>{html_text(value)}</dd>" for name, value in page.facts)
    sections = "".join(_section(figure) for figure in page.figures)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
        f"<title>{html_text(page.title)}</title><style>{_STYLE}</style></head>\n<body><main>\n"
        f"<h1>{html_text(page.title)}</h1>\n{lead}\n<dl>{facts}</dl>\n{_bullets('Read this first', page.notes)}\n"
        f"{sections}\n{_bullets('Data', page.credits)}\n</main></body></html>\n"
    )


def _section(figure: Figure) -> str:
    table = _table(figure.table)
    heading = f'<section><h2 id="{figure.key}">{html_text(figure.title)}</h2>'
    if figure.spec is None:
        return f'{heading}<p class="soft">{html_text(figure.caption)}</p>{table}</section>\n'
    state = " open" if figure.open else ""
    return (
        f"{heading}<figure><figcaption>{html_text(figure.caption)}</figcaption>"
        f'<div class="wide">{_inline(figure)}</div></figure>'
        f"<details{state}><summary>The same as a table</summary>{table}</details></section>\n"
    )


def _inline(figure: Figure) -> str:
    """The drawing as part of the page: its colours follow the page, its ids do not meet those of other drawings."""
    assert figure.spec is not None  # noqa: S101 - the caller looked
    drawn = charts.svg(figure.spec)
    for k, colour in enumerate(charts.PALETTE):
        drawn = _recoloured(drawn, colour, f"var(--s{k})")
    drawn = _recoloured(_recoloured(drawn, charts.INK, "currentColor"), charts.GRID, "var(--grid)")
    drawn = _ADDRESS.sub(rf"\g<1>{figure.key}-", drawn)
    label = html_text(figure.alternative or figure.title)
    return drawn.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def _recoloured(drawn: str, colour: str, by: str) -> str:
    for name in ("fill", "stroke"):
        drawn = drawn.replace(f'{name}="{colour}"', f'{name}="{by}"')
    return drawn


def _table(table: Table) -> str:
    numeric = [any(isinstance(row[k], int | float) for row in table.rows) for k in range(len(table.headers))]
    head = "".join(
        f'<th scope="col"{" class=n" if number else ""}>{html_text(header)}</th>'
        for header, number in zip(table.headers, numeric, strict=True)
    )
    rows = "".join(
        f"<tr>{''.join(_cell(cell, numeric[k], k in table.losses) for k, cell in enumerate(row))}</tr>"
        for row in table.rows
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _cell(cell: Cell, numeric: bool, marks_loss: bool) -> str:  # noqa: FBT001 - facts about the column
    loss = marks_loss and isinstance(cell, int | float) and cell < 0
    long = isinstance(cell, str) and len(cell) > _LONG
    kinds = " ".join(name for name, on in (("n", numeric), ("t", long), ("loss", loss)) if on)
    attribute = f' class="{kinds}"' if kinds else ""
    return f"<td{attribute}>{html_text(_shown(cell))}</td>"


def _shown(cell: Cell) -> str:
    if cell is None:
        return "unknown"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if not isinstance(cell, float):
        return f"{cell:,}" if isinstance(cell, int) else cell
    if cell != 0 and abs(cell) < 0.01:
        return f"{cell:.2g}"
    return f"{cell:,.0f}" if abs(cell) >= _FRACTION else f"{cell:.2f}"


def _bullets(title: str, sentences: Sequence[str]) -> str:
    if not sentences:
        return ""
    items = "".join(f"<li>{html_text(sentence)}</li>" for sentence in sentences)
    return f"<section><h2>{html_text(title)}</h2><ul>{items}</ul></section>"
