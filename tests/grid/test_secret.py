"""Credentials that do not show themselves."""

from __future__ import annotations

import logging
import pickle

import pytest

from gridtide.domain.errors import MissingCredential
from gridtide.grid.secret import Secret

KEY = "s3cr3t-value"


class Wrapped:
    """Like the secret text of a settings library."""

    def get_secret_value(self) -> str:
        return KEY


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{:>40}".format, lambda s: f"{s!r}{s}", lambda s: "%s" % s])  # noqa: UP031 - the old way too
def test_no_representation_shows_it(show) -> None:
    """Not in a log, an f-string or a traceback."""
    shown = show(Secret(KEY, name="EIA_API_KEY"))

    assert KEY not in shown
    assert "***" in shown


def test_it_reveals_itself_only_when_asked() -> None:
    """And equals another of the same text."""
    assert Secret(KEY).reveal() == KEY
    assert Secret(Wrapped()).reveal() == KEY
    assert Secret(Secret(KEY)) == Secret(KEY)
    assert hash(Secret(KEY)) == hash(Secret(KEY))
    assert Secret(KEY) != KEY


def test_it_is_not_written_to_disk() -> None:
    """A pickle of a settings object must not carry it."""
    with pytest.raises(TypeError, match="a Secret is not written to disk"):
        pickle.dumps(Secret(KEY))


@pytest.mark.parametrize(
    "text", [f"{KEY}\n", f'"{KEY}"', f"'{KEY}'", f"Bearer {KEY}", f"bearer {KEY}\r\n", f'  "Bearer {KEY}" ', f"\t{KEY}"]
)
def test_what_a_copy_adds_is_taken_off_with_a_warning(text: str, caplog: pytest.LogCaptureFixture) -> None:
    """The warning names the setting, not the value."""
    with caplog.at_level(logging.WARNING):
        assert Secret(text, name="EIA_API_KEY").reveal() == KEY

    assert "EIA_API_KEY had quotes, blanks or a 'Bearer' prefix" in caplog.text
    assert KEY not in caplog.text


def test_a_clean_value_warns_of_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Nor does one that was cleaned before."""
    Secret(Secret(KEY))

    assert not caplog.records


@pytest.mark.parametrize("value", ["", "  ", '""', "Bearer ", None, 5], ids=repr)
def test_an_empty_credential_is_a_missing_one(value: object) -> None:
    """With the name to set."""
    with pytest.raises(MissingCredential, match="^EIA_API_KEY is empty$") as caught:
        Secret(value, name="EIA_API_KEY")

    assert caught.value.hint == "set EIA_API_KEY"


@pytest.mark.parametrize("value", [f"{KEY}\nX-Evil: 1", f"{KEY}\0", f"{KEY}\u00fc", f"{KEY}\x7f"], ids=ascii)
def test_a_value_that_no_header_can_carry_is_refused_unseen(value: str) -> None:
    """A line break inside would write a header of its own."""
    with pytest.raises(
        MissingCredential, match="^K holds a line break or another character that no key has$"
    ) as caught:
        Secret(value, name="K")

    assert KEY not in f"{caught.value.message} {caught.value.facts}"


@pytest.mark.parametrize("password", ["'tis mine", '"both"', "tail'", " blank ", "p\u00e4ss", "Bearer of news"])
def test_a_password_is_taken_letter_by_letter(password: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever it is made of; only the line break of a file is no part of it."""
    assert Secret(password, literal=True).reveal() == password
    assert not caplog.records
    assert Secret(f"{password}\r\n", literal=True).reveal() == password


def test_a_quote_on_one_side_belongs_to_the_key() -> None:
    """Only a pair is a wrapping."""
    assert Secret(f"{KEY}'").reveal() == f"{KEY}'"
