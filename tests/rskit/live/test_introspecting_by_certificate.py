"""An API signs in at the introspection endpoint with its certificate, over sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from fapikit import HttpSettings, SelfSignedTlsClientAuth, TlsClientAuth
from fapikit.errors import ConfigurationError
from rskit import Introspection, Issuer
from rskit.decision import Allow
from rskit.resource_server import ResourceServer
from tests.mothers.certificates import as_client_certificate
from tests.mothers.fake_bank import CLIENT_ID
from tests.mothers.mtls_bank import SERVER_CA_PEM, MtlsBank, served_over_tls, thumbprint
from tests.rpkit.mutual_tls.parties import CA, MINE, SELF_SIGNED
from tests.rskit.mothers import RESOURCE, a_view

METHODS: dict[str, Any] = {
    "tls_client_auth": (TlsClientAuth(), MINE),
    "self_signed_tls_client_auth": (SelfSignedTlsClientAuth(), SELF_SIGNED),
}


@pytest.fixture(params=METHODS)
def bank(request: pytest.FixtureRequest) -> Iterator[MtlsBank]:
    _, mine = METHODS[request.param]
    bank = MtlsBank(method=request.param, registered=[mine])
    bank.faults["introspection"] = lambda _: {"active": True, "sub": "alice", "aud": RESOURCE}
    with served_over_tls(bank, CA, SELF_SIGNED) as running:
        yield running


def api(bank: MtlsBank, http: HttpSettings) -> ResourceServer:
    asking = Introspection(CLIENT_ID, METHODS[bank.method][0])
    return ResourceServer(
        resource=RESOURCE, issuers=[Issuer(bank.issuer, introspection=asking)], http=http, clock=bank.clock
    )


@pytest.mark.spec("RFC 8705 2a", "RFC 8705 5")
@pytest.mark.parametrize("driver", ["sync", "async"])
def test_the_api_calls_the_alias_and_shows_its_certificate(bank: MtlsBank, driver: str) -> None:
    mine = METHODS[bank.method][1]
    http = HttpSettings(ca=SERVER_CA_PEM, client_certificate=as_client_certificate(mine))
    server = api(bank, http)
    flow: Any = server.check(a_view("Bearer an-opaque-token"))
    if driver == "sync":
        decision = server.sync_driver.run(flow)
        server.sync_driver.close()
    else:

        async def decide() -> Any:
            try:
                return await server.async_driver.run(flow)
            finally:
                await server.async_driver.aclose()

        decision = asyncio.run(decide())
    assert isinstance(decision, Allow)
    (call,) = bank.calls("introspect")
    assert call.certificate == thumbprint(mine)
    assert call.form["client_id"] == CLIENT_ID
    assert "client_assertion" not in call.form


def test_an_api_without_a_certificate_is_not_made(bank: MtlsBank) -> None:
    for http in (HttpSettings(ca=SERVER_CA_PEM), None):
        with pytest.raises(ConfigurationError, match=r"HttpSettings\(client_certificate=\.\.\.\)") as refused:
            api(bank, http)  # type: ignore[arg-type]
        assert refused.value.clause == "RFC 8705 2a"
