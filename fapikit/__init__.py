"""What the client, the resource server and the authorization server share.

Where is ...? The rules of a profile: `profiles`. Exceptions from a rule: `quirks`. Errors: `errors`. How protocol code
asks for I/O: `flow`. The code that does the I/O: `io`. JWTs and keys: `jose`. The key set of a peer: `jwks`. DPoP:
`dpop`. Stores: `stores`. Client authentication: `client_authentication`. The metadata of an authorization server:
`metadata`; what they lack for a profile: `metadata_audit`. Introspection: `introspection`. The parser of challenges:
`www_authenticate`.
"""

from typing import TYPE_CHECKING

from fapikit.client_authentication import (
    ClientSecretBasic,
    ClientSecretJWT,
    ClientSecretPost,
    PrivateKeyJWT,
    PublicClient,
    SelfSignedTlsClientAuth,
    TlsClientAuth,
)
from fapikit.errors import FapiError
from fapikit.io import HttpSettings
from fapikit.io.tls import (
    ask_for_client_certificates,
    client_context,
    read_certificates,
    server_context,
    trust_client_certificates,
)
from fapikit.io.tls_client_certificate import TlsClientCertificate
from fapikit.jose.key_ring import KeyRing
from fapikit.jose.private_key import PrivateKey
from fapikit.jose.signer import Signer
from fapikit.jwks import KeyLimits
from fapikit.late_names import late_names
from fapikit.metadata import ServerMetadata
from fapikit.metadata_audit import audit
from fapikit.profiles import (
    FAPI1_ADVANCED,
    FAPI1_BASELINE,
    FAPI2_MESSAGE_SIGNING,
    FAPI2_SECURITY,
    FAPI_CIBA,
    OAUTH_2_1,
    Profile,
    Quirk,
    message_signing,
    profile_of,
)
from fapikit.secrets import Secret
from fapikit.stores import MemoryStore, Seal, SealedStore, Store, StorePromise, store_from_url

if TYPE_CHECKING:
    from fapikit.deprecation import FapikitDeprecationWarning
    from fapikit.stores import RedisStore, SqliteStore

__all__ = [
    "FAPI1_ADVANCED",
    "FAPI1_BASELINE",
    "FAPI2_MESSAGE_SIGNING",
    "FAPI2_SECURITY",
    "FAPI_CIBA",
    "OAUTH_2_1",
    "ClientSecretBasic",
    "ClientSecretJWT",
    "ClientSecretPost",
    "FapiError",
    "FapikitDeprecationWarning",
    "HttpSettings",
    "KeyLimits",
    "KeyRing",
    "MemoryStore",
    "PrivateKey",
    "PrivateKeyJWT",
    "Profile",
    "PublicClient",
    "Quirk",
    "RedisStore",
    "Seal",
    "SealedStore",
    "Secret",
    "SelfSignedTlsClientAuth",
    "ServerMetadata",
    "Signer",
    "SqliteStore",
    "Store",
    "StorePromise",
    "TlsClientAuth",
    "TlsClientCertificate",
    "ask_for_client_certificates",
    "audit",
    "client_context",
    "message_signing",
    "profile_of",
    "read_certificates",
    "server_context",
    "store_from_url",
    "trust_client_certificates",
]

__getattr__ = late_names(
    globals(),
    {
        "FapikitDeprecationWarning": "fapikit.deprecation",
        "RedisStore": "fapikit.stores.redis",
        "SqliteStore": "fapikit.stores.sqlite",
    },
)
