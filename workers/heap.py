"""One heap for all threads of a worker process, where the C library is glibc.

glibc gives a new thread a heap of its own, up to eight for each core. Every slice begins with fresh threads, so page
after page came to lie in another heap, and a heap keeps what its dearest page took: a process grew for as long as it
read. In one heap the next page takes the place of the last. Threads hardly wait for each other there, since Python lets
one of them run at a time anyway.
"""

import ctypes

#: `mallopt(M_ARENA_MAX, n)`, glibc's malloc.h (man 3 mallopt).
M_ARENA_MAX = -8


def share_one_heap() -> None:
    """From now on no thread gets a heap of its own; children inherit that.

    Does nothing where the C library offers no such choice (musl, macOS).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 1)
