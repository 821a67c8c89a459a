"""The built wheel holds everything the program needs, not only its modules."""

import subprocess
import sys
import zipfile

import pytest

from support import ROOT

SRC = ROOT / "src"


@pytest.mark.slow
def test_a_wheel_holds_every_file_of_the_package(tmp_path):
    """Tables, recorded series, their licences and the type marker go along; an import from it finds its data."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--wheel-dir", str(tmp_path), str(ROOT)], check=True, timeout=300)
    (wheel,) = tmp_path.glob("gridtide-*.whl")

    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
        archive.extractall(tmp_path / "site")
    there = {
        str(p.relative_to(SRC)) for p in (SRC / "gridtide").rglob("*") if p.is_file() and "__pycache__" not in p.parts
    }
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); import gridtide\n"
        f"assert gridtide.__file__.startswith({str(tmp_path)!r})\n"
        "from gridtide.cli.main import main; main()"
    )
    asked = ["now", "--provider", "replay", "--zone", "US-CAL-CISO", "--at", "2022-06-15T04:00Z", "--json"]
    told = subprocess.run([sys.executable, "-c", code, *asked], capture_output=True, text=True, timeout=60, check=False)

    assert there <= held
    assert told.returncode == 0, told.stderr
