"""Where files are looked for and kept: the XDG folders, taken from the environment that is handed in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gridtide.config.document import SUFFIXES
from gridtide.domain.errors import ConfigurationError

__all__ = ["ConfigFile", "cache_dir", "config_dir", "find_files", "state_dir"]

CONFIG_VARIABLE: Final = "GRIDTIDE_CONFIG"


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """
    A configuration file and whether the user chose it.

    A file that merely lies in the working directory may have come with somebody else's project, so it cannot send
    credentials to an address of its choice.
    """

    path: Path
    chosen: bool = True


def config_dir(env: Mapping[str, str]) -> Path:
    """Folder of the user's own configuration file."""
    return _xdg(env, "XDG_CONFIG_HOME", ".config")


def state_dir(env: Mapping[str, str]) -> Path:
    """Folder of the decision journal."""
    return _xdg(env, "XDG_STATE_HOME", ".local/state")


def cache_dir(env: Mapping[str, str]) -> Path:
    """Folder of what can be fetched again."""
    return _xdg(env, "XDG_CACHE_HOME", ".cache")


def find_files(env: Mapping[str, str], cwd: Path, explicit: Path | None = None) -> tuple[ConfigFile, ...]:
    """
    Files to read, weakest first: the user's own, the working directory's, the one named by flag or environment.

    Raises:
        ConfigurationError: One folder holds two of them; which one counts is not guessed.
    """
    found = [ConfigFile(path) for path in _only(config_dir(env), "config")]
    found += [ConfigFile(path, chosen=False) for path in _only(cwd, "gridtide")]
    named = explicit or (Path(env[CONFIG_VARIABLE]) if env.get(CONFIG_VARIABLE) else None)
    if named is not None:
        found.append(ConfigFile(named))
    return tuple(found)


def _only(folder: Path, stem: str) -> list[Path]:
    there = [path for suffix in SUFFIXES if (path := folder / f"{stem}{suffix}").exists()]
    if len(there) > 1:
        raise ConfigurationError(
            f"{folder} holds {' and '.join(path.name for path in there)}; allowed: one of them",
            hint="keep one, or name one with --config",
        )
    return there


def _xdg(env: Mapping[str, str], variable: str, default: str) -> Path:
    named = env.get(variable, "")
    if named.startswith("/"):
        return Path(named) / "gridtide"
    home = env.get("HOME") or str(_home_of_user())
    return Path(home) / default / "gridtide"


def _home_of_user() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # no HOME and no such user: nothing can be kept, which its owner notices
        return Path("/nonexistent")
