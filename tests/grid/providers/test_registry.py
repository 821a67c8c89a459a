"""Which sources there are, and how one is made."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gridtide.domain.errors import ConfigurationError, MissingCredential, UnknownProvider
from gridtide.grid.provider import Provider
from gridtide.grid.providers.registry import all_providers, make
from provider_contract import CANARY

NEEDED = {"casdk": {"kind": "average"}, "prometheus": {"query": "ci", "unit": "g/kWh", "kind": "average"}}
SPECS = all_providers()


@pytest.mark.parametrize("name", list(SPECS))
def test_every_source_can_be_made_from_its_credentials(name: str) -> None:
    """By the first of its environment names, and its facts agree with the registry."""
    spec = SPECS[name]
    values = {credential.variables[0]: CANARY for credential in spec.credentials}
    provider = make(name, values, NEEDED.get(name))

    assert isinstance(provider, Provider)
    assert spec.info.name == provider.info.name == name
    assert set(provider.info.kinds) <= set(spec.info.kinds)
    assert provider.info.credentials == tuple(c.variables[0] for c in spec.credentials if c.required)


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        (name, variable)
        for name, spec in SPECS.items()
        for credential in spec.credentials
        for variable in (credential.parameter, *credential.variables)
    ],
)
def test_every_name_a_credential_goes_by_is_understood(name: str, variable: str) -> None:
    """Environments made for other tools work here."""
    spec = SPECS[name]
    owner = next(c for c in spec.credentials if variable in {c.parameter, *c.variables})
    others = {c.parameter: "x" for c in spec.credentials if c is not owner}

    assert spec.missing({variable: CANARY, **others}) == ()


@pytest.mark.parametrize("name", [name for name, spec in SPECS.items() if not spec.keyless])
def test_a_missing_key_is_named(name: str) -> None:
    """With every name it goes by."""
    first = SPECS[name].credentials[0].variables[0]
    with pytest.raises(MissingCredential, match=rf"^{name} needs {first}$") as caught:
        make(name, {first: ""})

    assert first in str(caught.value.hint)
    assert first in SPECS[name].missing({})


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("wattime", "did you mean 'watttime'?"),
        ("energycharts2", "did you mean 'energy-charts'?"),
        ("carbonintensityorg", "did you mean 'uk'?"),
        ("zzz", "there are: uk, energy-charts"),
    ],
)
def test_an_unknown_name_gets_a_suggestion(asked: str, hint: str) -> None:
    """The nearest name of ours."""
    with pytest.raises(UnknownProvider, match=f"there is no provider '{asked}'") as caught:
        make(asked)

    assert str(caught.value.hint).startswith(hint)


@pytest.mark.parametrize(
    ("other", "name"), [("NESO", "uk"), ("CarbonIntensityOrgUK", "uk"), ("energy_charts", "energy-charts")]
)
def test_names_of_other_tools_are_understood(other: str, name: str) -> None:
    """In any case."""
    assert make(other).info.name == name


def test_an_unknown_option_gets_a_suggestion() -> None:
    """And a source without options says so."""
    with pytest.raises(ConfigurationError, match="electricitymaps has no option 'versio'") as caught:
        make("electricitymaps", {"api_key": "k"}, {"versio": "v3"})
    with pytest.raises(ConfigurationError, match="uk has no option 'x'") as other:
        make("uk", options={"x": 1})

    assert caught.value.hint == "did you mean 'version'?"
    assert other.value.hint == "it takes: no options"


def test_options_that_are_needed_are_named() -> None:
    """A query without its unit cannot be used."""
    with pytest.raises(ConfigurationError, match="prometheus needs the options query, unit, kind"):
        make("prometheus")
    with pytest.raises(ConfigurationError, match="casdk needs the options kind"):
        make("casdk")


@pytest.mark.parametrize(
    ("url", "base", "options"),
    [
        ("https://api.electricitymap.org/v3/", "https://api.electricitymap.org", {"version": "v3"}),
        ("https://proxy.example/em", "https://proxy.example/em", {}),
    ],
)
def test_an_address_with_a_version_is_taken_apart(url: str, base: str, options: dict[str, object]) -> None:
    """Other tools write the version into the address."""
    assert SPECS["electricitymaps"].split_url(url) == (base, options)


def test_naming_the_sources_imports_none_of_them() -> None:
    """Nor numpy: the list is there for every command."""
    code = (
        "import sys; from gridtide.grid.providers.registry import all_providers; all_providers();"
        "print([m for m in sys.modules if m == 'numpy' or m.startswith('gridtide.grid.providers.')])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "['gridtide.grid.providers.registry']"
