"""How fast the sandbox is: profile writes and contact rows per second from one process.

    python -m benchmarks.sandbox_speed

The load client speaks raw HTTP/1.1 over a few keep-alive connections and looks at nothing but the status and the
length of an answer, so that the sandbox is what is measured. Client and sandbox share the machine's cores.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import uvloop

CONTACTS = 50_000
WRITES = 30_000
CONNECTIONS = 16


class Connection:
    """One keep-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def to(cls, url: str) -> "Connection":
        parts = urllib.parse.urlsplit(url)
        return cls(*await asyncio.open_connection(parts.hostname, parts.port, limit=1 << 20))

    async def ask(self, request: bytes, wanted: int) -> bytes:
        """The body of the answer; RuntimeError if its status is not the wanted one."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        start = head.index(b"Content-Length: ") + 16
        length = int(head[start : head.index(b"\r\n", start)])
        body = await self._reader.readexactly(length) if length else b""
        if int(head[9:12]) != wanted:
            raise RuntimeError(f"{head.decode()}{body[:500].decode()}")
        return body

    def close(self) -> None:
        self._writer.close()


def token(of: dict[str, str], scope: str) -> str:
    form = {"grant_type": "client_credentials", "client_id": of["client_id"], "client_secret": of["client_secret"]}
    data = urllib.parse.urlencode({**form, "scope": scope}).encode()
    with urllib.request.urlopen(of["token_url"], data=data) as answer:
        return str(json.load(answer)["access_token"])


def request_bytes(method: str, url: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    parts = urllib.parse.urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def profile_writes(info: dict[str, Any], method: str) -> float:
    """Writes per second: creates of a dozen fields, or updates of them by custom key."""
    of = info["campaign"]
    headers = {"Authorization": f"Bearer {token(of, 'campaign_sdk')}", "X-Api-Key": of["client_id"]}
    url = of["url"] + "/campaign/profileAndServicesExt/profile"
    numbers = iter(range(WRITES))

    def one(number: int) -> bytes:
        body = {
            "email": f"ann.example.{number}@example.com",
            "firstName": "Ann",
            "lastName": f"Example {method}",
            "mobilePhone": f"+4477{number:08d}",
            "birthDate": "1980-05-07",
            "gender": "female",
            "blackListEmail": number % 2 == 0,
            "cusJobTitle": f"Buyer {method}",
            "location": {
                "city": "Orlando",
                "address1": f"{number} Main Street",
                "zipCode": "32801",
                "countryCode": "US",
            },
        }
        if method == "POST":
            return request_bytes("POST", url, headers, json.dumps({**body, "externalId": f"key-{number}"}).encode())
        return request_bytes("PATCH", f"{url}/key-{number}", headers, json.dumps(body).encode())

    requests = [one(number) for number in range(WRITES)]

    async def work() -> None:
        connection = await Connection.to(url)
        for number in numbers:
            await connection.ask(requests[number], 201 if method == "POST" else 200)
        connection.close()

    started = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
    return WRITES / (time.perf_counter() - started)


async def contact_rows(info: dict[str, Any], query: str, labels: bool) -> float:
    """Rows per second of a tracked full read in pages of 5,000."""
    of = info["dynamics"]
    prefer = "odata.track-changes,odata.maxpagesize=5000"
    if labels:
        prefer += ',odata.include-annotations="OData.Community.Display.V1.FormattedValue"'
    headers = {"Authorization": f"Bearer {token(of, of['url'] + '/.default')}", "Prefer": prefer}
    connection = await Connection.to(of["url"])
    link: str | None = f"{of['url']}/api/data/v9.2/contacts{query}"
    rows, spent = 0, 0.0
    while link is not None:
        request = request_bytes("GET", link, headers)
        started = time.perf_counter()
        body = await connection.ask(request, 200)
        spent += time.perf_counter() - started
        rows += body.count(b'"@odata.etag"')
        page = body[-2000:].decode("utf-8", "replace")
        _, found, rest = page.partition('"@odata.nextLink":"')
        link = rest.partition('"')[0] if found else None
    connection.close()
    if rows != CONTACTS:
        raise RuntimeError(f"Read {rows} rows of {CONTACTS}.")
    return rows / spent


def cpu_seconds(pid: int) -> float:
    """Processor time a process has used so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def report(pid: int, what: str, count: int, rate: Awaitable[float]) -> None:
    """Print the rate by the clock, and by the processor time of the sandbox, which a busy machine does not falsify."""
    before = cpu_seconds(pid)
    by_clock = await rate
    spent = cpu_seconds(pid) - before
    print(f"{what:36}{by_clock:11,.0f}{count / spent if spent else 0:19,.0f}")


async def measure() -> None:
    command = [sys.executable, "-m", "sandbox", "up", "-o", "json", "--contacts", str(CONTACTS)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        started = time.perf_counter()
        info = json.loads(process.stdout.readline())
        pid = process.pid
        print(f"up with {CONTACTS:,} contacts after {time.perf_counter() - started:.1f} s")
        print(f"{'':36}{'per second':>11}{'per CPU second':>19}")
        select = (
            "?$select=firstname,lastname,emailaddress1,mobilephone,birthdate,gendercode,donotbulkemail,address1_city"
        )
        await report(pid, "contact rows, 8 columns", CONTACTS, contact_rows(info, select, False))
        await report(pid, "contact rows, 8 columns with labels", CONTACTS, contact_rows(info, select, True))
        await report(pid, "contact rows, all columns", CONTACTS, contact_rows(info, "", False))
        await report(pid, "profile creates", WRITES, profile_writes(info, "POST"))
        await report(pid, "profile updates by custom key", WRITES, profile_writes(info, "PATCH"))
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


if __name__ == "__main__":
    uvloop.run(measure())
