"""How fast the sandbox is: profile writes, contact rows and batched activities per second from one process.

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
import uuid
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import uvloop

CONTACTS = 50_000
WRITES = 30_000
CONNECTIONS = 16
ACTIVITIES = 60_000
BATCH = 100
BATCH_CONNECTIONS = 4


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


async def activity_creates(info: dict[str, Any]) -> float:
    """Activities per second: created if absent, in batches of 100 that go on after an error."""
    of = info["dynamics"]
    authorization = {"Authorization": f"Bearer {token(of, of['url'] + '/.default')}"}
    connection = await Connection.to(of["url"])
    page = await connection.ask(
        request_bytes("GET", f"{of['url']}/api/data/v9.2/contacts?$select=contactid&$top=5000", authorization), 200
    )
    contacts = [row["contactid"] for row in json.loads(page)["value"]]
    connection.close()
    headers = {
        **authorization,
        "Prefer": "odata.continue-on-error",
        "Content-Type": 'multipart/mixed; boundary="batch_1"',
    }

    def create(number: int) -> str:
        body = {
            "subject": f"Campaign Name: CMP{number % 7}; Delivery Name: DM{number % 90}",
            "regardingobjectid_contact_adobe_emailsend@odata.bind": f"/contacts({contacts[number % len(contacts)]})",
            "adobe_campaignname": f"CMP{number % 7}",
            "adobe_deliveryname": f"DM{number % 90}",
            "adobe_senton": "2026-05-01T12:00:00Z",
            "adobe_mirrorpageurl": f"https://mirror.example.com/nl/jsp/m.jsp?c={number:064x}",
            "statecode": 1,
            "statuscode": 2,
        }
        return (
            "--batch_1\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
            f"PATCH /api/data/v9.2/adobe_emailsends({uuid.UUID(int=number + 1)}) HTTP/1.1\r\n"
            f"Content-Type: application/json\r\nIf-None-Match: *\r\n\r\n{json.dumps(body)}\r\n"
        )

    url = of["url"] + "/api/data/v9.2/$batch"
    requests = []
    for first in range(0, ACTIVITIES, BATCH):
        text = "".join(create(number) for number in range(first, first + BATCH)) + "--batch_1--\r\n"
        requests.append(request_bytes("POST", url, headers, text.encode()))
    waiting = iter(requests)

    async def work() -> None:
        connection = await Connection.to(url)
        for request in waiting:
            answer = await connection.ask(request, 200)
            if answer.count(b"HTTP/1.1 204 ") != BATCH:
                raise RuntimeError(answer[:1000].decode())
        connection.close()

    started = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(BATCH_CONNECTIONS)))
    return ACTIVITIES / (time.perf_counter() - started)


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
        await report(pid, "activity creates, batches of 100", ACTIVITIES, activity_creates(info))
        await report(pid, "profile creates", WRITES, profile_writes(info, "POST"))
        await report(pid, "profile updates by custom key", WRITES, profile_writes(info, "PATCH"))
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


if __name__ == "__main__":
    uvloop.run(measure())
