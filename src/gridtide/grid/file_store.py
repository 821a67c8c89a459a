"""
Cache entries as small files of one user, so that a command that runs once a minute asks a source once a publication.

Nothing here raises: a folder that cannot be used behaves like an empty store and says why once. No link is followed,
files are for their owner only, written whole or not at all, bounded in size and number, and read as strictly as what
comes from a shared server.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gridtide.grid import codec
from gridtide.grid.cache import Mark

if TYPE_CHECKING:
    from gridtide.domain.ports import Clock
    from gridtide.grid.cache import CacheKey, Entry

__all__ = ["FileStore"]

_LOG: Final = logging.getLogger("gridtide.grid.file_store")
_SUFFIX: Final = ".entry"
_CLAIM: Final = ".claim"
_DRAFT: Final = ".draft"
_MARK: Final = ".mark"
_LONGEST_CLAIM_S: Final = 60.0
_LONGEST_MARK_S: Final = 60.0


class FileStore:
    """
    A `CacheStore` in one folder.

    Args:
        folder: Where; created for its owner only when it is missing.
        clock: Tells when an entry is too old to keep.
        most_files: Most entries; the least recently written go first.
        most_bytes: Largest entry. [bytes]
        quiet: Do not warn about a folder that cannot be used.

    Attributes:
        problem: Why the folder cannot be used, or an empty text.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        most_files: int = 256,
        most_bytes: int = 2 * 1024 * 1024,
        quiet: bool = False,
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._most_files = most_files
        self._most_bytes = most_bytes
        self.problem = _claimed(folder)
        if self.problem and not quiet:
            _LOG.warning("cache folder %s: %s; answers are kept in memory only", folder, self.problem)

    async def get(self, key: CacheKey) -> Entry | None:
        """Entry under *key*, of whatever age, or None."""
        if self.problem:
            return None
        data = self._read(self._path(key))
        entry = None if data is None else codec.decode(data, key)
        return None if entry is None or entry.age(self._clock.now()) > key.keep else entry

    async def put(self, key: CacheKey, entry: Entry) -> None:
        """Keep *entry*, unless a newer one is there."""
        if self.problem:
            return
        held = await self.get(key)
        data = codec.encode(entry)
        if len(data) > self._most_bytes or (held is not None and held.fetched_at > entry.fetched_at):
            return
        self._write(self._path(key), data)
        self._prune()

    async def claim(self, key: CacheKey, span: float) -> bool:
        """Whether the caller should fetch *key*; also true when nobody can tell. A claim of the dead runs out."""
        if self.problem:
            return True
        path, now = self._path(key, _CLAIM), self._clock.now().timestamp()
        for _ in range(2):
            try:
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            except FileExistsError:
                if now < _until(self._read(path)) <= now + _LONGEST_CLAIM_S:
                    return False
                with suppress(OSError):
                    path.unlink()
            except OSError:
                return True
            else:
                with os.fdopen(handle, "w", encoding="ascii") as file:
                    file.write(repr(now + min(span, _LONGEST_CLAIM_S)))
                return True
        return True

    async def release(self, key: CacheKey) -> None:
        """Give up a claim."""
        with suppress(OSError):
            self._path(key, _CLAIM).unlink()

    async def mark(self, key: CacheKey, span: float, problem: str) -> None:
        """Tell the user's next commands that *key* is broken; for a minute at most, since people try again."""
        if not self.problem:
            until = self._clock.now().timestamp() + min(span, _LONGEST_MARK_S)
            self._write(self._path(key, _MARK), f"{until!r} {problem}".encode())
            self._prune()

    async def marked(self, key: CacheKey) -> Mark | None:
        """What somebody found broken about *key*, while that holds."""
        data = None if self.problem else self._read(self._path(key, _MARK))
        until, _, problem = (data or b"").partition(b" ")
        left = _until(until) - self._clock.now().timestamp()
        return Mark(left, problem.decode("utf-8", "replace")) if 0 < left <= _LONGEST_MARK_S else None

    def _write(self, path: Path, data: bytes) -> None:
        """Whole or not at all."""
        draft = path.with_suffix(f".{os.getpid()}{_DRAFT}")
        try:
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            draft.replace(path)
        except OSError as error:
            _LOG.debug("cache entry not kept: %s", error.strerror)
            with suppress(OSError):
                draft.unlink()

    def _path(self, key: CacheKey, suffix: str = _SUFFIX) -> Path:
        return self._folder / (hashlib.sha256(f"{codec.FORMAT}:{key.text}".encode()).hexdigest()[:32] + suffix)

    def _read(self, path: Path) -> bytes | None:
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        with os.fdopen(handle, "rb") as file:
            facts = os.fstat(handle)
            if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_size > self._most_bytes:
                return None
            try:
                return file.read(self._most_bytes + 1)
            except OSError:
                return None

    def _prune(self) -> None:
        """Keep the number of files bounded, drafts of processes that died included."""
        try:
            with os.scandir(self._folder) as found:
                files = sorted(
                    (item.stat(follow_symlinks=False).st_mtime_ns, item.path)
                    for item in found
                    if item.name.endswith((_SUFFIX, _CLAIM, _DRAFT, _MARK))
                )
        except OSError:
            return
        for _, path in files[: max(0, len(files) - self._most_files)]:
            with suppress(OSError):
                os.unlink(path)  # noqa: PTH108 - scandir gives texts


def _until(data: bytes | None) -> float:
    """When a claim runs out, in seconds since 1970; long ago for one that cannot be read. [s]"""
    try:
        return float(data or b"")
    except ValueError:
        return 0.0


def _claimed(folder: Path) -> str:
    """Make *folder* an own, private folder; returns why it is none."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        facts = folder.lstat()
    except OSError as error:
        return error.strerror or type(error).__name__
    if not stat.S_ISDIR(facts.st_mode):
        return "it is a link or a file"
    if facts.st_uid != os.geteuid():
        return f"it belongs to user {facts.st_uid}, not to {os.geteuid()}"
    if facts.st_mode & 0o022:
        return "others may write into it"
    return "" if os.access(folder, os.W_OK | os.X_OK) else "it cannot be written"
