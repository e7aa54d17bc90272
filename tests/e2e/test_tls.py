"""All five servers speak TLS 1.2 with the profile's suites, or 1.3, and nothing else."""

from __future__ import annotations

import socket
import ssl

import pytest

from examples.demo.world import World, port_of
from fapikit import FAPI2_SECURITY

REFUSED = "HANDSHAKE_FAILURE|PROTOCOL_VERSION|UNEXPECTED_EOF"  # some servers hang up without an alert
PARTIES = ("bank", "bank2", "accounts", "payments", "fintech")


def handshake(world: World, party: str, context: ssl.SSLContext) -> ssl.SSLSocket:
    with socket.create_connection(("127.0.0.1", port_of(getattr(world, party))), 5) as plain:
        return context.wrap_socket(plain, server_hostname="localhost")


def client(world: World) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(world.path("ca.pem")))


@pytest.mark.parametrize("party", PARTIES)
@pytest.mark.spec("RFC 9325 3.1.1")
def test_prefers_tls_1_3(world: World, party: str) -> None:
    with handshake(world, party, client(world)) as connection:
        assert connection.version() == "TLSv1.3"


@pytest.mark.parametrize("party", PARTIES)
@pytest.mark.parametrize("suite", ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"])
@pytest.mark.spec("FAPI2-SP 5.2.2-1")
def test_takes_the_recommended_suites_under_tls_1_2(world: World, party: str, suite: str) -> None:
    context = client(world)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(suite)
    with handshake(world, party, context) as connection:
        assert connection.cipher() == (suite, "TLSv1.2", int(suite.split("AES")[1][:3]))


@pytest.mark.parametrize("party", PARTIES)
@pytest.mark.parametrize(
    "suite",
    ["ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA", "ECDHE-ECDSA-CHACHA20-POLY1305", "AES128-SHA"],
)
@pytest.mark.spec("FAPI2-SP 5.2.2-1")
def test_refuses_every_other_suite_under_tls_1_2(world: World, party: str, suite: str) -> None:
    context = client(world)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"{suite}:@SECLEVEL=0")
    assert suite not in FAPI2_SECURITY.tls12_ciphers
    with pytest.raises(ssl.SSLError, match=REFUSED):
        handshake(world, party, context)


@pytest.mark.parametrize("party", PARTIES)
@pytest.mark.spec("FAPI2-SP 5.2.1-2")
def test_refuses_tls_1_1(world: World, party: str) -> None:
    context = client(world)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError, match=REFUSED):
        handshake(world, party, context)
