"""Sets a scheme of signed messages to work for one server: one of `DetachedJws` and `JwtBodies`, or `HttpSignatures`.

HTTP message signatures cover more than a body, and answers of this server itself. So they stand around the others.
Their library is imported only for a server that has them.

Role: RS
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fapikit.profiles import Profile
from rskit.http_signatures.settings import HttpSignatures
from rskit.signed_messages.message_signing import MessageSigning, SignedMessages, SigningServer

if TYPE_CHECKING:
    from rskit.http_signatures.checks import SignatureChecks


def make_signing(
    scheme: MessageSigning | HttpSignatures | None,
    server: SigningServer,
    profile: Profile,
    bases: tuple[str, ...],
) -> tuple[SignedMessages | None, SignatureChecks | None]:
    """`bases`: the part before the raw path in the URLs of the server.

    Raises ConfigurationError; ModuleNotFoundError, with the extra that brings the module.
    """
    if scheme is None:
        return None, None
    if not isinstance(scheme, HttpSignatures):
        return scheme.at(server), None
    try:
        from rskit.http_signatures.checks import SignatureChecks
    except ModuleNotFoundError as error:
        error.add_note('HTTP message signatures are an extra: pip install "fapikit[signatures]"')
        raise
    return None, SignatureChecks(scheme, profile, bases, server.clock, issuers=server.issuers)
