"""The JSON Schema of a configuration file agrees with what loading accepts."""

import jsonschema
import pytest

from gridtide.config.load import load_settings
from gridtide.config.schema import settings_schema
from gridtide.config.settings import rows
from gridtide.config.table import Kind
from gridtide.domain.errors import ConfigurationError

GOOD = [
    {},
    {"cache": {"ttlSeconds": 300, "driver": "memory"}},
    {"cache": {"ttl": "300s"}},
    {"thresholds": {"elastic": 100, "soft": 200}},
    {"policies": {"maxDelayMs": 5, "allowGeoShift": True, "dataTransferLimitGB": 2.5}},
    {"regions": {"primary": "a", "fallback": ["b"], "latencyBudgets": {"b": 10}}},
    {"providers": {"watttime": {"username": "u", "password": "p"}}},
    {"$schema": "settings.schema.json", "zone": "DE"},
]
BAD = [
    {"cahce": {}},
    {"cache": {"ttlSeconds": "300"}},
    {"cache": {"ttl": 300}},
    {"cache": {"driver": "mongo"}},
    {"thresholds": {"elastic": -1}},
    {"fetch": {"retries": 6}},
    {"policies": {"allowGeoShift": "yes"}},
    {"providers": {"watttme": {}}},
    {"regions": {"fallback": ["b", "b"]}},
]


@pytest.mark.parametrize("document", GOOD, ids=str)
def test_what_the_schema_accepts_is_loaded(document):
    """An editor's green tick means that the file works."""
    jsonschema.validate(document, settings_schema())
    load_settings(document=document)


@pytest.mark.parametrize("document", BAD, ids=str)
def test_what_the_schema_refuses_is_refused(document):
    """The two never disagree on a mistake."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, settings_schema())
    with pytest.raises(ConfigurationError):
        load_settings(document=document)


def test_every_setting_is_in_the_schema_with_its_help():
    """The table is the one source."""
    for row in rows():
        node = settings_schema()
        for part in row.name.split("."):
            node = node["properties"][part]

        assert node["description"].startswith(row.help)


def test_no_secret_has_a_default_in_the_schema():
    """A default would be a shared password."""
    secrets = [row for row in rows() if row.kind is Kind.SECRET]

    assert secrets
    assert all(not row.default for row in secrets)
