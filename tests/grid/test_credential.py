"""Credentials are cleaned, checked and masked before a provider gets them."""

from __future__ import annotations

import logging

import pytest

from gridtide.domain.errors import MissingCredential
from gridtide.domain.secret import Secret
from gridtide.grid.credential import credential

KEY = "s3cr3t-value"


class Wrapped:
    """Like the secret text of a settings library."""

    def get_secret_value(self) -> str:
        return KEY


def test_any_wrapper_of_a_secret_will_do() -> None:
    """A text, our own secret and another library's say the same, and the result is masked."""
    found = [credential(value, name="K") for value in (KEY, Secret(KEY), Wrapped())]

    assert {secret.reveal() for secret in found} == {KEY}
    assert KEY not in repr(found)


@pytest.mark.parametrize(
    "text", [f"{KEY}\n", f'"{KEY}"', f"'{KEY}'", f"Bearer {KEY}", f"bearer {KEY}\r\n", f'  "Bearer {KEY}" ', f"\t{KEY}"]
)
def test_what_a_copy_adds_is_taken_off_with_a_warning(text: str, caplog: pytest.LogCaptureFixture) -> None:
    """The warning names the setting, not the value."""
    with caplog.at_level(logging.WARNING):
        assert credential(text, name="EIA_API_KEY").reveal() == KEY

    assert "EIA_API_KEY had quotes, blanks or a 'Bearer' prefix" in caplog.text
    assert KEY not in caplog.text


def test_a_clean_value_warns_of_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Nor does one that was cleaned before."""
    credential(credential(KEY, name="K"), name="K")

    assert not caplog.records


@pytest.mark.parametrize("value", ["", "  ", '""', "Bearer ", None, 5], ids=repr)
def test_an_empty_credential_is_a_missing_one(value: object) -> None:
    """With the name to set."""
    with pytest.raises(MissingCredential, match="^EIA_API_KEY is empty$") as caught:
        credential(value, name="EIA_API_KEY")

    assert caught.value.hint == "set EIA_API_KEY"


@pytest.mark.parametrize("value", [f"{KEY}\nX-Evil: 1", f"{KEY}\0", f"{KEY}\u00fc", f"{KEY}\x7f"], ids=ascii)
def test_a_value_that_no_header_can_carry_is_refused_unseen(value: str) -> None:
    """A line break inside would write a header of its own."""
    with pytest.raises(
        MissingCredential, match="^K holds a line break or another character that no key has$"
    ) as caught:
        credential(value, name="K")

    assert KEY not in f"{caught.value.message} {caught.value.facts}"


@pytest.mark.parametrize("password", ["'tis mine", '"both"', "tail'", " blank ", "p\u00e4ss", "Bearer of news"])
def test_a_password_is_taken_letter_by_letter(password: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever it is made of; only the line break of a file is no part of it."""
    assert credential(password, name="K", literal=True).reveal() == password
    assert not caplog.records
    assert credential(f"{password}\r\n", name="K", literal=True).reveal() == password


def test_a_quote_on_one_side_belongs_to_the_key() -> None:
    """Only a pair is a wrapping."""
    assert credential(f"{KEY}'", name="K").reveal() == f"{KEY}'"
