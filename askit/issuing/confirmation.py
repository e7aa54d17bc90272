"""What a token is bound to: the key of a DPoP proof, the client's certificate, or both.

A client requests certificate-bound tokens in its registration. A profile without DPoP requires them of all clients.

Spec: RFC 9449 5.2, 6; RFC 8705 3.1, 3.2, 3.4, 4; FAPI2-SP 5.3.2.1-4, 5.3.2.1-5, 5.4.1-3; FAPI1-ADV 5.2.2-5, 5.2.2-6
Role: AS
"""

from __future__ import annotations

from typing import NamedTuple

from askit.clients.certificates import BOUND_TO_CERTIFICATE
from askit.clients.client import Client
from askit.clients.metadata import BOUND_TO_KEY
from askit.core import Core
from askit.errors import MissingCertificate
from fapikit.certificates import ClientCertificate
from fapikit.certificates.chain import load_fit_certificate
from fapikit.dpop import CheckedProof
from fapikit.errors import MissingProof


class Confirmation(NamedTuple):
    """`jkt`: the thumbprint of a DPoP key. `x5t`: the thumbprint `x5t#S256` of a certificate."""

    jkt: str | None = None
    x5t: str | None = None

    @property
    def cnf(self) -> dict[str, str]:
        """The claim (RFC 7800 3.1), empty for a bearer token."""
        members = {"jkt": self.jkt, "x5t#S256": self.x5t}
        return {name: value for name, value in members.items() if value is not None}

    @property
    def token_type(self) -> str:
        """A token that is bound to a certificate alone is sent under Bearer."""
        return "Bearer" if self.jkt is None else "DPoP"


def confirmation_of(
    core: Core, client: Client, proof: CheckedProof | None, certificate: ClientCertificate | None
) -> Confirmation:
    """What this client's token is bound to. An unbound token is issued only if the profile and the client allow it.

    Raises MissingProof, MissingCertificate; CertificateError for a certificate that no token may be bound to.
    """
    profile = core.profile_of(client)
    bound = profile.certificate_binding_required or client.flag(BOUND_TO_CERTIFICATE)
    if bound and certificate is None:
        raise MissingCertificate(
            "this client's tokens are bound to its certificate: connect with it",
            clause=profile.clause("sender_constraint_required")
            if profile.certificate_binding_required
            else "RFC 8705 3.4",
        )
    if proof is None and profile.sender_constraint_required and not bound:
        raise MissingProof(
            f"access tokens are bound to a key: send a DPoP proof, or register {BOUND_TO_CERTIFICATE}",
            clause=profile.clause("sender_constraint_required"),
        )
    if proof is None and client.flag(BOUND_TO_KEY):
        raise MissingProof(
            "this client is registered for bound tokens only: send a DPoP proof", clause="RFC 9449 5.2"
        )
    jkt = None if proof is None else proof.jkt
    if not bound or certificate is None:
        return Confirmation(jkt)
    if certificate.der is not None:  # a proxy may forward only the hash
        load_fit_certificate(certificate.der, core.clock(), profile)
    return Confirmation(jkt, certificate.thumbprint)
