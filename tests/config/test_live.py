"""Settings that are read again while running: a broken file changes nothing (row B33)."""

import os
from datetime import timedelta

import pytest

from gridtide.config.live import LiveSettings
from gridtide.config.places import ConfigFile
from gridtide.domain.errors import ConfigurationError


@pytest.fixture
def file(tmp_path):
    """A file and a way to write it so that the change is seen."""
    path = tmp_path / "gridtide.toml"
    ticks = iter(range(1, 1000))

    def write(text: str) -> ConfigFile:
        path.write_text(text)
        os.utime(path, ns=(0, next(ticks)))
        return ConfigFile(path)

    return write


def test_a_changed_file_is_read_again(file):
    """`refresh` says whether anything is new."""
    live = LiveSettings([file('zone = "DE"')], {})

    assert live.refresh() is False
    file('zone = "FR"')
    assert live.refresh() is True
    assert live.current.zone == "FR"


@pytest.mark.parametrize("text", ['zone = "F', "[cache]\nttl = ", "[cache]\nttl = 5", "\x00", 'zonne = "FR"'], ids=str)
def test_b33_a_half_written_file_keeps_the_last_good_settings(file, text):
    """The error is kept for `doctor`, the settings stay."""
    live = LiveSettings([file('zone = "DE"\n[cache]\nttl = "60s"')], {})
    file(text)

    assert live.refresh() is False
    assert (live.current.zone, live.current.cache.ttl) == ("DE", timedelta(minutes=1))
    assert isinstance(live.error, ConfigurationError)


def test_b33_the_error_goes_when_the_file_is_whole_again(file):
    """After the write is finished the new settings count."""
    live = LiveSettings([file('zone = "DE"')], {})
    file('zone = "F')
    live.refresh()
    file('zone = "FR"')

    assert live.refresh() is True
    assert (live.current.zone, live.error) == ("FR", None)


def test_b33_a_file_that_vanishes_keeps_the_last_good_settings(file, tmp_path):
    """An editor that replaces the file removes it for a moment."""
    live = LiveSettings([file('zone = "DE"')], {})
    (tmp_path / "gridtide.toml").unlink()

    assert live.refresh() is False
    assert live.current.zone == "DE"
    assert live.error is not None


def test_a_file_that_is_broken_from_the_start_is_refused(file):
    """There is nothing good to keep."""
    with pytest.raises(ConfigurationError):
        LiveSettings([file("zone = ")], {})
