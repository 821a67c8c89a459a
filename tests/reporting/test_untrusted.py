"""Names that others chose stay text in spreadsheets and browsers (T14)."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import polars as pl
import pytest

from gridtide.domain.errors import InvalidInput
from gridtide.reporting import charts, page
from gridtide.reporting.simulation import SimulationFacts, simulation_page
from gridtide.reporting.tables import TableFormat, write_bytes, write_table
from gridtide.reporting.untrusted import csv_text, html_text

EVIL = [
    '=cmd|" /C calc"!A0',
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><script>alert(1)</script>",
    "</svg><script>alert(1)</script>",
    "javascript:alert(1)",
    'fill="#2166ac" onload="alert(1)',
    "]]><script>alert(1)</script>",
    "datum.x]; alert(1)",
]


@pytest.mark.parametrize("name", EVIL)
def test_a_csv_cell_never_starts_a_formula(tmp_path, name):
    """Whatever the name, the cell a spreadsheet reads begins harmlessly; the name is still readable."""
    path = write_table(tmp_path / "t", {"job": [name], "n": [-1.5]}, TableFormat.CSV)
    cell = pl.read_csv(path)["job"][0]

    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert name in cell
    assert pl.read_csv(path)["n"][0] == -1.5


def test_only_csv_is_changed(tmp_path):
    """Parquet and JSON run nothing and keep the name as it was."""
    for form, read in ((TableFormat.PARQUET, pl.read_parquet), (TableFormat.JSON, pl.read_json)):
        assert read(write_table(tmp_path / "t", {"job": ["=1"]}, form))["job"][0] == "=1"


def test_missing_numbers_are_missing_in_every_format(tmp_path):
    """NaN is an empty cell or null, never a zero."""
    columns = {"x": np.array([1.0, np.nan]), "when": np.array([0, 1_500_000_000])}
    for form, read in (
        (TableFormat.CSV, pl.read_csv),
        (TableFormat.PARQUET, pl.read_parquet),
        (TableFormat.JSON, pl.read_json),
    ):
        frame = read(write_table(tmp_path / "t", columns, form, instants=("when",)))

        assert frame["x"].to_list() == [1.0, None]
        assert str(frame["when"][1]).startswith("1970-01-01")
    assert json.loads((tmp_path / "t.json").read_text())[1]["when"] == "1970-01-01T00:00:01.500Z"


def test_a_file_that_cannot_be_written_is_said(tmp_path):
    """A folder in the way is one sentence, and no half file is left."""
    (tmp_path / "t.csv").mkdir()
    with pytest.raises(InvalidInput, match=r"t.csv cannot be written"):
        write_table(tmp_path / "t", {"a": [1]}, TableFormat.CSV)
    with pytest.raises(InvalidInput, match=r"t.csv cannot be written"):
        write_bytes(tmp_path / "t.csv", b"x")
    assert [p.name for p in tmp_path.iterdir()] == ["t.csv"]


def test_control_characters_are_shown():
    """A page holds no control characters; they are visible instead."""
    assert html_text("a\x00b\x1bc\u202e") == "a\\x00b\\x1bc\\x202e"
    assert csv_text("plain") == "plain"


def facts(name="zone", **changes):
    row = {
        "policy": name, "zone": name, "jobs": 3, "savings_pct": -4.0, "oracle_savings_pct": 20.0,
        "pct_of_oracle_savings": -20.0, "run_now_grams": 1000.0, "grams": 1040.0, "late_jobs": 0, "mean_delay_h": 2.0, "moved_jobs": 1,
        "planned_mean_g_per_kwh": 190.0, "mean_g_per_kwh": 204.0, "run_now_mean_g_per_kwh": 200.0,
    }  # fmt: skip
    own = {
        "policy": name, "path": "events", "decisions": 9, "cpu_s": 0.1, "forecast_cpu_s": 0.0,
        "cpu_s_per_million": 1.0, "own_grams_per_million": 0.1, "saved_grams_per_million": -5.0,
    }  # fmt: skip
    slack = {
        "policy": name,
        "slack": name,
        "mean_slack_h": 3.0,
        "jobs": 3,
        "savings_pct": -4.0,
        "oracle_savings_pct": 20.0,
    }
    move = {
        "policy": name, "home": name, "region": name, "jobs": 3, "kwh": 5.0, "data_gb": 20.0, "transfer_g_low": 1.0,
        "transfer_g": 40.0, "transfer_g_high": 59.0, "run_now_grams": 1000.0, "grams": 1040.0, "savings_pct": -4.0,
    }  # fmt: skip
    tables = {
        "summary": [row],
        "by_class": [],
        "by_slack": [slack],
        "delays": [{"policy": name, "started_pct": s, "delay_h": s / 10} for s in range(0, 101, 5)],
        "pareto": [{"policy": name, "mean_delay_h": 2.0, "savings_pct": -4.0, "on_front": True}],
        "moves": [move],
        "own_footprint": [own],
    }
    signal = {
        "zone": name,
        "provider": name,
        "kind": "average",
        "scope": name,
        "unit": "g",
        "method": name,
        "start": "",
        "end": "",
    }
    settings = {
        "name": name, "facts": (("seed", name),), "policies": [name], "at_once": frozenset(), "tables": tables,
        "signals": [signal], "notes": [name], "credits": [name], "own_power_w": 15.0,
    }  # fmt: skip
    return SimulationFacts(**(settings | changes))


class _Reader(HTMLParser):
    """What a browser would see."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs


def seen(text):
    reader = _Reader()
    reader.feed(text)
    return reader


@pytest.mark.parametrize("name", [EVIL[0], *(pytest.param(name, marks=pytest.mark.slow) for name in EVIL[1:])])
def test_no_name_becomes_markup(name):
    """The page holds the same elements and attributes whatever things are called: no script, no handler, no image."""
    reader = seen(page.render(simulation_page(facts(name))))

    assert set(reader.tags) == set(seen(page.render(simulation_page(facts("zone")))).tags)
    assert not {"script", "img", "iframe", "object", "foreignobject", "image", "use"} & set(reader.tags)
    assert not [key for key, _ in reader.attributes if key.startswith("on")]


class TestPage:
    def test_nothing_is_loaded_and_nothing_runs(self):
        """No address but names of standards, no script, and a policy that forbids both."""
        text = page.render(simulation_page(facts()))
        policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)[1]

        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert set(re.findall(r'https?://[^"<\s]*', text)) <= {
            "http://www.w3.org/2000/svg",
            "http://www.w3.org/1999/xlink",
        }
        assert not [v for k, v in seen(text).attributes if k == "style"]

    def test_places_are_shown_where_work_may_move(self):
        """Without a policy that moves work there is no section on it, and zones are zones."""
        moving, staying = facts(), facts()
        staying.tables["moves"] = []
        titles = [[figure.title for figure in simulation_page(made).figures] for made in (moving, staying)]

        assert titles[0][:2] == ["Savings by home", "Where the work ran"]
        assert titles[1][0] == "Savings by zone"
        assert "Where the work ran" not in titles[1]

    def test_each_chart_has_its_table(self):
        """As many drawings as unfoldable tables, each drawing named for those who do not see it."""
        made = simulation_page(facts())
        text = page.render(made)
        drawn = [f for f in made.figures if f.spec is not None]

        assert len(drawn) == 7
        assert text.count("<svg ") == text.count("<details") == len(drawn)
        assert text.count('role="img" aria-label="') == len(drawn)

    def test_ids_meet_nowhere(self):
        """Drawings of one page share no id."""
        ids = [v for k, v in seen(page.render(simulation_page(facts()))).attributes if k == "id"]

        assert len(ids) == len(set(ids))

    def test_losses_are_marked_and_said(self):
        """A negative saving is in the first sentences and marked in its table."""
        text = page.render(simulation_page(facts("late")))

        assert "The policy \u201clate\u201d lost 4.0 %" in text
        assert 'class="n loss">-4.00<' in text

    def test_what_is_unknown_says_so(self):
        """No grams are unknown grams."""
        made = facts()
        made.tables["summary"][0].update(grams=None, run_now_grams=None)

        assert ">unknown<" in page.render(simulation_page(made))

    def test_many_zones_are_drawn_in_part(self):
        """A chart stays readable; the table keeps all."""
        made = facts("p")
        rows = [made.tables["summary"][0] | {"zone": f"Z{k}", "savings_pct": float(k)} for k in range(60)]
        figure = simulation_page(facts("p", tables=made.tables | {"summary": rows})).figures[0]

        assert len({r["zone"] for r in figure.spec["data"]["values"]}) == 24
        assert len(figure.table.rows) == 60
        assert "the table has all" in figure.caption

    def test_colours_follow_the_page(self):
        """Drawings use the page's variables, so that dark and print need no second drawing."""
        text = page.render(simulation_page(facts()))

        assert 'fill="var(--s0)"' in text
        assert charts.PALETTE[0] not in text.split("</style>")[1]


class TestCharts:
    def test_pictures_are_pictures(self):
        """SVG and PNG come from the same specification."""
        spec = simulation_page(facts()).figures[0].spec

        assert charts.svg(spec, background="white").startswith("<svg ")
        assert charts.png(spec)[:8] == b"\x89PNG\r\n\x1a\n"

    def test_looks_differ_and_stay(self):
        """Policies keep their colour whatever a chart shows; those that do nothing are grey."""
        looks = charts.strokes(["now", "a", "b"], plain={"now"})

        assert [s.colour for s in looks] == [charts.PALETTE[-1], charts.PALETTE[0], charts.PALETTE[1]]
        assert len({s.shape for s in looks}) == 3

    def test_a_missing_renderer_is_explained(self, monkeypatch):
        """The error holds the command that installs it."""
        from gridtide.domain.errors import ConfigurationError

        monkeypatch.setitem(__import__("sys").modules, "vl_convert", None)
        with pytest.raises(ConfigurationError, match="charts need vl-convert-python") as caught:
            charts.svg({})
        assert "pip install 'gridtide[report]'" in caught.value.hint
