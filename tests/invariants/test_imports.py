"""Importing Gridtide changes nothing in the process that imports it."""

import json
import subprocess
import sys

LOOK = """
import json, logging, os, signal, socket, ssl, sys, threading, warnings
def look():
    return {
        "handlers": [repr(h) for h in logging.getLogger().handlers],
        "levels": logging.getLogger().level,
        "signals": {s.name: repr(signal.getsignal(s)) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)},
        "environment": sorted(os.environ.items()),
        "here": os.getcwd(),
        "threads": threading.active_count(),
        "connect": repr(socket.socket.connect),
        "hook": repr(sys.excepthook),
        "verify": repr(ssl._create_default_https_context),
        "files": sorted(os.listdir(os.environ["HOME"])),
        "limit": sys.getrecursionlimit(),
    }
before = look()
import gridtide, gridtide.sync, gridtide.api.scheduler, gridtide.api.live, gridtide.cli.main, gridtide.engine.loop
import gridtide.grid.client, gridtide.grid.redis_store, gridtide.ledger.journal, gridtide.simulation.experiment
import gridtide.executors.local, gridtide.testing
print(json.dumps([before, look()]))
"""


def test_no_import_has_a_side_effect(tmp_path, monkeypatch):
    """No handler, signal, thread, file, hook or patched socket; another tool once replaced everybody's sessions."""
    monkeypatch.setenv("HOME", str(tmp_path))
    found = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True, timeout=60)
    before, after = json.loads(found.stdout)

    assert after == before
    assert found.stderr == ""
