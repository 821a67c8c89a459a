"""
Text that others wrote (job, zone and policy names) on its way into files that programs open.

A spreadsheet runs a cell that starts like a formula; a browser runs a tag. Neither may happen because of a name.
"""

from __future__ import annotations

import html
from typing import Final

__all__ = ["FORMULA_SIGNS", "csv_text", "html_text"]

FORMULA_SIGNS: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""


def csv_text(text: str) -> str:
    """A cell that stays text in every spreadsheet: an apostrophe goes before what looks like a formula."""
    return f"'{text}" if text.startswith(FORMULA_SIGNS) else text


def html_text(text: object) -> str:
    """Text for the inside of an element or a quoted attribute; control characters that no page may hold are shown."""
    shown = "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in str(text))
    return html.escape(shown, quote=True)
