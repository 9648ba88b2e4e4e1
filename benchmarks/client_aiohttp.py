"""aiohttp inserts profiles. Run by `benchmarks.clients` in an environment of its own.

Given as JSON on standard input: `url`, `headers`, `connections`, and the bodies, of which the `first` open the
connections, and the `counted` are measured. Answers as JSON: rows, seconds, processor seconds.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import aiohttp  # type: ignore[import-not-found]

CREATED = 201


async def measured(told: dict[str, Any]) -> dict[str, float]:
    connector = aiohttp.TCPConnector(limit=told["connections"])
    async with aiohttp.ClientSession(connector=connector, headers=told["headers"]) as session:

        async def post(left: Iterator[bytes]) -> None:
            for body in left:
                async with session.post(told["url"], data=body) as answer:
                    await answer.read()
                    assert answer.status == CREATED, answer.status

        async def write(bodies: list[bytes]) -> None:
            left = iter(bodies)
            await asyncio.gather(*(post(left) for _ in range(told["connections"])))

        await write([body.encode() for body in told["first"]])
        counted = [body.encode() for body in told["counted"]]
        process, begun = time.process_time(), time.perf_counter()
        await write(counted)
        took, process = time.perf_counter() - begun, time.process_time() - process
    return {"rows": len(counted), "seconds": took, "processor": process}


if __name__ == "__main__":
    print(json.dumps({"asyncio": asyncio.run(measured(json.load(sys.stdin)))}))
