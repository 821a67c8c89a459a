"""
Put the providers' own published Python clients into an environment of their own.

The fake server is proven by clients that others wrote for the real services. They are no dependency of Gridtide and
some of them need other versions of what we use, so they live beside it: in the folder that the environment variable
``GRIDTIDE_CLIENTS_VENV`` names, or in ``.venv-clients``. A client that cannot be installed is named and left out.

Usage: python scripts/install_client_tools.py [--folder FOLDER]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import venv
from pathlib import Path

CLIENTS = (
    "watttime==1.4.0",
    "aiowatttime==2024.6.0",
    "electricitymaps==0.0.1",
    "aioelectricitymaps==1.1.1",
    "entsoe-py==0.8.1",
    "carbonintensity==0.3.0",
)
ASIDE = {"carbon-intensity-uk==1.0.1": "carbon-intensity-uk"}
"""Clients whose module has another one's name; they go to a folder of their own inside the environment."""
DEFAULT = Path(__file__).resolve().parent.parent / ".venv-clients"


def folder() -> Path:
    """Where the clients live."""
    return Path(os.environ.get("GRIDTIDE_CLIENTS_VENV") or DEFAULT)


def install(target: Path) -> list[str]:
    """Install every client, each by itself so that one failure does not cost the others; returns those left out."""
    python = target / "bin" / "python"
    if not python.exists():
        venv.create(target, with_pip=True)
    missing = []
    for client in (*CLIENTS, *ASIDE):
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", client]
        if client in ASIDE:
            command += ["--upgrade", "--no-deps", "--target", str(target / "aside" / ASIDE[client])]
        if subprocess.run(command, check=False).returncode:
            missing.append(client)
    return missing


def main() -> int:
    """Install and say what there is; 0 when at least one client is there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("--folder", type=Path, default=folder(), help="where to install (default: %(default)s)")
    target = parser.parse_args().folder
    missing = install(target)
    for client in (*CLIENTS, *ASIDE):
        print(f"{'missing' if client in missing else 'ok':8}{client}")
    return 0 if len(missing) < len(CLIENTS) + len(ASIDE) else 1


if __name__ == "__main__":
    sys.exit(main())
