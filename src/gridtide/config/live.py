"""
Settings of a long-lived process: read again when a file changes, the last good ones kept when it is broken.

A file that is half written, or wrong, changes nothing: work that is already accepted goes on under the rules it was
accepted with, and the error is there to be shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gridtide.config.load import load_settings
from gridtide.config.places import ConfigFile
from gridtide.domain.errors import ConfigurationError

__all__ = ["LiveSettings"]


class LiveSettings:
    """
    The settings in force.

    Args:
        files: Configuration files, weakest first.
        env: Environment variables.
        overrides: Values of flags.

    Attributes:
        current: The last settings that could be read.
        error: Why the newest files cannot be used, or None.

    Raises:
        ConfigurationError: The first reading failed; there is nothing to fall back to.
    """

    def __init__(
        self, files: Sequence[ConfigFile], env: Mapping[str, str], overrides: Mapping[str, Any] | None = None
    ) -> None:
        self._files = tuple(files)
        self._env = dict(env)
        self._overrides = dict(overrides or {})
        self._marks = self._look()
        self.current = load_settings(self._files, self._env, self._overrides)
        self.error: ConfigurationError | None = None

    def refresh(self) -> bool:
        """Read the files again if one of them changed; returns whether `current` is new."""
        marks = self._look()
        if marks == self._marks:
            return False
        self._marks = marks
        try:
            fresh = load_settings(self._files, self._env, self._overrides)
        except ConfigurationError as error:
            self.error = error
            return False
        self.error = None
        changed = fresh != self.current
        self.current = fresh
        return changed

    def _look(self) -> tuple[tuple[int, int, int] | None, ...]:
        marks: list[tuple[int, int, int] | None] = []
        for file in self._files:
            try:
                facts = file.path.stat()
                marks.append((facts.st_mtime_ns, facts.st_size, facts.st_ino))
            except OSError:
                marks.append(None)
        return tuple(marks)
