"""Loops that send bodies made beforehand and do nothing else, with as many connections as ours: what clients cost."""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import pycurl
import requests
import urllib3
from requests.adapters import HTTPAdapter

from benchmarks.pretend import Pretend
from connectors.auth import ims_token

#: What Campaign answers to an insert.
CREATED = 201


class BareLoop(Protocol):
    def write(self, bodies: Sequence[bytes]) -> None:
        """Inserts a profile for each body. AssertionError if one is refused."""


class RequestsThreads:
    """`requests`, a pooled adapter, a pool of threads."""

    def __init__(self, there: Pretend) -> None:
        at_once = there.connections.campaign.concurrency
        self._url = url_of(there)
        self._session = requests.Session()
        self._session.headers.update(headers_of(there))
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=at_once, pool_block=True)
        self._session.mount(there.connections.campaign.url, adapter)
        self._pool = ThreadPoolExecutor(at_once)

    def write(self, bodies: Sequence[bytes]) -> None:
        assert {*self._pool.map(self._post, bodies)} == {CREATED}

    def _post(self, body: bytes) -> int:
        return self._session.post(self._url, data=body, timeout=20).status_code


class Urllib3Threads:
    """urllib3, which `requests` stands on, without it; a pool of threads."""

    def __init__(self, there: Pretend) -> None:
        at_once = there.connections.campaign.concurrency
        self._url = url_of(there)
        self._headers = headers_of(there)
        self._connections = urllib3.PoolManager(num_pools=1, maxsize=at_once, block=True, retries=False, timeout=20)
        self._pool = ThreadPoolExecutor(at_once)

    def write(self, bodies: Sequence[bytes]) -> None:
        assert {*self._pool.map(self._post, bodies)} == {CREATED}

    def _post(self, body: bytes) -> int:
        return self._connections.request("POST", self._url, body=body, headers=self._headers).status


class CurlThreads:
    """libcurl, a handle for each of a pool of threads."""

    def __init__(self, there: Pretend) -> None:
        self._url, self._headers = url_of(there), lines_of(headers_of(there))
        self._pool = ThreadPoolExecutor(there.connections.campaign.concurrency)
        self._own = threading.local()

    def write(self, bodies: Sequence[bytes]) -> None:
        assert {*self._pool.map(self._post, bodies)} == {CREATED}

    def _post(self, body: bytes) -> int:
        curl = getattr(self._own, "curl", None)
        if curl is None:
            curl = self._own.curl = handle(self._url, self._headers)
        curl.setopt(pycurl.POSTFIELDS, body)
        curl.perform()
        return int(curl.getinfo(pycurl.RESPONSE_CODE))


class CurlMulti:
    """libcurl's multi interface: one thread drives all connections."""

    def __init__(self, there: Pretend) -> None:
        url, headers = url_of(there), lines_of(headers_of(there))
        self._multi = pycurl.CurlMulti()
        self._handles = [handle(url, headers) for _ in range(there.connections.campaign.concurrency)]

    def write(self, bodies: Sequence[bytes]) -> None:
        multi, free, left, under_way = self._multi, [*self._handles], iter(bodies), 0
        while True:
            while free and (body := next(left, None)) is not None:
                curl = free.pop()
                curl.setopt(pycurl.POSTFIELDS, body)
                multi.add_handle(curl)
                under_way += 1
            if not under_way:
                return
            multi.perform()
            waiting = 1
            while waiting:
                waiting, done, failed = multi.info_read()
                assert not failed, failed
                for curl in done:
                    assert curl.getinfo(pycurl.RESPONSE_CODE) == CREATED
                    multi.remove_handle(curl)
                free += done
                under_way -= len(done)
            if under_way and not free:
                multi.select(1.0)


def url_of(there: Pretend) -> str:
    campaign = there.connections.campaign
    return f"{campaign.api_root}/{campaign.profile_api}/profile"


def headers_of(there: Pretend) -> dict[str, str]:
    campaign = there.connections.campaign
    return {
        "Authorization": ims_token(campaign).header(30),
        "X-Api-Key": campaign.client_id,
        "Content-Type": "application/json;charset=utf-8",
        "Accept": "application/json",
    }


def lines_of(headers: Mapping[str, str]) -> list[str]:
    return [f"{name}: {value}" for name, value in headers.items()]


def handle(url: str, lines: Sequence[str]) -> pycurl.Curl:
    """A handle that posts, and throws away what comes."""
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.HTTPHEADER, lines)
    curl.setopt(pycurl.NOSIGNAL, 1)
    curl.setopt(pycurl.WRITEFUNCTION, len)
    return curl
