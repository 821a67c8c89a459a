"""Settings from files, environment and flags: what counts, where it came from, and what is refused (rows B18 to B33)."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from gridtide.config.document import LARGEST_FILE
from gridtide.config.load import load_settings
from gridtide.config.places import ConfigFile, cache_dir, config_dir, find_files, state_dir
from gridtide.config.settings import rows
from gridtide.domain.errors import ConfigurationError, UnknownProvider

TEMPLATE = """\
provider: watttime
apiKey: abc
thresholds: {elastic: 150, soft: 300}
regions:
  primary: aws:us-west-2
  fallback: [aws:eu-north-1]
  latencyBudgets: {"aws:eu-north-1": 120}
cache: {ttlSeconds: 120, driver: redis}
policies: {maxDelayMs: 3600000, allowGeoShift: true, dataTransferLimitGB: 50}
"""


@pytest.fixture
def write(tmp_path):
    """A configuration file with that text, readable by its owner only."""

    def put(text: str | bytes, name: str = "gridtide.yaml") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(0o600)
        return path

    return put


def refusal(*arguments, **options) -> ConfigurationError:
    """The error that loading raises."""
    with pytest.raises(ConfigurationError) as caught:
        load_settings(*arguments, **options)
    return caught.value


# -- the template ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("gridtide.yaml", TEMPLATE),
        (
            "gridtide.toml",
            (
                'provider = "watttime"\napi_key = "abc"\n[thresholds]\nelastic = 150\nsoft = 300.0\n'
                '[regions]\nprimary = "aws:us-west-2"\nfallback = ["aws:eu-north-1"]\n'
                '[regions.latency_budgets]\n"aws:eu-north-1" = 120\n[cache]\nttl_seconds = 120\ndriver = "redis"\n'
                "[policies]\nmax_delay_ms = 3600000\nallow_geo_shift = true\ndata_transfer_limit_gb = 50\n"
            ),
        ),
        (
            "gridtide.json",
            (
                '{"provider": "watttime", "apiKey": "abc", "thresholds": {"elastic": 150, "soft": 300}, "regions": '
                '{"primary": "aws:us-west-2", "fallback": ["aws:eu-north-1"], "latencyBudgets": {"aws:eu-north-1": 120}}, '
                '"cache": {"ttlSeconds": 120, "driver": "redis"}, "policies": {"maxDelayMs": 3600000, '
                '"allowGeoShift": true, "dataTransferLimitGB": 50}}'
            ),
        ),
    ],
    ids=["yaml-camel-case", "toml-snake-case", "json-camel-case"],
)
def test_the_template_is_accepted_key_for_key(write, name, text):
    """The keys of the first description mean the same in three formats and two spellings."""
    settings = load_settings([write(text, name)])

    assert settings.provider == "watttime"
    assert settings.api_key.reveal() == "abc"
    assert (settings.thresholds.elastic, settings.thresholds.soft) == (150.0, 300.0)
    assert settings.regions.primary == "aws:us-west-2"
    assert settings.regions.fallback == ("aws:eu-north-1",)
    assert dict(settings.regions.latency_budgets) == {"aws:eu-north-1": 120.0}
    assert settings.cache.ttl == timedelta(seconds=120)
    assert settings.cache.driver == "redis"
    assert settings.policies.max_delay == timedelta(hours=1)
    assert settings.policies.allow_geo_shift is True
    assert settings.policies.data_transfer_limit_gb == 50.0


def test_nothing_set_means_the_defaults():
    """Without a file, a variable or a flag every value is the one in the table."""
    settings = load_settings()

    assert all(settings.value(row.name) == row.default for row in rows())
    assert all(settings.origin(row.name) == "default" for row in rows())


# -- precedence and origin ---------------------------------------------------------------------------------------------


def test_the_last_one_to_speak_counts_and_is_named(write):
    """A file is overruled by the environment, the environment by a flag; each value knows where it came from."""
    weak = write("zone: FR\nsignal: average\ncache: {ttl: 60s}\n", "a.yaml")
    strong = write("zone: DE\n", "b.yaml")
    settings = load_settings(
        [weak, strong], {"GRIDTIDE_SIGNAL": "marginal", "GRIDTIDE_ZONE": "GB"}, {"zone": "IE", "signal": None}
    )

    assert (settings.zone, settings.origin("zone")) == ("IE", "flag --zone")
    assert (settings.signal, settings.origin("signal")) == ("marginal", "environment GRIDTIDE_SIGNAL")
    assert (settings.cache.ttl, settings.origin("cache.ttl")) == (timedelta(minutes=1), f"file {weak}")
    assert settings.origin("cache.driver") == "default"


@pytest.mark.parametrize(
    ("variable", "value", "name", "expected"),
    [
        ("GRIDTIDE_CACHE_TTL", "10m", "cache.ttl", timedelta(minutes=10)),
        ("GRIDTIDE_CACHE__TTL", "10m", "cache.ttl", timedelta(minutes=10)),
        ("GRIDTIDE_CACHE_TTL_SECONDS", "90", "cache.ttl", timedelta(seconds=90)),
        ("GRIDTIDE_POLICIES_ALLOW_GEO_SHIFT", "true", "policies.allow_geo_shift", True),
        ("GRIDTIDE_FALLBACK_PROVIDERS", "uk, energy-charts", "fallback_providers", ("uk", "energy-charts")),
        ("GRIDTIDE_ZONE_OVERRIDES", "aws:us-west-2=US-NW-BPAT", "zone_overrides", {"aws:us-west-2": "US-NW-BPAT"}),
        (
            "GRIDTIDE_PROVIDERS_ENERGY_CHARTS_BASE_URL",
            "https://x.example",
            "providers.energy-charts.base_url",
            "https://x.example",
        ),
        ("GRID_INTENSITY_PROVIDER", "WattTime", "provider", "WattTime"),
        ("GRID_INTENSITY_LOCATION", "FR", "zone", "FR"),
        ("GRID_INTENSITY_REGION", "aws:eu-west-3", "regions.primary", "aws:eu-west-3"),
        ("GRID_INTENSITY_NODE", "worker-1", "node", "worker-1"),
    ],
)
def test_the_environment_sets_values(variable, value, name, expected):
    """Our own names, with one or two underscores, and those of other tools."""
    settings = load_settings(env={variable: value})

    assert settings.value(name) == expected
    assert settings.origin(name) == f"environment {variable}"


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("WATTTIME_USER", "providers.watttime.username"),
        ("WATT_TIME_USER", "providers.watttime.username"),
        ("WATT_TIME_API_USER", "providers.watttime.username"),
        ("WATTTIME_PASSWORD", "providers.watttime.password"),
        ("WATT_TIME_PASSWORD", "providers.watttime.password"),
        ("WATT_TIME_API_PASSWORD", "providers.watttime.password"),
        ("ELECTRICITYMAPS_API_KEY", "providers.electricitymaps.api_key"),
        ("ELECTRICITY_MAPS_API_TOKEN", "providers.electricitymaps.api_key"),
        ("EIA_API_KEY", "providers.eia.api_key"),
        ("ENTSOE_API_KEY", "providers.entsoe.api_key"),
        ("OPENELECTRICITY_API_KEY", "providers.openelectricity.api_key"),
        ("PJM_API_KEY", "providers.pjm.api_key"),
    ],
)
def test_credentials_of_other_tools_are_found(variable, name):
    """An environment that works with the usual clients works here."""
    value = load_settings(env={variable: "k3y"}).value(name)

    assert (value if isinstance(value, str) else value.reveal()) == "k3y"


def test_our_own_variable_wins_over_another_tools():
    """Where both are set, the name that is ours is meant."""
    settings = load_settings(env={"GRID_INTENSITY_LOCATION": "FR", "GRIDTIDE_ZONE": "DE"})

    assert settings.zone == "DE"


def test_files_are_found_in_the_users_folder_then_here_then_by_name(tmp_path):
    """Weakest first; a file that merely lies in the working directory is marked as not chosen."""
    home, here = tmp_path / "home", tmp_path / "here"
    (home / ".config/gridtide").mkdir(parents=True)
    here.mkdir()
    for path in (home / ".config/gridtide/config.toml", here / "gridtide.yaml", here / "mine.json"):
        path.write_text("")
    files = find_files({"HOME": str(home)}, here, here / "mine.json")

    assert files == (
        ConfigFile(home / ".config/gridtide/config.toml"),
        ConfigFile(here / "gridtide.yaml", chosen=False),
        ConfigFile(here / "mine.json"),
    )


def test_the_variable_names_a_file_like_the_flag(tmp_path):
    """``GRIDTIDE_CONFIG`` is for services that have no command line."""
    assert find_files({"HOME": "/h", "GRIDTIDE_CONFIG": "/x/y.toml"}, tmp_path) == (ConfigFile(Path("/x/y.toml")),)


def test_folders_follow_xdg_and_need_no_home():
    """A relative XDG path is ignored, as the standard says; without HOME there still is an answer."""
    assert config_dir({"XDG_CONFIG_HOME": "/c", "HOME": "/h"}) == Path("/c/gridtide")
    assert state_dir({"XDG_STATE_HOME": "relative", "HOME": "/h"}) == Path("/h/.local/state/gridtide")
    assert cache_dir({}).is_absolute()


# -- B18: the file itself ----------------------------------------------------------------------------------------------


def test_b18_a_missing_file_is_refused_with_the_way_out(tmp_path):
    """A file that was named must be there."""
    error = refusal([tmp_path / "none.toml"])

    assert error.message == f"{tmp_path}/none.toml cannot be read: No such file or directory"
    assert error.hint == "`gridtide config init` writes one"


def test_b18_a_directory_is_refused(tmp_path):
    """The message says what it is."""
    (tmp_path / "d.toml").mkdir()

    assert refusal([tmp_path / "d.toml"]).message == f"{tmp_path}/d.toml is a directory"


def test_b18_a_fifo_is_refused_without_waiting_for_a_writer(tmp_path):
    """Opening it would hang for ever."""
    os.mkfifo(tmp_path / "f.toml")

    assert refusal([tmp_path / "f.toml"]).message == f"{tmp_path}/f.toml is not a regular file"


def test_b18_a_huge_file_is_refused_unread(tmp_path):
    """A sparse gigabyte is turned away by its size."""
    path = tmp_path / "big.toml"
    with path.open("wb") as file:
        file.truncate(1 << 30)

    assert refusal([path]).message == f"{path} has {1 << 30} bytes; allowed: at most {LARGEST_FILE}"


def test_b18_an_unreadable_file_is_refused(write, monkeypatch):
    """The reason of the system is passed on."""
    path = write("")
    monkeypatch.setattr(Path, "read_bytes", lambda _: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))

    assert refusal([path]).message == f"{path} cannot be read: Permission denied"


@pytest.mark.parametrize("name", ["a.toml", "a.yaml", "a.json"])
@pytest.mark.parametrize("text", ["", "  \n\n", "\ufeff"])
def test_b18_an_empty_file_means_the_defaults(write, name, text):
    """Nothing in a file sets nothing."""
    assert load_settings([write(text, name)]) == load_settings()


def test_b18_another_suffix_is_refused(write):
    """The format is declared by the name, not guessed."""
    assert "has the suffix '.ini'; allowed: .toml, .yaml, .yml, .json" in refusal([write("", "a.ini")]).message


# -- B19: syntax -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "place", "caret"),
    [
        ("a.toml", "zone = \n", ":1:8: Invalid value", "  zone = \n         ^"),
        ("a.yaml", "zone: [DE,\n", ":2:1: ", "  ^"),
        ("a.yaml", "cache:\n  ttl: 5m\n bad", ":3:2: ", "   bad\n   ^"),
        ("a.json", '{"zone" "DE"}', ":1:9: Expecting ':' delimiter", '  {"zone" "DE"}\n          ^'),
    ],
    ids=["toml", "yaml-unclosed", "yaml-indent", "json"],
)
def test_b19_a_syntax_error_shows_line_column_and_caret(write, name, text, place, caret):
    """The reader sees the place."""
    message = refusal([write(text, name)]).message

    assert place in message
    assert message.endswith(caret)


# -- B20: names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("cahce: {ttl: 5m}", "unknown setting 'cahce'", "did you mean cache"),
        ("cache: {tll: 5m}", "unknown setting 'cache.tll'", "did you mean cache.ttl?"),
        ("ttlSeconds: 300", "unknown setting 'ttlSeconds'", "did you mean cache.ttl_seconds?"),
        ("policies: {maxDelay_ms: 1, latencyBudgets: {a: 1}}", "unknown setting 'policies.latencyBudgets'", "did you mean regions.latency_budgets?"),
        ("xyzzy: 1", "unknown setting 'xyzzy'", "`gridtide config show` lists every setting"),
    ],
)  # fmt: skip
def test_b20_an_unknown_key_is_refused_with_the_nearest(write, text, message, hint):
    """A misspelt or misplaced setting is not ignored."""
    error = refusal([write(text)])

    assert error.message.startswith(message)
    assert error.hint.startswith(hint)


def test_b20_a_value_where_a_table_belongs_is_refused(write):
    """Wrong nesting is told apart from a wrong name."""
    error = refusal([write("cache: 5m")])

    assert error.message.startswith("cache is '5m'; allowed: a table with driver, max_stale")


def test_b20_a_former_name_is_read_with_a_warning(write):
    """The warning says the new name and the place."""
    path = write("region: aws:eu-west-1")
    settings = load_settings([path])

    assert settings.regions.primary == "aws:eu-west-1"
    assert settings.warnings == (f"region is the former name of regions.primary; rename it (file {path})",)


# -- B21: twice --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.yaml", "zone: DE\nzone: FR\n", ":2:1: 'zone' stands twice: keep one of them"),
        ("a.json", '{"zone": "DE", "zone": "FR"}', "'zone' stands twice"),
        ("a.toml", 'zone = "DE"\nzone = "FR"\n', "Cannot overwrite a value"),
        ("a.yaml", "cache: {ttl: 5m, ttlSeconds: 300}", "cache.ttl stands twice in"),
        ("a.yaml", "apiKey: a\napi_key: b\n", "api_key stands twice in"),
        ("a.yaml", "fallbackProviders: [uk, uk]\n", "fallback_providers is ['uk', 'uk']: 'uk' stands twice"),
    ],
    ids=["yaml", "json", "toml", "two-units", "two-spellings", "provider-names"],
)
def test_b21_what_stands_twice_is_refused(write, name, text, expected):
    """The last one does not win silently."""
    assert expected in refusal([write(text, name)]).message


def test_b21_an_unknown_variable_of_ours_is_refused():
    """A misspelt variable would otherwise do nothing."""
    error = refusal(env={"GRIDTIDE_CACHE_TLL": "5m"})

    assert error.message == "unknown setting GRIDTIDE_CACHE_TLL (environment)"
    assert error.hint == "did you mean GRIDTIDE_CACHE_TTL?"


def test_b21_two_files_in_one_folder_are_refused(tmp_path):
    """Which of them counts is not guessed."""
    (tmp_path / "gridtide.toml").write_text("")
    (tmp_path / "gridtide.yaml").write_text("")
    with pytest.raises(ConfigurationError, match=r"holds gridtide\.toml and gridtide\.yaml; allowed: one of them"):
        find_files({"HOME": "/h"}, tmp_path)


# -- B22: text stays text ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["NO", "on", "22:00", "1.10", "0x1A", "1_000", "010", "Yes"])
def test_b22_yaml_text_is_kept_as_written(write, text):
    """Norway is not false, and 22:00 is not 1320."""
    assert load_settings([write(f"zone: {text}")]).zone == text


# -- B23: hostile files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.yaml", "a: &a [x]\nb: [*a, *a]\n", ":1:4: aliases and anchors are not read: write the value out"),
        ("a.yaml", "zone: !!python/object/apply:os.system [id]\n", ":1:7: tags are not read: write a plain value"),
        ("a.yaml", "zone: " + "[" * 1000, "it is nested deeper than 32 levels"),
        ("a.json", '{"zone": ' + "[" * 100_000, "is nested deeper than 32 levels"),
        ("a.toml", "zone = " + "[" * 10_000, "is nested deeper than 32 levels"),
        ("a.yaml", b"\x89PNG\r\n\x1a\n\xff", "is not UTF-8 at byte 0"),
        ("a.yaml", "zone: DE".encode("utf-16"), "is UTF-16"),
        ("a.yaml", b"zone: D\x00E", "holds a NUL byte: it is no text file"),
        ("a.yaml", "cache:\n\tttl: 5m", ":2:1: found character '\\t' that cannot start any token"),
        ("a.yaml", "\n".join(f"k{i}: 1" for i in range(4000)), "the file holds more than 5000 items"),
        ("a.yaml", "a: 1\n---\nb: 2\n", ":2:1: a second document starts here: keep one"),
        ("a.yaml", "- a\n", "holds a list; allowed: settings by name"),
        ("a.yaml", "? [a]\n: 1\n", "a key must be text"),
        ("a.json", '{"thresholds": {"elastic": NaN}}', "NaN is not a number"),
    ],
    ids=["alias", "tag", "yaml-deep", "json-deep", "toml-deep", "binary", "utf-16", "nul", "tab", "many", "documents",
         "list", "odd-key", "nan"],
)  # fmt: skip
def test_b23_a_hostile_file_is_refused(write, name, text, expected):
    """A refusal names the place."""
    assert expected in refusal([write(text, name)]).message


@pytest.mark.parametrize("text", [b"\xef\xbb\xbfzone: DE\r\n", b"zone: DE\r\nsignal: average\r\n"])
def test_b23_a_byte_order_mark_and_crlf_are_fine(write, text):
    """Files written on other systems are read."""
    assert load_settings([write(text)]).zone == "DE"


# -- B24: thresholds ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{elastic: 300, soft: 150}", "thresholds.elastic 300 is above thresholds.soft 150; allowed: elastic at or below soft"),
        ("{elastic: .nan}", "thresholds.elastic is '.nan': it is not a number"),
        ("{elastic: .inf}", "thresholds.elastic is '.inf': it is not a number"),
        ("{elastic: 1e400}", "thresholds.elastic is inf: it is out of bounds"),
        ("{elastic: -1}", "thresholds.elastic is -1.0: it is out of bounds; allowed: a number from 0 to 5000 gCO2eq/kWh"),
        ('{elastic: "150"}', "thresholds.elastic is '150': it is text"),
        ("{elastic: true}", "thresholds.elastic is 'true': it is not a number"),
    ],
)  # fmt: skip
def test_b24_thresholds_that_cannot_be_meant_are_refused(write, text, expected):
    """Two bounds split everything from 0 up, so they must be numbers in order."""
    assert expected in refusal([write(f"thresholds: {text}")]).message


@pytest.mark.parametrize("text", ["elastic = nan", "elastic = inf", 'elastic = "150"', "elastic = true"])
def test_b24_toml_cannot_smuggle_them_in(write, text):
    """TOML has words for what is no number here."""
    assert "thresholds.elastic is" in refusal([write(f"[thresholds]\n{text}", "a.toml")]).message


def test_b24_equal_thresholds_and_zero_are_fine(write):
    """Zero is a number, and two equal bounds leave no gap."""
    settings = load_settings([write("thresholds: {elastic: 0, soft: 0}")])

    assert (settings.thresholds.elastic, settings.thresholds.soft) == (0.0, 0.0)


# -- B25: bounds -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cache: {ttlSeconds: 0}", "cache.ttl_seconds is 0.0: it is out of bounds; allowed: a number from 1 to 86400"),
        ("cache: {ttl: 0s}", "cache.ttl is 0.0: it is out of bounds; allowed: a duration like 300s or 2h from 1s to 1d"),
        ("cache: {ttl: -5m}", "cache.ttl '-5m' cannot be used: it is negative"),
        ("cache: {ttl: 300}", "cache.ttl '300' cannot be used: the unit is missing"),
        ("cache: {ttl: 2h, maxStale: 1h}", "cache.ttl 2:00:00 is longer than cache.max_stale 1:00:00"),
        ("fetch: {retries: 1000000}", "fetch.retries is 1000000: it is out of bounds; allowed: a whole number from 0 to 2"),
        ("fetch: {totalTimeout: 0s}", "fetch.total_timeout is 0.0: it is out of bounds"),
        ("fetch: {readTimeout: 20s}", "fetch.read_timeout 0:00:20 is longer than fetch.total_timeout 0:00:10"),
        ("cache: {driver: mongo}", "cache.driver is 'mongo'; allowed: auto, memory, file, redis"),
        ("policies: {allowGeoShift: yes}", "policies.allow_geo_shift is 'yes': it is neither; allowed: true or false"),
        ("cache: {redisUrl: 'http://x'}", "cache.redis_url has another scheme; allowed: redis://, rediss://, unix://"),
    ],
)  # fmt: skip
def test_b25_a_value_out_of_bounds_is_refused_with_the_bounds(write, text, expected):
    """The message states what is allowed."""
    assert expected in refusal([write(text)]).message


def test_b25_a_number_without_unit_names_the_key_that_takes_one(write):
    """Typed formats hand over a number: the hint says where a plain number may stand."""
    error = refusal([write("[cache]\nttl = 300", "a.toml")])

    assert error.message.startswith("cache.ttl is 300: the unit is missing")
    assert error.hint == "write it with its unit, or use cache.ttl_seconds for a plain number"


# -- B26: addresses found by chance ------------------------------------------------------------------------------------


def test_b26_a_file_that_only_lies_here_sends_credentials_nowhere(write):
    """An address in the working directory's own file counts only when the file was named."""
    path = write("providers: {watttime: {baseUrl: 'https://evil.example'}}")
    error = refusal([ConfigFile(path, chosen=False)], {"WATTTIME_PASSWORD": "x"})

    assert error.message == (
        f"providers.watttime.base_url stands in {path}, a file that was only found in the working directory"
    )
    assert load_settings([ConfigFile(path)]).for_provider("watttime").base_url == "https://evil.example"


# -- B27, B28: fallbacks -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("regions: {primary: a, fallback: [a], latencyBudgets: {a: 1}}", "regions.fallback holds 'a', which is regions.primary: work would move in a circle"),
        ("provider: uk\nfallbackProviders: [energy-charts, uk]", "fallback_providers holds 'uk' again: a source cannot stand in for itself"),
        ("provider: uk\nfallbackProviders: [neso]", "fallback_providers holds 'uk' again"),
    ],
)  # fmt: skip
def test_b27_a_fallback_to_itself_is_refused(write, text, expected):
    """A list that leads back to its start is no fallback."""
    assert expected in refusal([write(text)]).message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{primary: a, fallback: [b]}", "regions.fallback holds 'b' without a latency budget"),
        ("{primary: a, fallback: [b], latencyBudgets: {b: 0}}", "regions.latency_budgets is 0.0: it is out of bounds; allowed: a table of numbers from 0.001 to 10000 ms"),
        ("{primary: a, fallback: [b], latencyBudgets: {b: -5}}", "regions.latency_budgets is -5.0: it is out of bounds"),
        ("{primary: a, fallback: [b], latencyBudgets: {b: 5, c: 5}}", "regions.latency_budgets names 'c', which is neither primary nor fallback"),
    ],
)  # fmt: skip
def test_b28_every_fallback_region_needs_a_latency_budget(write, text, expected):
    """Moving work without knowing what latency is acceptable is not allowed."""
    assert expected in refusal([write(f"regions: {text}")]).message


# -- B29: secrets in files ---------------------------------------------------------------------------------------------


def test_b29_a_secret_that_everybody_may_read_is_warned_about(write):
    """The warning has the command that helps; strict loading refuses."""
    path = write("apiKey: s3cret\nprovider: eia\n")
    path.chmod(0o644)
    expected = f"api_key stands in {path}, which everybody may read; run chmod 600 {path}"

    assert load_settings([path]).warnings == (expected,)
    assert refusal([path], strict=True).message == expected


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_b29_a_protected_file_is_fine(write, mode):
    """Owner and group are the administrator's business."""
    path = write("apiKey: s3cret\nprovider: eia\n")
    path.chmod(mode)

    assert load_settings([path], strict=True).warnings == ()


def test_b29_a_reference_is_no_secret(write):
    """``${NAME}`` keeps the secret in the environment, so anybody may read the file."""
    path = write("apiKey: ${KEY}\nprovider: eia\n")
    path.chmod(0o644)

    assert load_settings([path], {"KEY": "s3cret"}, strict=True).warnings == ()


def test_a_key_without_its_source_is_pointed_out(write):
    """A key for nobody would lie there unused."""
    assert load_settings([write("apiKey: s3cret")]).warnings == (
        "api_key is not used, because provider is auto; name the source it belongs to",
    )


# -- B30: references ---------------------------------------------------------------------------------------------------


def test_b30_an_unset_reference_is_refused(write):
    """An empty key would look like a wrong one."""
    path = write("apiKey: ${NOT_THERE}")
    error = refusal([path])

    assert error.message == (f"api_key refers to ${{NOT_THERE}}, which is not set in the environment (file {path})")


def test_b30_what_is_put_in_is_not_looked_at_again(write):
    """A value from the environment cannot refer to another one."""
    settings = load_settings([write("zone: ${A}")], {"A": "${B}", "B": "x"})

    assert settings.zone == "${B}"


def test_b30_two_dollars_stand_for_one(write):
    """The text itself can be written."""
    assert load_settings([write("zone: $${A}")]).zone == "${A}"


def test_b30_references_work_inside_lists_and_tables(write):
    """Everywhere a text may stand."""
    text = "regions: {primary: a, fallback: ['${R}'], latencyBudgets: {x: '${MS}'}}"
    error = refusal([write(text)], {"R": "x", "MS": "5"})

    assert error.message.startswith("regions.latency_budgets is '5': it is text")


# -- B31: time zones ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("CET", "an abbreviation or offset does not say when clocks change"),
        ("UTC+2", "an abbreviation or offset does not say when clocks change"),
        ("Mars/Base", "which is no known time zone"),
        ("../../etc/passwd", "which is no known time zone"),
        ("Europe/../Europe/Berlin", "which is no known time zone"),
    ],
)
def test_b31_only_iana_names_are_time_zones(write, text, why):
    """An abbreviation does not say when clocks change."""
    message = refusal([write(f"timezone: {text}")]).message

    assert message.startswith(f"timezone is {text!r}")
    assert why in message
    assert "allowed: an IANA time zone like Europe/Berlin, or UTC" in message


@pytest.mark.parametrize("text", ["Europe/Berlin", "America/Argentina/Ushuaia", "UTC", "Etc/GMT-2"])
def test_b31_iana_names_are_known_without_the_systems_tables(write, text, monkeypatch):
    """The time zone tables come with the program."""
    import zoneinfo

    monkeypatch.setattr(zoneinfo, "TZPATH", ())
    zoneinfo.ZoneInfo.clear_cache()

    assert load_settings([write(f"timezone: {text}")]).timezone == text


# -- sources -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "hint"),
    [("watttme", "did you mean watttime?"), ("energycharts2", "did you mean energy-charts?"), ("zzz", "`gridtide doctor` lists the sources")],
)  # fmt: skip
def test_an_unknown_source_is_refused_with_the_nearest(name, hint):
    """The names that other tools use are understood, others are not guessed."""
    with pytest.raises(UnknownProvider) as caught:
        load_settings(env={"GRIDTIDE_PROVIDER": name})

    assert caught.value.hint == hint


# -- B17: secrets ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["s3cret\n", "'s3cret'", '"s3cret"', "Bearer s3cret", " bearer s3cret "])
def test_b17_what_sticks_to_a_copied_key_is_taken_off(value):
    """A line break, quotes and a prefix are no part of a key; the warning does not show it."""
    settings = load_settings(env={"EIA_API_KEY": value})

    assert settings.for_provider("eia").api_key.reveal() == "s3cret"
    assert settings.warnings == (
        "providers.eia.api_key had quotes, blanks or a 'Bearer' prefix; they were taken off (environment EIA_API_KEY)",
    )
    assert "s3cret" not in f"{settings!r} {settings.warnings}"


def test_a_secret_shows_itself_nowhere():
    """repr, str, formatting and pickling do not give it away."""
    import pickle

    secret = load_settings(env={"GRIDTIDE_API_KEY": "s3cret", "GRIDTIDE_PROVIDER": "eia"}).api_key

    assert "s3cret" not in f"{secret} {secret!r} {secret:>20}"
    with pytest.raises(TypeError, match="not written to disk"):
        pickle.dumps(secret)


def test_an_error_about_a_secret_does_not_show_it(write):
    """A key of the wrong type is named, not quoted."""
    message = refusal([write('{"apiKey": 12345678}', "a.json")]).message

    assert message.startswith("api_key is ***: it is not text")
    assert "12345678" not in message


# -- Python callers ----------------------------------------------------------------------------------------------------


def test_a_dictionary_is_read_like_a_file():
    """The template can be handed over from Python, with values of Python's own types."""
    settings = load_settings(document={"cache": {"ttl": timedelta(minutes=2)}, "regions": {"primary": "GB"}})

    assert settings.cache.ttl == timedelta(minutes=2)
    assert settings.origin("regions.primary") == "argument"


def test_a_password_is_read_letter_by_letter():
    """Quotes and blanks belong to a password; only a key is freed of what a copy added."""
    settings = load_settings(env={"WATTTIME_PASSWORD": ' \'tis "mine" '})

    assert settings.for_provider("watttime").password.reveal() == ' \'tis "mine" '
    assert settings.warnings == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.toml", 'provider = "eia"\napi_key = "sekret\n'),
        ("a.json", '{"apiKey": "sekret" "x": 1}'),
        ("a.json", '{"providers": {"watttime": {"user": "sekret", "password": "sekret",}}}'),
        ("a.yaml", "password: a: sekret\n"),
        ("a.yaml", "redisUrl: redis://:sekret@host: 1\n"),
        ("a.toml", 'WATTTIME_TOKEN = "sekret" "x"\n'),
    ],
    ids=["toml", "json", "json-inside", "yaml", "address", "variable"],
)
def test_b19_a_syntax_error_beside_a_secret_does_not_show_it(tmp_path, name, text):
    """The line is shown up to the name, with its place; logs of a pipeline keep what they print."""
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_settings([path])

    assert "sekret" not in caught.value.message
    assert "\n  " in caught.value.message


def test_a_setting_that_stands_twice_is_named_as_it_was_written(tmp_path):
    """Both spellings, so that both are found."""
    path = tmp_path / "a.yaml"
    path.write_text("cache: {ttlSeconds: 300, ttl_seconds: 400}\n")
    with pytest.raises(ConfigurationError, match="as ttlSeconds and as ttl_seconds"):
        load_settings([path])
