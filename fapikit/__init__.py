"""What the client, the resource server and the authorization server share.

Where is ...? What a profile demands: `profiles`. What an error means: `errors`. How protocol code asks for I/O:
`flow`, and who answers: `io`. JWTs and keys: `jose`, a peer's keys: `jwks`. DPoP: `dpop`. What must not be
forgotten: `stores`. How a client signs in: `client_authentication`. An AS's metadata: `metadata`.
"""

from fapikit.client_authentication import PrivateKeyJWT
from fapikit.errors import FapiError
from fapikit.io import HttpSettings
from fapikit.jose.key_ring import KeyRing
from fapikit.jose.private_key import PrivateKey
from fapikit.jose.signer import Signer
from fapikit.profiles import (
    FAPI1_ADVANCED,
    FAPI1_BASELINE,
    FAPI2_MESSAGE_SIGNING,
    FAPI2_SECURITY,
    FAPI_CIBA,
    OAUTH_2_1,
    Profile,
    message_signing,
    profile_of,
)
from fapikit.secrets import Secret
from fapikit.stores import MemoryStore, Store

__all__ = [
    "FAPI1_ADVANCED",
    "FAPI1_BASELINE",
    "FAPI2_MESSAGE_SIGNING",
    "FAPI2_SECURITY",
    "FAPI_CIBA",
    "OAUTH_2_1",
    "FapiError",
    "HttpSettings",
    "KeyRing",
    "MemoryStore",
    "PrivateKey",
    "PrivateKeyJWT",
    "Profile",
    "Secret",
    "Signer",
    "Store",
    "message_signing",
    "profile_of",
]
