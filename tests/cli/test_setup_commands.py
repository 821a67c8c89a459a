"""config, zones and doctor: what is set, what is known, what is wrong (rows B15, B17, B18, B88)."""

import json
import os
import stat
from pathlib import Path

import pytest

from gridtide.api import clocks
from gridtide.config.load import load_settings
from gridtide.config.settings import rows
from gridtide.testing import FakeGridServer, wave_series
from gridtide.testing.fake.watttime import WattTime

# -- config ------------------------------------------------------------------------------------------------------------


def test_show_says_where_each_value_came_from(run, newcomer, monkeypatch):
    """File, environment and default are told apart."""
    path = newcomer / "gridtide.toml"
    path.write_text('zone = "DE"\n[cache]\nttl_seconds = 60\n')
    monkeypatch.setenv("GRIDTIDE_SIGNAL", "average")
    result = run("config", "show")

    assert result.out.splitlines() == [
        "setting    value    from",
        "signal     average  environment GRIDTIDE_SIGNAL",
        f"zone       DE       file {path}",
        f"cache.ttl  1m       file {path}",
    ]


def test_show_all_lists_every_setting(run):
    """The table of settings is complete."""
    answer = run("config", "show", "--all", "--json").json

    assert [setting["name"] for setting in answer["settings"]] == [row.name for row in rows()]
    assert all(setting["origin"] == "default" for setting in answer["settings"])


def test_b17_a_secret_is_masked_and_cleaned_with_a_warning(run, monkeypatch):
    """Neither table, JSON nor warning shows it."""
    monkeypatch.setenv("EIA_API_KEY", "Bearer s3cret\n")
    shown, spoken = run("config", "show"), run("config", "show", "--json")

    assert "providers.eia.api_key  ***    environment EIA_API_KEY" in shown.out
    assert shown.err == (
        "warning: providers.eia.api_key had quotes, blanks or a 'Bearer' prefix; they were taken off "
        "(environment EIA_API_KEY)\n"
    )
    assert "s3cret" not in shown.out + shown.err + spoken.out + spoken.err


def test_b18_a_configuration_that_cannot_be_used_stops_with_78(run, newcomer):
    """The message has the place, the hint the fix."""
    (newcomer / "gridtide.toml").write_text('[cache]\ntll = "5m"\n')
    result = run("now", "--zone", "GB")

    assert result.code == 78
    assert result.err == (
        f"error: unknown setting 'cache.tll' (file {newcomer}/gridtide.toml)\nhint: did you mean cache.ttl?\n"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[providers.uk]\nbase_url = "http://api.example.org"', "is not https"),
        ('[providers.uk]\nbase_url = "file:///etc/passwd"', "is not https"),
        ('[providers.uk]\nbase_url = "https://u:p@api.example.org"', "holds a user name or password"),
        ('[providers.uk]\nbase_url = "https://169.254.169.254"', "metadata"),
        ('[providers.uk]\nbase_url = "https://api.example.org:22"', "has port 22"),
        ('[providers.uk]\nbase_url = "https://2852039166"', "has a host that is a number"),
        ('zone_overrides = {"aws:eu-west-1" = "NOWHERE"}', "'NOWHERE' is not known"),
        ("[providers.uk.options]\nspeed = 5", "has no option 'speed'"),
    ],
    ids=["http", "file", "userinfo", "metadata", "port", "number", "override", "option"],
)
def test_b26_check_looks_at_addresses_and_names(run, newcomer, text, message):
    """What only shows when sources are set up is found before they are needed."""
    path = newcomer / "mine.toml"
    path.write_text(text)
    result = run("config", "check", "--config", path)

    assert result.code in {65, 78}
    assert message in result.err


def test_b26_a_trailing_blank_in_an_address_does_no_harm(run, newcomer):
    """It is taken off like everywhere else."""
    path = newcomer / "mine.toml"
    path.write_text('[providers.uk]\nbase_url = "https://api.example.org "\n')

    assert run("config", "check", "--config", path).code == 0


def test_b29_strict_check_refuses_secrets_in_the_open(run, newcomer):
    """A warning for people, a refusal for pipelines."""
    path = newcomer / "gridtide.toml"
    path.write_text('provider = "eia"\napi_key = "s3cret"\n')
    path.chmod(0o644)
    relaxed, strict = run("config", "check"), run("config", "check", "--strict")

    assert relaxed.code == 0
    assert f"run chmod 600 {path}" in relaxed.err
    assert strict.code == 78
    assert "s3cret" not in relaxed.err + strict.err


@pytest.mark.parametrize("form", ["toml", "yaml", "json"])
def test_init_writes_a_file_that_sets_nothing_new(run, newcomer, form):
    """Every line is a comment with the default; the file is for its owner only."""
    result = run("config", "init", "--format", form)
    path = newcomer / f"gridtide.{form}"

    assert result.code == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_settings([path]) == load_settings()


@pytest.mark.parametrize("form", ["toml", "yaml"])
def test_what_init_shows_can_be_switched_on(newcomer, run, form):
    """With every comment sign taken off, the file is still valid."""
    run("config", "init", "--format", form)
    path = newcomer / f"gridtide.{form}"
    lines = path.read_text().splitlines()[1:]
    text = "\n".join(line.removeprefix("# ") for line in lines if "=" in line or ":" in line or line.startswith("# ["))
    plain = "\n".join(line for line in text.splitlines() if not _is_help(line))
    (newcomer / f"on.{form}").write_text(plain)
    (newcomer / f"on.{form}").chmod(0o600)
    settings = load_settings([newcomer / f"on.{form}"])

    assert settings.cache == load_settings().cache
    assert settings.origin("cache.ttl") != "default"


def _is_help(line: str) -> bool:
    """Whether a line is a sentence rather than a setting."""
    return line.strip().startswith("#") or line[:1].isupper()


def test_init_leaves_an_existing_file_alone(run, newcomer):
    """Nothing is overwritten."""
    (newcomer / "gridtide.toml").write_text("")
    result = run("config", "init")

    assert result.code == 78
    assert result.err == "error: gridtide.toml cannot be written: File exists\nhint: name another file with --output\n"


def test_a_second_configuration_file_beside_the_first_is_not_written(run, newcomer):
    """With two of them every command would refuse to guess."""
    run("config", "init")
    result = run("config", "init", "--format", "yaml")
    elsewhere = run("config", "init", "--format", "yaml", "--output", "other.yaml")

    assert result.code == 78
    assert result.err.startswith("error: gridtide.toml is already here, and two of them would leave open which one")
    assert not (newcomer / "gridtide.yaml").exists()
    assert elsewhere.code == 0


def test_the_schema_is_json(run):
    """Editors read it."""
    assert json.loads(run("config", "schema").out)["title"] == "Gridtide settings"


# -- zones -------------------------------------------------------------------------------------------------------------


def test_zones_can_be_narrowed(run):
    """By country, source or cloud."""
    assert [z["key"] for z in run("zones", "list", "--country", "ie", "--json").json["zones"]] == ["IE"]
    assert all("uk" in z["sources"] for z in run("zones", "list", "--source", "uk", "--json").json["zones"])
    assert all(z["key"].startswith("gcp:") for z in run("zones", "list", "--cloud", "gcp", "--json").json["zones"])


def test_resolve_says_who_says_so(run):
    """Source and confidence travel with a mapping."""
    place = run("zones", "resolve", "aws:eu-west-1", "--json").json["place"]

    assert (place["zone"], place["confidence"]) == ("IE", "agree")


def test_an_own_mapping_wins(run, newcomer):
    """The user knows better."""
    (newcomer / "gridtide.toml").write_text('[zone_overrides]\n"aws:eu-west-1" = "GB"\n')

    assert run("zones", "resolve", "aws:eu-west-1", "--json").json["place"]["zone"] == "GB"


@pytest.mark.parametrize(
    "flags", [("--postcode", "SW1A"), ("--lat", "51.5", "--lon", "-0.1"), ("--region", "aws:eu-west-2")]
)
def test_resolve_takes_the_same_flags_as_every_command(run, flags):
    """A postcode, a point and a region of London."""
    assert run("zones", "resolve", *flags, "--json").json["place"]["country"] == "GB"


def test_resolve_takes_one_place(run):
    """Two are refused."""
    assert run("zones", "resolve", "GB", "--zone", "FR").code == 2


# -- doctor ------------------------------------------------------------------------------------------------------------


def checks(result) -> dict[str, tuple[str, str]]:
    return {check["name"]: (check["status"], check["detail"]) for check in result.json["checks"]}


def test_doctor_is_content_with_a_newcomers_machine(run, newcomer):
    """Nothing fails without a key, a file or a network."""
    result = run("doctor", "--offline", "--json")
    found = checks(result)

    assert result.code == 0
    assert result.json["healthy"] is True
    assert found["configuration"] == ("ok", "no file; defaults and environment")
    assert found["keys"] == ("ok", "none set; sources without a key are used")
    assert found["place"][0] == "warn"
    assert found["journal"][0] == "ok"


def test_doctor_gets_to_its_end_with_a_broken_configuration(run, newcomer):
    """The fault is a finding with its hint."""
    (newcomer / "gridtide.toml").write_text("zone = ")
    result = run("doctor", "--json")

    assert result.code == 78
    assert result.json["checks"][-1]["name"] == "configuration"
    assert result.json["checks"][-1]["status"] == "fail"


def test_doctor_names_the_key_that_is_missing(run):
    """By its variable."""
    result = run("doctor", "--offline", "--json", "--zone", "GB")
    os.environ["GRIDTIDE_PROVIDER"] = "watttime"
    try:
        missing = run("doctor", "--offline", "--json", "--zone", "GB")
    finally:
        del os.environ["GRIDTIDE_PROVIDER"]

    assert result.code == 0
    assert missing.code == 77
    assert "provider watttime needs WATTTIME_USER" in str(missing.json["checks"])


def test_doctor_asks_the_sources_of_the_place(run, monkeypatch):
    """A source that answers is fine; one that is away is a warning, and with none left it fails."""
    with FakeGridServer({"uk": wave_series()}) as server:
        monkeypatch.setenv("GRIDTIDE_PROVIDER", "uk")
        monkeypatch.setenv("GRIDTIDE_PROVIDERS_UK_BASE_URL", server.base_url("uk"))
        up = run("doctor", "--zone", "GB", "--json")
    down = run("doctor", "--zone", "GB", "--json")

    assert up.code == 0
    assert checks(up)["sources"][0] == "ok"
    assert "uk answers for GB; known until " in checks(up)["sources"][1]
    assert down.code == 69
    assert checks(down)["sources"] == ("fail", "none answers for GB")


@pytest.fixture
def two_sources(monkeypatch):
    """Germany by two sources of one kind and scope, the second of which says *factor* times as much."""

    def serve(factor):
        low, high = 60, 360
        series = {
            "energy-charts": wave_series(low=low, high=high),
            "electricitymaps": wave_series(low=low * factor, high=high * factor),
        }
        server = FakeGridServer(series)
        monkeypatch.setenv("GRIDTIDE_PROVIDER", "energy-charts")
        monkeypatch.setenv("GRIDTIDE_CROSSCHECK_PROVIDER", "electricitymaps")
        monkeypatch.setenv("ELECTRICITYMAPS_API_KEY", "fake-key")
        return server

    return serve


@pytest.mark.parametrize(("factor", "status"), [(1.0, "ok"), (4.0, "warn")])
def test_doctor_holds_sources_against_each_other(run, monkeypatch, two_sources, factor, status):
    """Sources of one kind are compared; what is too far apart is a warning with what to do."""
    with two_sources(factor) as server:
        for name in ("ENERGY_CHARTS", "ELECTRICITYMAPS"):
            address = server.base_url(name.lower().replace("_", "-"))
            monkeypatch.setenv(f"GRIDTIDE_PROVIDERS_{name}_BASE_URL", address)
        result = run("doctor", "--zone", "DE", "--json")

    assert result.code == 0
    found = checks(result)["crosscheck"]
    assert found[0] == status
    assert found[1].startswith("energy-charts and electricitymaps are ")
    assert found[1].endswith(" times apart (average, lifecycle)")


@pytest.mark.parametrize(("factor", "warned"), [(1.0, False), (4.0, True)])
def test_value_that_a_second_source_doubts_comes_with_a_warning(run, monkeypatch, two_sources, factor, warned):
    """Whoever reads the number learns that another source says something else."""
    with two_sources(factor) as server:
        for name in ("ENERGY_CHARTS", "ELECTRICITYMAPS"):
            address = server.base_url(name.lower().replace("_", "-"))
            monkeypatch.setenv(f"GRIDTIDE_PROVIDERS_{name}_BASE_URL", address)
        result = run("now", "--zone", "DE", "--json")

    assert result.code == 0
    assert "electricitymaps" in result.json["freshness"]["reason"]
    assert any("electricitymaps disagrees" in text for text in result.json["warnings"]) is warned


def test_doctor_says_that_nobody_checks_the_values(run, monkeypatch, two_sources):
    """A second source that does not cover the place is no second source."""
    with two_sources(1.0) as server:
        monkeypatch.setenv("GRIDTIDE_PROVIDERS_ENERGY_CHARTS_BASE_URL", server.base_url("energy-charts"))
        monkeypatch.setenv("GRIDTIDE_CROSSCHECK_PROVIDER", "uk")
        result = run("doctor", "--zone", "DE", "--json")

    assert checks(result)["crosscheck"] == ("warn", "uk does not cover this place; values are not checked")


def test_doctor_shows_what_each_source_allows(run, monkeypatch):
    """The budget of calls, and how much of it this took."""
    with FakeGridServer({"uk": wave_series()}) as server:
        monkeypatch.setenv("GRIDTIDE_PROVIDER", "uk")
        monkeypatch.setenv("GRIDTIDE_PROVIDERS_UK_BASE_URL", server.base_url("uk"))
        result = run("doctor", "--zone", "GB", "--json")

    assert checks(result)["sources"][1].endswith("1 of 60 calls in 1m used")


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ("pro", "marginal forecast, marginal history for BPA"),
        ("free", "watttime: the plan covers relative current for BPA"),
    ],
)
def test_doctor_lists_what_a_key_may_ask(run, monkeypatch, plan, words):
    """As the provider itself says, for the place in question."""
    with FakeGridServer({"watttime": {"BPA": wave_series()}}, families=[WattTime(plan=plan)]) as server:
        monkeypatch.setenv("GRIDTIDE_PROVIDER", "watttime")
        monkeypatch.setenv("GRIDTIDE_PROVIDERS_WATTTIME_BASE_URL", server.base_url("watttime"))
        monkeypatch.setenv("WATTTIME_USER", "user")
        monkeypatch.setenv("WATTTIME_PASSWORD", "password")
        result = run("doctor", "--zone", "watttime:BPA", "--json")

    status, said = checks(result)["plan"]
    assert status == "ok"
    assert words in said


def test_doctor_says_where_answers_are_kept(run, monkeypatch):
    """In memory, or in a Redis that is away: then each process keeps to its share."""
    monkeypatch.setenv("GRIDTIDE_CACHE_DRIVER", "memory")
    memory = run("doctor", "--offline", "--json")
    monkeypatch.setenv("GRIDTIDE_CACHE_DRIVER", "redis")
    monkeypatch.setenv("GRIDTIDE_CACHE_REDIS_URL", "redis://127.0.0.1:9/0")
    monkeypatch.setenv("GRIDTIDE_PROVIDER", "static")
    away = run("doctor", "--json")

    assert checks(memory)["cache"] == ("ok", "cache.driver is memory")
    assert away.code == 0
    assert checks(away)["cache"][0] == "warn"
    assert checks(away)["cache"][1].startswith("redis does not answer; each process keeps")


def test_doctor_shows_no_credential(run, monkeypatch):
    """Only that it is set."""
    monkeypatch.setenv("EIA_API_KEY", "s3cret")
    result = run("doctor", "--offline", "--json")

    assert checks(result)["keys"] == ("ok", "set for eia")
    assert "s3cret" not in result.out + result.err


def test_b15_a_home_that_cannot_be_written_is_a_warning(run, newcomer, monkeypatch):
    """Without a place for files everything goes on in memory."""
    (newcomer / "file").write_text("")
    monkeypatch.setenv("HOME", str(newcomer / "file"))
    found = checks(run("doctor", "--offline", "--json"))

    assert found["journal"][0] == "warn"
    assert found["journal"][1].startswith("in memory only: ")
    assert found["cache folder"][0] == "warn"
    assert "answers are kept in memory only" in found["cache folder"][1]


def test_b15_no_home_at_all_is_no_traceback(run, newcomer, monkeypatch):
    """Containers start programs without HOME."""
    monkeypatch.delenv("HOME")
    result = run("now", "--provider", "static", "--zone", "DE")

    assert result.code == 0
    assert run("doctor", "--offline").code == 0


def test_b15_a_link_in_place_of_the_journal_is_not_followed(run, newcomer, monkeypatch):
    """A trap laid by somebody else stays empty."""
    target = newcomer / "target"
    target.write_text("untouched")
    state = newcomer / "state" / "gridtide"
    state.mkdir(parents=True)
    (state / "journal.sqlite3").symlink_to(target)
    monkeypatch.setenv("XDG_STATE_HOME", str(newcomer / "state"))
    found = checks(run("doctor", "--offline", "--json"))

    assert found["journal"][0] == "warn"
    assert "symbolic link" in found["journal"][1]
    assert target.read_text() == "untouched"


# -- B88 ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["Mars/Base", "EST5EDT4,M3", "CET"])
def test_b88_a_weird_tz_stops_only_what_needs_it(run, given, monkeypatch, value):
    """An instant with an offset needs no local time; a wall time says how to give one."""
    monkeypatch.setenv("TZ", value)
    exact = run("plan", *given, "--duration", "1h", "--finish-by", "2026-01-01T06:00Z")
    wall = run("plan", *given, "--duration", "1h", "--finish-by", "06:00")
    named = run("plan", *given, "--duration", "1h", "--finish-by", "06:00", "--tz", "UTC")

    assert (exact.code, named.code) == (0, 0)
    assert wall.code == 78
    assert "hint: give --tz, set timezone, or write times with an offset" in wall.err


def test_b88_a_clock_in_1970_is_noticed(run, monkeypatch):
    """A machine that lost its time is told so, by every command and by doctor."""

    class Lost(clocks.SystemClock):
        def __init__(self):
            super().__init__()
            self._wall = self._wall.replace(year=1970)

    monkeypatch.setattr("gridtide.cli.session.SystemClock", Lost)
    result = run("now", "--provider", "static", "--zone", "DE")

    assert result.code == 0
    assert result.err.startswith("warning: the clock says 1970-")


@pytest.mark.parametrize(
    "env", [{"LANG": "C", "LC_ALL": "C"}, {"HTTPS_PROXY": "http://127.0.0.1:9"}, {"SSL_CERT_FILE": "/nonexistent"}]
)
def test_b88_an_odd_environment_does_not_stop_an_offline_answer(run, env, monkeypatch):
    """Locale, proxies and certificates matter to the network only."""
    for name, value in env.items():
        monkeypatch.setenv(name, value)

    assert run("now", "--provider", "replay").code == 0


def test_the_working_directory_may_be_gone(run, newcomer, monkeypatch):
    """A deleted folder is no reason for a traceback."""
    gone = newcomer / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    result = run("now", "--provider", "static", "--zone", "DE")

    assert "Traceback" not in result.err
    assert Path(newcomer).exists()
