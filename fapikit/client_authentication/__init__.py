"""Client authentication of a client, or of an API that introspects, at an authorization server: one file per method."""

from fapikit.client_authentication.client_secret_basic import ClientSecretBasic
from fapikit.client_authentication.client_secret_jwt import ClientSecretJWT
from fapikit.client_authentication.client_secret_post import ClientSecretPost
from fapikit.client_authentication.method import ClientAuthentication, Credentials
from fapikit.client_authentication.private_key_jwt import PrivateKeyJWT
from fapikit.client_authentication.public_client import PublicClient
from fapikit.client_authentication.self_signed_tls_client_auth import SelfSignedTlsClientAuth
from fapikit.client_authentication.tls_client_auth import TlsClientAuth

__all__ = [
    "ClientAuthentication",
    "ClientSecretBasic",
    "ClientSecretJWT",
    "ClientSecretPost",
    "Credentials",
    "PrivateKeyJWT",
    "PublicClient",
    "SelfSignedTlsClientAuth",
    "TlsClientAuth",
]
