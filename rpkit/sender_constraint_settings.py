"""How access tokens are bound to this client: to a DPoP key, to its certificate, or not at all.

Spec: FAPI2-SP 5.3.2.1-4, -5; FAPI1-ADV 5.2.2-5; RFC 9700 2.2.1; RFC 8705 2a, 3a
Role: C
"""

from __future__ import annotations

from typing import Any, Protocol

from fapikit.client_authentication import ClientAuthentication
from fapikit.client_authentication.mutual_tls import require_certificate
from fapikit.errors import ConfigurationError
from fapikit.profiles import Profile, SenderConstraint


class SenderConstraintSettings(Protocol):
    """The fields of `ClientSettings` that this module reads."""

    @property
    def profile(self) -> Profile: ...

    @property
    def auth(self) -> ClientAuthentication: ...

    @property
    def sender_constraint(self) -> SenderConstraint | None: ...

    @property
    def may_show_certificate(self) -> bool: ...

    @property
    def dpop_signer(self) -> Any: ...


def check_sender_constraint(settings: SenderConstraintSettings) -> None:
    """Raises ForbiddenByProfile, ConfigurationError."""
    profile = settings.profile
    if settings.sender_constraint is None:
        profile.require(
            not profile.sender_constraint_required,
            "access tokens must be bound to a key: set sender_constraint",
            "sender_constraint_required",
        )
        if settings.dpop_signer is not None:
            raise ConfigurationError(
                "dpop_signer is given, but sender_constraint is None:"
                ' set sender_constraint="dpop", or leave dpop_signer out'
            )
        return
    profile.require(
        settings.sender_constraint in profile.sender_constraints,
        f"sender_constraint {settings.sender_constraint} is not allowed;"
        f" use {' or '.join(sorted(profile.sender_constraints))}",
        "sender_constraints",
    )


def check_client_certificate(settings: SenderConstraintSettings) -> None:
    """Raises ConfigurationError if a certificate is needed and none is given."""
    require_certificate(settings.auth, may_show=settings.may_show_certificate)
    if settings.sender_constraint == "mtls" and not settings.may_show_certificate:
        raise ConfigurationError(
            'sender_constraint="mtls" binds access tokens to a client certificate, and none is given:'
            " set http=HttpSettings(client_certificate=...)",
            clause="RFC 8705 3a",
            facts={"setting": "client_certificate"},
        )
