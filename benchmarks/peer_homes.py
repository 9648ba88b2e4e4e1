"""Environments of the peers: each one's own, made once under build/, of the versions that are named here.

A peer that cannot be had is no failure: one sentence says so, and its lines are left out.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.pretend import ROOT

HOMES = ROOT / "build" / "peers"
INSTALL_SECONDS, RUN_SECONDS = 600, 300


class Peer(NamedTuple):
    name: str
    requirement: str
    driver: str  #: file of this package that its Python runs
    pythons: tuple[tuple[int, int], ...] = ()  #: versions of Python that it takes; any without


class NotToBeHad(Exception):
    """A peer was not installed, or did not do its task. One sentence."""


def python_of(peer: Peer) -> Path:
    """The Python of the peer's environment, which is made if it is not there. Raises NotToBeHad."""
    base = _base(peer)
    stamp = hashlib.sha256(f"{peer.requirement} {base}".encode()).hexdigest()[:12]
    home = HOMES / f"{peer.name}-{stamp}"
    python, made = home / "bin" / "python", home / "made"
    if made.exists():
        return python
    shutil.rmtree(home, ignore_errors=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", peer.requirement]
    for command in ([base, "-m", "venv", str(home)], pip):
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=INSTALL_SECONDS)
        except (OSError, subprocess.SubprocessError) as failed:
            raise NotToBeHad(f"{peer.requirement} could not be installed; its lines are left out.") from failed
    made.touch()
    return python


def _base(peer: Peer) -> str:
    """A Python that the peer takes, ours if possible. Raises NotToBeHad."""
    if not peer.pythons or sys.version_info[:2] in peer.pythons:
        return sys.executable
    for major, minor in peer.pythons:
        found = shutil.which(f"python{major}.{minor}")
        if found and not subprocess.run([found, "-c", ""], capture_output=True).returncode:
            return found
    versions = " or ".join(f"{major}.{minor}" for major, minor in peer.pythons)
    raise NotToBeHad(f"{peer.requirement} needs Python {versions}, which is not here; its lines are left out.")


def measured(peer: Peer, python: Path, told: dict[str, Any]) -> dict[str, dict[str, float]]:
    """What the peer's driver measured, by step: rows, seconds, and seconds of processor time. `told`: its task. Raises
    NotToBeHad."""
    # Isolated (-I): files of this package have names of the standard library.
    command = [str(python), "-I", str(Path(__file__).parent / peer.driver)]
    # Nobody is told of our measuring, and no proxy stands between us and our own loopback.
    environment = {
        **os.environ,
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "DO_NOT_TRACK": "1",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
    try:
        run = subprocess.run(
            command,
            input=json.dumps(told).encode(),
            capture_output=True,
            timeout=RUN_SECONDS,
            env=environment,
            check=True,
        )
        found: dict[str, dict[str, float]] = json.loads(run.stdout.splitlines()[-1])
        return found
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as failed:
        raise NotToBeHad(f"{peer.requirement} did not do its task; its lines are left out.") from failed
