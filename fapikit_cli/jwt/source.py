"""Where a JWT comes from: stdin, a file, a variable, or an argument if nobody accepts that JWT any more.

`secret_arguments` has refused every argument with a JWT that may still be used.

Role: RP, RS, AS
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from fapikit_cli.failing import WrongUsage
from fapikit_cli.secret_input import read_secret

if TYPE_CHECKING:
    from fapikit.jose.encryption_keys import DecryptionKey
    from fapikit.secrets import Concealed

_COMPACT: Final = re.compile(r"[\w-]+(?:\.[\w-]*){2}(?:(?:\.[\w-]*){2})?")
_SCHEME: Final = re.compile(r"(?:authorization:\s*)?(?:bearer|dpop)[\s:]+", re.IGNORECASE)
_LONGEST_NAME: Final = 255


def read_jwt(source: str) -> Concealed[str]:
    """The JWT, without the name of a header before it. Raises WrongUsage; OSError for a file."""
    from fapikit.secrets import Concealed

    if source.startswith("eyJ") and _COMPACT.fullmatch(source):
        return Concealed(source)
    # Much that is a JWT is public, such as a status list, and this command shows what it reads.
    found = read_secret(source, "the JWT", others_may_read=True)
    token = Concealed("".join(_SCHEME.sub("", found.reveal(), count=1).split()))
    if not token.reveal().isascii() or not _COMPACT.fullmatch(token.reveal()):
        raise WrongUsage(
            f"what is read from {source} is no JWT: it has not three or five parts with dots between them",
            "give the JWT alone, or the header field that has it",
        )
    return token


def read_decryption_key(source: str, header: dict[str, Any]) -> DecryptionKey:
    """The private key for a JWE with this header, PEM or JWK. Raises WrongUsage, UnusableKey."""
    from joserfc.errors import JoseError
    from joserfc.jwk import import_key

    from fapikit.jose.encryption_keys import DecryptionKey
    from fapikit.jose.load_key import jwk_members

    secret = read_secret(source, "the key for decryption")
    alg, kid = str(header.get("alg")), header.get("kid")
    if secret.reveal().startswith("-----BEGIN"):
        return DecryptionKey.from_pem(secret.reveal(), alg=alg, kid=kid)
    try:
        return DecryptionKey(import_key(dict(jwk_members(secret.reveal()))), alg=alg, kid=kid)
    except (JoseError, ValueError, TypeError, KeyError):
        pass  # not chained: that error may hold the key
    raise WrongUsage("the key for decryption is no private JWK that can be used", "give a JWK or PEM")
