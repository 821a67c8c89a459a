"""The reference page of the sources is written from the sources."""

from __future__ import annotations

import subprocess
import sys

from gridtide.grid.providers.registry import all_providers
from support import ROOT


def test_the_page_is_not_stale() -> None:
    """Run ``python scripts/document_providers.py`` after changing a provider's facts."""
    found = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "document_providers.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (found.returncode, found.stderr) == (0, "")


def test_the_page_credits_every_source() -> None:
    """Licences ask for it."""
    page = (ROOT / "docs" / "reference" / "providers.md").read_text(encoding="utf-8")

    assert [name for name, spec in all_providers().items() if spec.info.attribution not in page] == []
