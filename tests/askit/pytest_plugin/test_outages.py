"""Each outage is the one that it is named for, on a socket; and no state is lost or made up by it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from askit.pytest_plugin.faults import PLACES, FaultyServer
from askit.pytest_plugin.outages import DRIP_SECONDS, OUTAGES, Outages
from askit.pytest_plugin.running import RunningServer
from fapikit import PrivateKeyJWT
from fapikit.errors import TransportError
from fapikit.io.tls import client_context
from rpkit import Client

METADATA = "/.well-known/oauth-authorization-server"


@pytest.fixture
def http(faulty_askit: RunningServer[FaultyServer]) -> Iterator[httpx.Client]:
    tls = client_context(ca=faulty_askit.ca)
    with httpx.Client(verify=tls, base_url=faulty_askit.issuer, trust_env=False, timeout=2.0) as client:
        yield client


@pytest.fixture
def outages(faulty_askit: RunningServer[FaultyServer]) -> Outages:
    return faulty_askit.app.faults.outages


def test_unavailable_is_503_at_its_path_alone(http: httpx.Client, outages: Outages) -> None:
    outages["/jwks"] = "unavailable"
    assert http.get("/jwks").status_code == 503
    assert http.get(METADATA).status_code == 200
    del outages["/jwks"]
    assert http.get("/jwks").status_code == 200


def test_a_star_is_every_path_without_an_outage_of_its_own(http: httpx.Client, outages: Outages) -> None:
    outages["*"] = "unavailable"
    outages["/jwks"] = "hang"
    assert http.get(METADATA).status_code == 503
    with pytest.raises(httpx.ReadTimeout):
        http.get("/jwks", timeout=0.3)


def test_more_headers_come_with_a_503(
    http: httpx.Client, outages: Outages, faulty_askit: RunningServer[FaultyServer]
) -> None:
    outages["*"] = "unavailable"
    faulty_askit.app.faults.headers["retry-after"] = "120"
    assert http.get("/jwks").headers["retry-after"] == "120"


def test_a_reset_reaches_the_client_at_once(http: httpx.Client, outages: Outages) -> None:
    outages["/jwks"] = "reset"
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):  # OpenSSL shows some RST as an end
        http.get("/jwks")
    del outages["/jwks"]
    assert http.get("/jwks").status_code == 200


def test_a_drip_brings_the_true_answer_octet_by_octet(http: httpx.Client, outages: Outages) -> None:
    whole = http.get("/jwks").content
    outages["/jwks"] = "drip"
    started = time.monotonic()
    with http.stream("GET", "/jwks") as answer:
        first = [chunk for chunk, _ in zip(answer.iter_raw(), range(3), strict=False)]
    assert time.monotonic() - started >= 2 * DRIP_SECONDS
    assert first == [whole[n : n + 1] for n in range(3)]


@pytest.mark.parametrize("outage", ["reset", "lost"])
def test_only_what_is_lost_was_carried_out(
    faulty_askit: RunningServer[FaultyServer], outages: Outages, outage: str
) -> None:
    with Client.discover(
        faulty_askit.issuer,
        client_id=faulty_askit.client_id,
        auth=PrivateKeyJWT(faulty_askit.client_key),
        redirect_uri=faulty_askit.redirect_uri,
        http=faulty_askit.http(),
    ) as client:
        start = client.begin(scope="openid accounts")
        callback = faulty_askit.browse(start.url)
        made: list[object] = []
        faulty_askit.app.faults["token_response"] = lambda body: made.append(body) or body
        outages["/token"] = outage  # type: ignore[assignment]
        with pytest.raises(TransportError):
            client.complete(callback, start.transaction)
    assert len(made) == (1 if outage == "lost" else 0)


def test_clear_ends_outages(http: httpx.Client, faulty_askit: RunningServer[FaultyServer]) -> None:
    faulty_askit.app.faults.outages["*"] = "unavailable"
    faulty_askit.app.faults.clear()
    assert http.get("/jwks").status_code == 200


def test_what_is_no_path_or_no_outage_is_refused() -> None:
    with pytest.raises(ValueError, match='write "/token"'):
        Outages()["token"] = "hang"
    with pytest.raises(ValueError, match="unavailable"):
        Outages()["/token"] = "503"  # type: ignore[assignment]


def test_every_outage_is_in_the_guide() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "askit.md").read_text()
    assert set(re.findall(r'\.outages\["/token"\] = "(\w+)"', guide)) == OUTAGES
    assert all(f'"{place}"' in guide for place in PLACES if not place.endswith(".jwt"))
