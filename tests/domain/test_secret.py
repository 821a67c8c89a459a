"""Credentials that do not show themselves."""

from __future__ import annotations

import pickle

import pytest

from gridtide.domain.secret import MASK, Secret

KEY = "s3cr3t-value"


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{:>40}".format, lambda s: f"{s!r}{s}", lambda s: "%s" % s])  # noqa: UP031 - the old way too
def test_no_representation_shows_it(show) -> None:
    """Not in a log, an f-string or a traceback."""
    shown = show(Secret(KEY, name="EIA_API_KEY"))

    assert KEY not in shown
    assert MASK in shown


def test_it_reveals_itself_only_when_asked() -> None:
    """And equals another of the same text, never the text itself."""
    assert Secret(KEY).reveal() == KEY
    assert Secret(KEY) == Secret(KEY, name="other")
    assert hash(Secret(KEY)) == hash(Secret(KEY))
    assert Secret(KEY) != KEY


def test_an_empty_one_is_false_and_shows_nothing() -> None:
    """A key that is not set is told from one that is, without looking at it."""
    assert not Secret("")
    assert Secret(KEY)
    assert str(Secret("")) == ""


def test_it_is_not_written_to_disk() -> None:
    """A pickle of a settings object must not carry it."""
    with pytest.raises(TypeError, match="a Secret is not written to disk"):
        pickle.dumps(Secret(KEY))


@pytest.mark.parametrize(
    "text", [f"{KEY}\n", f'"{KEY}"', f"'{KEY}'", f"Bearer {KEY}", f"bearer {KEY}\r\n", f'  "Bearer {KEY}" ', f"\t{KEY}"]
)
def test_what_a_copy_adds_is_taken_off_and_remembered(text: str) -> None:
    """Quotes in a pair, blanks, a line break and a scheme are no part of a key."""
    found = Secret(text, name="K").cleaned()

    assert (found.reveal(), found.trimmed, found.name) == (KEY, True, "K")
    assert found.cleaned().trimmed


def test_a_password_keeps_its_letters() -> None:
    """Only the line break of a file is no part of it."""
    password = "'tis mine\" "

    assert Secret(f"{password}\n").cleaned(literal=True).reveal() == password
    assert not Secret(password).cleaned(literal=True).trimmed
