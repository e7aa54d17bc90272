"""The errors of HTTP message signatures and of the digest of a body.

Spec: RFC 9421 3.2; RFC 9530 2; FAPI2-HS 1.2-3
"""

from __future__ import annotations

from fapikit.errors.base import FapiError, Remedy


class HttpSignatureError(FapiError):
    """A message is not signed as it must be. `facts` name the field, component or parameter that is wrong.

    `wanted`: the Accept-Signature of its answer, which says what must be covered.
    """

    wanted: str | None = None

    code = "invalid_signature"  # no RFC registers one for this: `invalid_token` would make clients ask for a new token
    clause = "RFC 9421 3.2"
    remedy = Remedy.CORRECT_THE_REQUEST


class MissingHttpSignature(HttpSignatureError):
    """The message has no signature, or none with the tag that is needed here."""


class MalformedSignature(HttpSignatureError):
    """Signature-Input or Signature is not what RFC 9421 defines, or both do not fit together."""

    clause = "RFC 9421 4.1"


class UncoveredComponent(HttpSignatureError):
    """The signature does not cover a part of the message that it must cover."""

    clause = "RFC 9421 3.2.1"


class UnknownComponent(HttpSignatureError):
    """The signature covers something that the message does not have, or that RFC 9421 does not define."""

    clause = "RFC 9421 2.5"


class StaleSignature(HttpSignatureError):
    """`created` is missing, too old or in the future; or `expires` has passed."""

    clause = "RFC 9421 3.2.1"


class WrongDigest(HttpSignatureError):
    """Content-Digest is missing, malformed, without a usable algorithm, or of another body."""

    clause = "RFC 9530 2"


class UnknownSignatureKey(HttpSignatureError):
    """No key of the expected signer matches `keyid`, or several do."""

    clause = "RFC 9421 3.2"


class WrongSignatureAlgorithm(HttpSignatureError):
    """`alg` names another algorithm than that of the key, or one that is not allowed."""

    clause = "RFC 9421 3.2"


class WrongSignature(HttpSignatureError):
    """The octets of the signature are not those of this message under this key."""

    clause = "RFC 9421 3.2"
