#!/usr/bin/env python3
"""
The project's task runner; needs only Python 3.11 and pip.

    python3 tasks.py try          set up and run the main job offline on embedded data
    python3 tasks.py test         set up, then all checks and the fast tests (at most two minutes)
    python3 tasks.py test-slow    the long tests and those that start real servers
    python3 tasks.py lock         make requirements/*.txt anew (needs uv)
    python3 tasks.py generate     make the generated pages and schemas anew
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
GENERATORS = ("build_schemas.py", "build_docs.py", "document_providers.py")
LOCKS = {"run": ("base.txt", "build.txt"), "dev": ("base.txt", "dev.txt")}
DEMO = """--provider replay --zone US-CAL-CISO --at 2022-06-15T04:00Z --clock-speed 7200
 --duration 2h --finish-by 2022-06-16T00:00Z --power 350"""


def say(text: str) -> None:
    print(f"\n== {text}", flush=True)


def run(*argv: str | Path, check: bool = True) -> int:
    result = subprocess.run([str(a) for a in argv], cwd=ROOT, check=False)
    if check and result.returncode:
        sys.exit(result.returncode)
    return result.returncode


def set_up(kind: str) -> None:
    """Make .venv and install the locked requirements, once for each state of the locks."""
    if sys.version_info < (3, 11):  # noqa: UP036 - said to the person, not to the linter
        sys.exit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}")
    locks = [ROOT / "requirements" / name for name in LOCKS[kind]]
    state = hashlib.sha256(b"".join(p.read_bytes() for p in [*locks, ROOT / "pyproject.toml"])).hexdigest()
    stamp = VENV / f"gridtide-{kind}.stamp"
    if stamp.exists() and stamp.read_text() == state:
        return
    if not PYTHON.exists():
        say("making .venv")
        venv.create(VENV, with_pip=True)
    say(f"installing the locked requirements ({kind})")
    for lock in locks:
        run(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", lock)
    run(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-build-isolation", "--no-deps",
        "-e", ROOT)  # fmt: skip
    stamp.write_text(state)


def task_try() -> None:
    set_up("run")
    work = "import time; time.sleep(1); print('training... done')"
    say("gridtide run " + " ".join(DEMO.split()) + f' -- python3 -c "{work}"')
    run(BIN / "gridtide", "run", *DEMO.split(), "--", sys.executable, "-c", work)


def task_test(extra: list[str]) -> None:
    set_up("dev")
    say("style"), run(BIN / "ruff", "check", "."), run(BIN / "ruff", "format", "--check", "--quiet", ".")
    say("types"), run(BIN / "mypy")
    say("layers"), run(BIN / "lint-imports", "--no-cache")
    say("fast tests")
    run(PYTHON, "-m", "pytest", "-n", "2", "-q", "-m", "not slow and not real", "-p", "no:randomly", *extra)


def task_test_slow(extra: list[str]) -> None:
    set_up("dev")
    run(PYTHON, "-m", "pytest", "-q", "-m", "slow or real", "--timeout", "900", "-p", "no:randomly", *extra)


def task_lock() -> None:
    uv = shutil.which("uv") or sys.exit("uv is needed to make the locks: pip install uv")
    common = (
        *(uv, "pip", "compile", "--quiet", "--generate-hashes", "--universal", "--python-version", "3.11"),
        *("--no-emit-index-url", "--no-emit-find-links", "--custom-compile-command", "python3 tasks.py lock"),
    )
    run(*common, "pyproject.toml", "-o", "requirements/base.txt")
    run(*common, "requirements/build.in", "-c", "requirements/base.txt", "-o", "requirements/build.txt")
    run(*common, "requirements/dev.in", "-c", "requirements/base.txt", "-o", "requirements/dev.txt")
    run(*common, "requirements/clients.in", "-o", "requirements/clients.txt")
    run(*common, "--no-deps", "requirements/clients-aside.in", "-o", "requirements/clients-aside.txt")


def task_generate() -> None:
    set_up("dev")
    for name in GENERATORS:
        say(name)
        run(PYTHON, ROOT / "scripts" / name)


def main(argv: list[str]) -> None:
    name, extra = (argv[0] if argv else "help"), argv[1:]
    tasks = {
        "try": task_try,
        "test": lambda: task_test(extra),
        "test-slow": lambda: task_test_slow(extra),
        "lock": task_lock,
        "generate": task_generate,
    }
    if name not in tasks:
        print(__doc__)
        sys.exit(0 if name in {"help", "-h", "--help"} else 2)
    tasks[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
