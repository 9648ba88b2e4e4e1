"""dlt reads the contacts with its REST source. Run by `benchmarks.peers` in an environment of dlt's own.

Given as JSON on standard input where to read, answers as JSON in the last line of standard output: rows, seconds,
processor seconds; of `extract`, after which rows lie on the disk as dlt keeps them until it loads them, and of a whole
`run` into files.
"""

import json
import sys
import tempfile
import time
from typing import Any

import dlt  # type: ignore[import-not-found]
from dlt.sources.rest_api import rest_api_source  # type: ignore[import-not-found]


def source(told: dict[str, Any]) -> Any:
    auth = {
        "type": "oauth2_client_credentials",
        "access_token_url": told["token_url"],
        "client_id": told["client_id"],
        "client_secret": told["client_secret"],
        "access_token_request_data": {"grant_type": "client_credentials", "scope": told["scope"]},
    }
    headers = {
        "Accept": "application/json",
        "OData-MaxVersion": "4.0",
        "OData-Version": "4.0",
        "Prefer": f"odata.track-changes,odata.maxpagesize={told['page']}",
    }
    client = {
        "base_url": told["api_root"] + "/",
        "headers": headers,
        "auth": auth,
        "paginator": {"type": "json_link", "next_url_path": "'@odata.nextLink'"},
    }
    endpoint = {"path": "contacts", "params": {"$select": told["columns"]}, "data_selector": "value"}
    return rest_api_source({"client": client, "resources": [{"name": "contacts", "endpoint": endpoint}]})


def measured(told: dict[str, Any], step: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="d365acs-dlt-") as folder:
        pipeline = dlt.pipeline(
            "contacts",
            pipelines_dir=f"{folder}/pipelines",
            destination=dlt.destinations.filesystem(f"file://{folder}/loaded"),
            dataset_name="peer",
        )
        process, begun = time.process_time(), time.perf_counter()
        getattr(pipeline, step)(source(told))
        took, process = time.perf_counter() - begun, time.process_time() - process
        rows = sum(
            metrics.items_count
            for steps in pipeline.last_trace.last_extract_info.metrics.values()
            for one in steps
            for name, metrics in one["resource_metrics"].items()
            if name == "contacts"
        )
    return {"rows": rows, "seconds": took, "processor": process}


if __name__ == "__main__":
    given = json.load(sys.stdin)
    print(json.dumps({step: measured(given, step) for step in ("extract", "run")}))
