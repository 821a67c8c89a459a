"""The report page in a real browser: it opens without a complaint, and something is drawn."""

import shutil
import subprocess

import pytest

from gridtide.cli.main import main
from gridtide.simulation import example
from support import ROOT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


SCENARIOS = {
    "init": example.SCENARIO.replace("count = 100", "count = 20"),
    "classes": (ROOT / "docs" / "examples" / "three-classes.toml").read_text(),
    "places": (ROOT / "docs" / "examples" / "two-regions.toml").read_text(),
}


@pytest.mark.real
@pytest.mark.parametrize("text", SCENARIOS.values(), ids=SCENARIOS)
@pytest.mark.parametrize("scheme", [0, 1], ids=["dark", "light"])
def test_the_page_opens_without_errors(tmp_path, monkeypatch, scheme, text):
    """Chromium logs nothing on the console (no blocked style, no load), and the picture of the page is not blank."""
    if CHROMIUM is None:
        pytest.skip("no chromium here")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(text)
    assert main(["simulate", "s.toml", "--html", "r.html", "--quiet"]) == 0
    picture = tmp_path / "page.png"
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0",
         f"--blink-settings=preferredColorScheme={scheme}", "--hide-scrollbars", f"--user-data-dir={tmp_path / 'profile'}",
         f"--screenshot={picture}", "--window-size=1000,2400", (tmp_path / "r.html").as_uri()],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 0
    assert "CONSOLE" not in done.stderr, done.stderr
    assert picture.stat().st_size > 50_000
