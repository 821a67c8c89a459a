"""
Put the providers' own published Python clients into an environment of their own.

The fake server is proven by clients that others wrote for the real services. They are no dependency of Gridtide and
some of them need other versions of what we use, so they live beside it: in the folder that the environment variable
``GRIDTIDE_CLIENTS_VENV`` names, or in ``.venv-clients``. What is installed is pinned with hashes in
``requirements/clients*.txt``; an environment that is up to date is left as it is. Without a package registry it gives
up within the time limit, and the tests that need the clients are skipped visibly.

Usage: python scripts/install_client_tools.py [--folder FOLDER] [--limit SECONDS] [--offer]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements" / "clients.txt"
ASIDE = {"carbon-intensity-uk": ROOT / "requirements" / "clients-aside.txt"}
"""Clients whose module has another one's name; they go to a folder of their own inside the environment."""
DEFAULT = ROOT / ".venv-clients"
PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--require-hashes")
PATIENT = ("--retries", "1", "--timeout", "10")
"""A registry that is away is noticed soon."""


def folder() -> Path:
    """Where the clients live."""
    return Path(os.environ.get("GRIDTIDE_CLIENTS_VENV") or DEFAULT)


def state() -> str:
    """Digest of what should be installed."""
    return hashlib.sha256(b"".join(lock.read_bytes() for lock in (LOCK, *ASIDE.values()))).hexdigest()


def install(target: Path, *, limit_s: float) -> str:
    """Install every client within the time limit; returns why not, or an empty text."""
    stamp, python = target / "clients.stamp", target / "bin" / "python"
    if stamp.exists() and stamp.read_text("utf-8") == state():
        return ""
    deadline = time.monotonic() + limit_s
    if not (target / "bin" / "pip").exists():
        shutil.rmtree(target, ignore_errors=True)
        venv.create(target, with_pip=True)
    for lock in (LOCK, *ASIDE.values()):
        command = [str(python), *PIP, *PATIENT, "-r", str(lock)]
        name = next((name for name, other in ASIDE.items() if other == lock), "")
        if name:
            command += ["--upgrade", "--no-deps", "--target", str(target / "aside" / name)]
        try:
            done = subprocess.run(
                command, check=False, capture_output=True, text=True, timeout=max(deadline - time.monotonic(), 1.0)
            )
        except subprocess.TimeoutExpired:
            return f"not done within {limit_s:g} s"
        if done.returncode:
            return next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "pip failed")
    stamp.write_text(state(), "utf-8")
    return ""


def main() -> int:
    """Install and say how it went; 0 when the clients are there, or when they were only an offer."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("--folder", type=Path, default=folder(), help="where to install (default: %(default)s)")
    parser.add_argument("--limit", type=float, default=300.0, help="most seconds it may take (default: %(default)s)")
    parser.add_argument("--offer", action="store_true", help="leave with 0 also when it does not work")
    options = parser.parse_args()
    began = time.monotonic()
    try:
        problem = install(options.folder, limit_s=options.limit)
    except OSError as error:
        problem = str(error)
    took = f"{time.monotonic() - began:.0f} s"
    if not problem:
        print(f"published clients: ready in {options.folder.name} after {took}")
        return 0
    print(f"published clients: skipped after {took}, their tests too: {problem[:300]}", file=sys.stderr)
    return 0 if options.offer else 1


if __name__ == "__main__":
    sys.exit(main())
