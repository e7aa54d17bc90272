"""Runs all parts of an examination, in an order in which a failure of the first explains those of the next.

Role: C
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from fapikit.io.tls_client_certificate import TlsClientCertificate
from fapikit.profile import Profile
from fapikit_cli.doctor.answers import examine_answers, examine_clock
from fapikit_cli.doctor.certificate import examine_certificate
from fapikit_cli.doctor.host import Host, hosts_of
from fapikit_cli.doctor.key_set import examine_keys
from fapikit_cli.doctor.metadata import examine_metadata
from fapikit_cli.doctor.registration import Client, examine_client
from fapikit_cli.doctor.row import Report, Row, Rules
from fapikit_cli.doctor.tls import examine_tls
from fapikit_cli.server.caller import Caller
from fapikit_cli.server.published import Published, read_published


def examine(
    issuer: str,
    profile: Profile,
    *,
    ca: Path | None = None,
    client: Client | None = None,
    client_certificate: TlsClientCertificate | None = None,
) -> Report:
    """Examine a server. Raises ConfigurationError, InsecureUrl for what is no issuer."""
    with Caller(profile, ca=ca, client_certificate=client_certificate) as caller:
        published = read_published(issuer, caller)
        rows = tuple(_rows(published, profile, caller, ca, client or Client()))
    return Report(issuer, profile.name, rows)


def _rows(
    published: Published, profile: Profile, caller: Caller, ca: Path | None, client: Client
) -> Iterator[Row]:
    issuer, rules = published.issuer, Rules(published.issuer, profile)
    metadata = next((one.metadata for one in published.documents if one.metadata is not None), None)
    for host in hosts_of(issuer, metadata):
        yield from _host(host, Rules(str(host), profile), ca)
    if not issuer.startswith("https:"):
        yield rules.row(
            "tls.issuer", False, "FAPI2-SP 5.2.1-1", "the issuer is an https URL", issuer, "serve it over TLS"
        )
    yield from _clock(published, rules)
    yield from examine_metadata(published, rules)
    if metadata is not None:
        yield from examine_keys(metadata, rules, caller)
        yield from examine_answers(metadata, rules, caller)
        yield from examine_client(client, metadata, rules, caller)


def _host(host: Host, rules: Rules, ca: Path | None) -> Iterator[Row]:
    yield from examine_tls(host, rules)
    yield from examine_certificate(host, rules, ca=ca, now=time.time())


def _clock(published: Published, rules: Rules) -> Iterator[Row]:
    answers = [document.answer for document in published.documents if document.answer is not None]
    if answers:
        yield examine_clock(answers[0], rules)
