"""Holds the locked dependencies against the advisories that are known: python -m tests.audit

`uv audit` asks the database of OSV (osv.dev). It reads uv's own kind of lock, so requirements.lock is written down as
one first. A known vulnerability fails. A desk without the network is told that nothing was asked, and does not fail.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from uv import find_uv_bin

LOCK = Path(__file__).resolve().parents[1] / "requirements.lock"

#: What uv says where the service did not answer, or something else answered in its place.
_NOT_ASKED = ("error sending request", "HTTP status", "error decoding response")

_PIN = re.compile(r"^([\w.-]+)==([^\s;\\]+)", re.MULTILINE)


class Unusable(Exception):
    """There is nothing that could be audited; the sentence says why."""


def pins(lock: str) -> list[tuple[str, str]]:
    """Name and version of everything that a lock pins. Raises Unusable for one that pins nothing."""
    found = _PIN.findall(lock)
    if not found:
        raise Unusable("The lock pins nothing, so nothing can be audited; make it anew: make lock")
    return found


def audit(lock: str, service: str | None = None) -> tuple[int, str]:
    """Exit status and what there is to say: 0 and one sentence, or 1 and what was found.

    `service`: the address of another service that answers as OSV does. Raises Unusable.
    """
    pinned = pins(lock)
    with TemporaryDirectory() as folder:
        _write_project(Path(folder), pinned)
        command = [find_uv_bin(), "audit", "--preview-features", "audit-command", "--no-config", "--frozen"]
        command += ["--no-progress", "--color", "never", *(["--service-url", service] if service else [])]
        patience = {"UV_HTTP_RETRIES": "1", "UV_HTTP_TIMEOUT": "10"}
        done = subprocess.run(command, cwd=folder, env=patience | os.environ, capture_output=True, text=True)
    told = f"{done.stderr.strip()}\n\n{done.stdout.strip()}".strip()
    if done.returncode == 2 and any(words in done.stderr for words in _NOT_ASKED):
        return 0, "The advisories of OSV (api.osv.dev) cannot be reached from here: the dependencies were not audited."
    if done.returncode == 0:
        if f"in {len(pinned)} packages" not in told:
            return 1, f"Of {len(pinned)} locked packages some were not audited:\n{told}"
        return 0, f"{len(pinned)} locked packages: no known vulnerability."
    return 1, told


def _write_project(folder: Path, pinned: Sequence[tuple[str, str]]) -> None:
    """A project that needs all of it, and its lock (docs.astral.sh/uv, Locking: uv.lock is a list of packages)."""
    head = 'name = "audited"\nversion = "0"\n'
    needs = ", ".join(json.dumps(f"{name}=={version}") for name, version in pinned)
    (folder / "pyproject.toml").write_text(f'[project]\n{head}requires-python = ">=3.11"\ndependencies = [{needs}]\n')
    index = 'source = { registry = "https://pypi.org/simple" }'
    named = ", ".join(f'{{ name = "{name}", version = "{version}", {index} }}' for name, version in pinned)
    packages = [f'[[package]]\n{head}source = {{ virtual = "." }}\ndependencies = [{named}]\n']
    packages += [f'[[package]]\nname = "{name}"\nversion = "{version}"\n{index}\n' for name, version in pinned]
    (folder / "uv.lock").write_text("\n".join(['version = 1\nrequires-python = ">=3.11"\n', *packages]))


def main() -> None:
    try:
        status, told = audit(LOCK.read_text())
    except Unusable as error:
        sys.exit(str(error))
    sys.stdout.write(f"{told}\n")
    sys.exit(status)


if __name__ == "__main__":
    main()
