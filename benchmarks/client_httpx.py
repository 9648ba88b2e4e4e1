"""httpx inserts profiles, with threads and with asyncio. Run by `benchmarks.clients` in an environment of its own.

Given as JSON on standard input: `url`, `headers`, `connections`, and the bodies, of which the `first` open the
connections, and the `counted` are measured. Answers as JSON, by step: rows, seconds, processor seconds.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx  # type: ignore[import-not-found]

CREATED = 201


def options(told: dict[str, Any]) -> dict[str, Any]:
    at_once = told["connections"]
    limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
    return {"headers": told["headers"], "limits": limits, "timeout": 20, "trust_env": False}


def with_threads(told: dict[str, Any], first: list[bytes], counted: list[bytes]) -> dict[str, float]:
    with httpx.Client(**options(told)) as client, ThreadPoolExecutor(told["connections"]) as pool:

        def post(body: bytes) -> int:
            return int(client.post(told["url"], content=body).status_code)

        assert {*pool.map(post, first)} == {CREATED}
        process, begun = time.process_time(), time.perf_counter()
        assert {*pool.map(post, counted)} == {CREATED}
        took, process = time.perf_counter() - begun, time.process_time() - process
    return {"rows": len(counted), "seconds": took, "processor": process}


async def with_asyncio(told: dict[str, Any], first: list[bytes], counted: list[bytes]) -> dict[str, float]:
    async with httpx.AsyncClient(**options(told)) as client:

        async def post(left: Iterator[bytes]) -> None:
            for body in left:
                answer = await client.post(told["url"], content=body)
                assert answer.status_code == CREATED, answer.status_code

        async def write(bodies: list[bytes]) -> None:
            left = iter(bodies)
            await asyncio.gather(*(post(left) for _ in range(told["connections"])))

        await write(first)
        process, begun = time.process_time(), time.perf_counter()
        await write(counted)
        took, process = time.perf_counter() - begun, time.process_time() - process
    return {"rows": len(counted), "seconds": took, "processor": process}


if __name__ == "__main__":
    given = json.load(sys.stdin)
    # Each step its own half: a profile is inserted once.
    parts = [[body.encode() for body in given[name]] for name in ("first", "counted")]
    halves = [[part[step::2] for part in parts] for step in (0, 1)]
    print(
        json.dumps(
            {
                "threads": with_threads(given, *halves[0]),
                "asyncio": asyncio.run(with_asyncio(given, *halves[1])),
            }
        )
    )
