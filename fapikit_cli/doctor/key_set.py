"""The key set of a server: reachable in time, and of keys that a verifier can use and tell apart.

Spec: RFC 7517 4.2, 4.5, 5, 9.2; FAPI2-SP 5.4.1-2, 5.4.1-3, 5.4.2-1, -3, 5.4.3; FAPI1-ADV 8.9-1
Role: C
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from fapikit.errors import FapiError, TransportError
from fapikit.http_message import HttpRequest
from fapikit.jose.key_set import KeySet
from fapikit.jose.public_key import PRIVATE_MEMBERS, PublicKey
from fapikit.jwks import FETCH_MAX_BYTES, FETCH_TIMEOUT
from fapikit.metadata import ServerMetadata
from fapikit_cli.doctor.row import Row, Rules, Verdict
from fapikit_cli.server.caller import Caller

_SLOW: Final = 1.0
_SIGNED: Final = {
    "ID tokens": "id_token_signing_alg_values_supported",
    "authorization responses": "authorization_signing_alg_values_supported",
    "introspection responses": "introspection_signing_alg_values_supported",
}


def examine_keys(metadata: ServerMetadata, rules: Rules, caller: Caller) -> Iterator[Row]:
    """The rows of the set at `jwks_uri`."""
    uri = metadata.raw.get("jwks_uri")
    if not isinstance(uri, str):
        return  # the rows of the metadata say so
    rules = Rules(uri, rules.profile)
    requirement = f"the key set comes at once, and within {FETCH_TIMEOUT:.0f} seconds in any case"
    try:
        answer = caller.send(
            HttpRequest(
                "GET", uri, (("accept", "application/jwk-set+json, application/json"),),
                timeout=FETCH_TIMEOUT, max_bytes=FETCH_MAX_BYTES,
            )
        )  # fmt: skip
        members = answer.json("RFC 7517 5")
        usable = KeySet.from_jwks(members, source=uri)
    except FapiError as error:
        yield rules.failed("keys.reachable", error, requirement, undecided=isinstance(error, TransportError))
        return
    yield rules.row(
        "keys.reachable",
        answer.took < _SLOW,
        "RFC 7517 5",
        requirement,
        f"{_count(members['keys'])}, in {answer.took:.2f} s",
        "a verifier waits for it while a request waits: answer from a cache near the server",
        otherwise=Verdict.WARNS,
    )
    keys = [key for key in members["keys"] if isinstance(key, dict)]
    yield from _each(keys, usable, rules)
    yield from _together(keys, rules)
    yield from _for_what_is_signed(usable.keys, metadata, rules)


def _count(keys: Sequence[Any]) -> str:
    return "1 key" if len(keys) == 1 else f"{len(keys)} keys"


def _each(keys: Sequence[Mapping[str, Any]], usable: KeySet, rules: Rules) -> Iterator[Row]:
    private = [_named(key) for key in keys if PRIVATE_MEMBERS & key.keys()]
    yield rules.row(
        "keys.public-only",
        not private,
        "RFC 7517 9.2",
        "no key shows its private part",
        f"private members in {', '.join(private)}" if private else f"{_count(keys)}, none of them private",
        "take it away at once, replace the key, and revoke what it signed: everybody can sign with it now",
    )
    with_private_part = {key.get("kid") for key in keys if PRIVATE_MEMBERS & key.keys()}
    for_encryption = {key.get("kid") for key in keys if key.get("use") == "enc"}
    skipped = [
        f"{key.kid or '(no kid)'}: {key.why}"
        for key in usable.skipped
        if key.kid not in with_private_part | for_encryption
    ]
    yield rules.row(
        "keys.usable",
        not skipped,
        "FAPI2-SP 5.4.1-2",
        "every key for signatures is valid and long enough",
        "; ".join(skipped) or ", ".join(sorted({key.described for key in usable.keys})),
        "replace these keys: RSA with 2048 bits or more, EC P-256, or Ed25519",
    )


def _together(keys: Sequence[Mapping[str, Any]], rules: Rules) -> Iterator[Row]:
    if len(keys) > 1:
        nameless = sum("kid" not in key for key in keys)
        yield rules.row(
            "keys.kid",
            not nameless,
            "RFC 7517 4.5",
            "every key has a kid",
            f"{nameless} of {len(keys)} keys have none" if nameless else "each has one",
            "give each key a kid, and name it in the header of what it signs",
            otherwise=Verdict.WARNS,
        )
    twice = [
        kid for kid, number in Counter(str(key["kid"]) for key in keys if "kid" in key).items() if number > 1
    ]
    yield rules.row(
        "keys.unique",
        not twice,
        "FAPI2-SP 5.4.2-3",
        "no two keys have the same kid",
        f"several keys are called {', '.join(twice)}" if twice else "no kid is there twice",
        "give each key a kid of its own",
        otherwise=Verdict.WARNS,
    )
    if any(key.get("use") == "enc" for key in keys):
        unsaid = [_named(key) for key in keys if "use" not in key]
        yield rules.row(
            "keys.use",
            not unsaid,
            "RFC 7517 4.2",
            "where some keys are for encryption, each key says its use",
            f"no use in {', '.join(unsaid)}" if unsaid else "each says it",
            "set use to sig or enc",
        )


def _for_what_is_signed(keys: Sequence[PublicKey], metadata: ServerMetadata, rules: Rules) -> Iterator[Row]:
    for what, member in _SIGNED.items():
        offered = set(metadata.strings(member) or ()) & rules.profile.signing_algorithms
        if not offered:
            continue
        could = sorted(alg for alg in offered if any(key.supports(alg) for key in keys))
        yield rules.row(
            f"keys.for-{what.split()[0].lower()}",
            bool(could),
            rules.profile.clause("signing_algorithms"),
            f"a key can sign {what} as the profile wants",
            f"{', '.join(could) or 'none'} of {', '.join(sorted(offered))}",
            f"add a key for one of {', '.join(sorted(offered))}",
        )


def _named(key: Mapping[str, Any]) -> str:
    return str(key.get("kid", "(no kid)"))[:60]
