"""How a client, or an API that introspects, signs in at an authorization server: one file per method."""

from fapikit.client_authentication.method import ClientAuthentication, Credentials
from fapikit.client_authentication.private_key_jwt import PrivateKeyJWT

__all__ = ["ClientAuthentication", "Credentials", "PrivateKeyJWT"]
