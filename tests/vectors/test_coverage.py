"""Reference cases are of use only where a test reads them."""

from pathlib import Path

import pytest

from support import ROOT, shared_dir


def readers_of(file: str) -> list[Path]:
    """Test files with that name in them, this one left out."""
    here = Path(__file__)
    found = sorted((ROOT / "tests").rglob("test_*.py"))
    return [path for path in found if path.name != here.name and f'"{file}"' in path.read_text("utf-8")]


@pytest.mark.shared
def test_every_reference_case_is_read_by_a_test_that_skips_without_it():
    """Each table of cases has its test, marked so that its absence is seen."""
    tables = [path.name for path in shared_dir("vectors").iterdir() if path.suffix in {".json", ".csv"}]
    readers = {table: readers_of(table) for table in tables}

    assert [table for table, found in readers.items() if not found] == []
    assert all("mark.shared" in path.read_text("utf-8") for found in readers.values() for path in found)
