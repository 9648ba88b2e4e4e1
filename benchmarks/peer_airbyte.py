"""Airbyte's source for Microsoft Dataverse reads the contacts. Run by `benchmarks.peers` in an environment of its own.

Given as JSON on standard input where to read, answers as JSON in the last line of standard output, behind what the
source logs there: rows, seconds, processor seconds. The source runs as its command line does, with change tracking, and
writes its messages to nowhere; nothing takes them in. It fetches tokens from Microsoft's public cloud alone: that
address is the one thing that is changed.
"""

import json
import os
import sys
import tempfile
import time
from typing import Any

import source_microsoft_dataverse.dataverse as dataverse  # type: ignore[import-not-found]
from airbyte_cdk.entrypoint import AirbyteEntrypoint  # type: ignore[import-not-found]
from source_microsoft_dataverse import SourceMicrosoftDataverse

#: What Airbyte's command line takes beside the connection.
STREAM = {
    "stream": {
        "name": "contact",
        "json_schema": {"type": "object", "properties": {}},
        "supported_sync_modes": ["full_refresh", "incremental"],
        "source_defined_cursor": True,
        "default_cursor_field": ["modifiedon"],
    },
    "sync_mode": "incremental",
    "destination_sync_mode": "append",
    "cursor_field": ["modifiedon"],
    "primary_key": [["contactid"]],
}


def measured(told: dict[str, Any], folder: str) -> dict[str, float]:
    config = {
        "url": told["url"],
        "tenant_id": told["tenant"],
        "client_id": told["client_id"],
        "client_secret_value": told["client_secret"],
        "odata_maxpagesize": told["page"],
    }
    files = {"config": config, "catalog": {"streams": [STREAM]}}
    arguments = ["read"]
    for name, content in files.items():
        with open(os.open(f"{folder}/{name}.json", os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            json.dump(content, file)
        arguments += [f"--{name}", f"{folder}/{name}.json"]
    fetched_by, endpoint = dataverse.MicrosoftOauth2Authenticator, "token_refresh_endpoint"
    dataverse.MicrosoftOauth2Authenticator = lambda **known: fetched_by(**{**known, endpoint: told["token_url"]})
    entrypoint, rows = AirbyteEntrypoint(SourceMicrosoftDataverse()), 0
    parsed = entrypoint.parse_args(arguments)
    with open(os.devnull, "w") as nowhere:
        process, begun = time.process_time(), time.perf_counter()
        for message in entrypoint.run(parsed):
            nowhere.write(f"{message}\n")
            rows += '"RECORD"' in message[:20]
        took, process = time.perf_counter() - begun, time.process_time() - process
    return {"rows": rows, "seconds": took, "processor": process}


if __name__ == "__main__":
    given = json.load(sys.stdin)
    with tempfile.TemporaryDirectory(prefix="d365acs-airbyte-") as place:
        print(json.dumps({"read": measured(given, place)}))
