"""What a worker process does about its memory, seen in a process of its own: heaps are never given up again."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

#: Lets some threads allocate at the same time and writes what the C library tells about its heaps to a file.
ALLOCATE = """
import ctypes, sys, threading
from celery import signals
from config.settings import Settings
from workers.processes import Process

Process(Settings()).connect_signals()
if sys.argv[2] == "worker":
    signals.worker_init.send(sender=None)
together = threading.Barrier(6)
kept = []

def allocate():
    together.wait()
    kept.append(bytearray(10_000))
    together.wait()

threads = [threading.Thread(target=allocate) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
library = ctypes.CDLL(None)
library.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(library.fopen(sys.argv[1].encode(), b"w"))
assert library.malloc_info(0, file) == 0
library.fclose(file)
"""


def heaps(file: Path, role: str) -> int:
    """In how many heaps six threads of a fresh process have allocated."""
    subprocess.run([sys.executable, "-c", ALLOCATE, str(file), role], check=True)
    return file.read_text().count("<heap nr=")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have one heap anyway")
def test_the_threads_of_a_worker_share_one_heap(tmp_path: Path) -> None:
    # Given a C library that gives each thread a heap of its own
    assert heaps(tmp_path / "plain.xml", "no worker") > 1
    # When a worker begins
    found = heaps(tmp_path / "worker.xml", "worker")
    # Then all its threads allocate in one
    assert found == 1
