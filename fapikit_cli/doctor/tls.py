"""TLS of one host: versions and cipher suites that it really agrees to.

Spec: RFC 9325 3.1.1, 4.1, 4.2; FAPI2-SP 5.2.1-1, 5.2.2-1, 5.2.3-2; FAPI1-ADV 8.5-1
Role: C
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Final

from fapikit_cli.doctor.client_hello import VERSIONS, Agreed, ask
from fapikit_cli.doctor.host import Host
from fapikit_cli.doctor.row import Row, Rules, Verdict
from fapikit_cli.doctor.suites import is_broken, named_suites, numbers_of

_NEWEST_OLD: Final = 0x0302
_TLS_1_2: Final = 0x0303
_TOLD: Final = 12
_CONFIGURE: Final = "configure the TLS of the server or of the proxy before it"


def examine_tls(host: Host, rules: Rules) -> Iterator[Row]:
    """The rows of one host. A host that does not answer gives one row."""
    try:
        yield from _versions(host, rules)
        yield from _suites(host, rules)
    except OSError as error:
        yield rules.row(
            "tls.reachable",
            None,
            "FAPI2-SP 5.2.1-1",
            "the host answers over TLS",
            error,
            "check host and port",
        )


def _versions(host: Host, rules: Rules) -> Iterator[Row]:
    everything = tuple(named_suites())
    old = []
    for version, name in VERSIONS.items():
        if version <= _NEWEST_OLD:
            agreed = ask(host.address, version, everything, timeout=host.timeout)
            if agreed is not None and agreed.version <= _NEWEST_OLD:
                old.append(VERSIONS.get(agreed.version, name))
    yield rules.row(
        "tls.old-versions",
        not old,
        "FAPI2-SP 5.2.1-1",
        "nothing older than TLS 1.2 is accepted",
        ", ".join(dict.fromkeys(old)) or "SSL 3.0, TLS 1.0 and TLS 1.1 are refused",
        f"{_CONFIGURE}: TLS 1.2 and TLS 1.3 only",
    )
    has_1_3 = _speaks(host, ssl.TLSVersion.TLSv1_3)
    yield rules.row(
        "tls.1.3",
        has_1_3,
        "RFC 9325 3.1.1",
        "TLS 1.3 is accepted",
        "accepted" if has_1_3 else "refused",
        f"{_CONFIGURE}: add TLS 1.3",
        otherwise=Verdict.WARNS,
    )


def _suites(host: Host, rules: Rules) -> Iterator[Row]:
    names, allowed = named_suites(), numbers_of(rules.profile.tls12_ciphers)
    good = ask(host.address, _TLS_1_2, tuple(allowed), timeout=host.timeout)
    usable = good is not None or _speaks(host, ssl.TLSVersion.TLSv1_3)
    yield rules.row(
        "tls.usable",
        usable,
        rules.profile.clause("tls12_ciphers"),
        "a suite that the profile allows is accepted, or TLS 1.3",
        names[good.suite] if good is not None else "TLS 1.3" if usable else "no such suite",
        f"{_CONFIGURE}: {', '.join(rules.profile.tls12_ciphers)}",
    )
    forbidden = [number for number in names if number not in allowed]
    broken = _accepted(host, [number for number in forbidden if is_broken(number)])
    other = broken or _accepted(host, forbidden)
    found = ", ".join(names[number] for number in other)
    if broken:
        clause, requirement = "RFC 9325 4.1", "no broken cipher suite is accepted"
    else:
        clause, requirement = rules.profile.clause("tls12_ciphers"), "no other suite of TLS 1.2 is accepted"
    yield rules.row(
        "tls.suites",
        not other,
        clause,
        requirement,
        found or f"{len(names) - len(allowed)} other suites are refused",
        f"{_CONFIGURE}: {', '.join(rules.profile.tls12_ciphers)} and no other",
        # FAPI2-SP 5.2.3-2: where only browsers come, what BCP 195 does not forbid is allowed.
        otherwise=Verdict.WARNS if host.for_browsers and not broken else Verdict.FAILS,
    )


def _accepted(host: Host, offered: list[int]) -> list[int]:
    """The suites that it chooses, one after another, until it refuses all that are left."""
    found: list[int] = []
    while len(found) < _TOLD:
        left = [number for number in offered if number not in found]
        agreed: Agreed | None = ask(host.address, _TLS_1_2, left, timeout=host.timeout)
        if agreed is None or agreed.suite not in left:
            break
        found.append(agreed.suite)
    return found


def _speaks(host: Host, version: ssl.TLSVersion) -> bool:
    try:
        with host.connect(host.unverified(version)):
            return True
    except ssl.SSLError:
        return False
