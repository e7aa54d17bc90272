"""Reads the configuration file: each setting by name and type, with paths relative to the file.

Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from askit.clients.client import Client
from askit.clients.metadata import MEMBERS
from askit.clients.registration_policy import RegistrationPolicy
from askit.config.claims_sources import ClaimsSource
from askit.config.client_certificates import read_certificate_header
from askit.config.client_metadata_documents import ClientMetadataDocuments
from askit.config.details_types import DetailsType
from askit.config.exchange_rules import ExchangeRule
from askit.config.grant_management import GrantManagement
from askit.config.limits import Limits
from askit.config.login_hint_issuers import LoginHintIssuer
from askit.config.look import Look
from askit.config.networks import read_networks
from askit.config.pairwise_subjects import read_salt, read_subject
from askit.config.profile_settings import read_profiles
from askit.config.shared_signals import SharedSignals
from askit.config.software_statement_issuers import SoftwareStatementIssuer
from askit.config.table import Table
from askit.config.trusted_issuers import TrustedIssuer
from askit.config.values import (
    DEFAULT_TOKEN_ENC,
    IDENTITY_SCOPES,
    Resource,
    TlsFiles,
    TokenEncryption,
    TokenFormat,
    User,
)
from askit.config.verified_claims import read_verified_claims
from askit.errors import InvalidClientMetadata, InvalidRedirectUri
from fapikit import base64url, strict_json
from fapikit.clauses import citing
from fapikit.errors import ConfigurationError
from fapikit.profiles import Profile
from fapikit.secrets import Secret
from fapikit.stores import Seal

_SQLITE = "sqlite:///"
_ALIKE = 0.9


def read_settings(table: Table, base: Path) -> dict[str, Any]:
    """The arguments of `Config`. Raises ConfigurationError for a setting that is unknown or has a wrong type."""
    profile, client_profiles = read_profiles(table)
    initial_access_token = table.optional_string("initial_access_token")
    settings: dict[str, Any] = {
        "issuer": table.string("issuer"),
        "profile": profile,
        "client_profiles": client_profiles,
        "assertion_audience": table.optional_string("assertion_audience"),
        "auto_approve": table.optional_string("auto_approve"),
        "clients": _clients(table, base, profile),
        "initial_access_token": Secret(initial_access_token) if initial_access_token else None,
        "registration": _registration(table.table("registration")),
        "tls": _tls(table.table("tls"), base),
        "client_certificates": read_certificate_header(table.table("client_certificates")),
        "mtls_endpoint_aliases": table.optional_string("mtls_endpoint_aliases"),
        "users": tuple(_user(entry) for entry in table.tables("users")),
        "login_hint_issuers": tuple(
            LoginHintIssuer.read(entry, base) for entry in table.tables("login_hint_issuers")
        ),
        "resources": tuple(_resource(entry) for entry in table.tables("resources")),
        "authorization_details_types": tuple(
            DetailsType.read(entry, base) for entry in table.tables("authorization_details_types")
        ),
        "grant_management": GrantManagement.read(managed)
        if (managed := table.table("grant_management"))
        else None,
        "shared_signals": SharedSignals.read(signals) if (signals := table.table("shared_signals")) else None,
        "token_exchange": tuple(ExchangeRule.read(entry) for entry in table.tables("token_exchange")),
        "trusted_issuers": tuple(
            TrustedIssuer.read(entry, base) for entry in table.tables("trusted_issuers")
        ),
        "software_statement_issuers": tuple(
            SoftwareStatementIssuer.read(entry, base) for entry in table.tables("software_statement_issuers")
        ),
        "client_metadata_documents": (
            ClientMetadataDocuments.read(documents)
            if (documents := table.table("client_metadata_documents"))
            else None
        ),
        "look": Look.read(look, base) if (look := table.table("look")) else None,
        "scopes": _scopes(table),
        "texts": table.members("texts"),
        "limits": Limits.read(limits) if (limits := table.table("limits")) else None,
        "development_only": table.boolean("development_only", True),
        "trusted_proxies": read_networks("trusted_proxies", table.strings("trusted_proxies")),
        "refresh_rotation": table.boolean("refresh_rotation", profile.refresh_rotation),
        "dpop_nonces": table.boolean("dpop_nonces", True),
        "http_ca": _http_ca(table.table("http"), base),
        "browser_origins": table.optional_strings("browser_origins"),
        "logo_origins": table.strings("logo_origins"),
        "templates": _folder(table.optional_string("templates"), base),
        "name": table.optional_string("name"),
        "listen": table.optional_string("listen"),
        "store": _store(table.optional_string("store"), base),
        "store_seal": _seal_keys(table.optional_string("store_seal_file"), base),
        "pairwise_salt": read_salt(table.optional_string("pairwise_salt_file"), base),
        "acr": table.string_or_strings("acr") or None,
        "access_token_lifetime": table.optional_seconds("access_token_lifetime"),
        "status_list_ttl": table.optional_seconds("status_list_ttl"),
        "grant_lifetime": table.optional_seconds("grant_lifetime"),
        "session_lifetime": table.optional_seconds("session_lifetime"),
        "device_code_lifetime": table.optional_seconds("device_code_lifetime"),
        "auth_req_id_lifetime": table.optional_seconds("auth_req_id_lifetime"),
        "polling_interval": table.optional_seconds("polling_interval"),
        **_signing(table.table("signing"), base),
    }
    table.require_nothing_else()  # first, because a misspelt setting may be the cause of a missing one
    return {name: value for name, value in settings.items() if value is not None}


def _folder(name: str | None, base: Path) -> Path | None:
    return None if name is None else base / name


def _store(url: str | None, base: Path) -> str | None:
    """The URL of the store. The file of sqlite:///bank.db is in the directory of the configuration file."""
    if url is None or not url.startswith(_SQLITE):
        return url
    return f"{_SQLITE}{base.absolute() / url.removeprefix(_SQLITE)}"


def _seal_keys(file: str | None, base: Path) -> tuple[bytes, ...]:
    """The keys that encrypt what the store keeps: base64url, one per line, the newest first."""
    if file is None:
        return ()
    try:
        keys = tuple(base64url.decode(line) for line in (base / file).read_text("ascii").split())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"store_seal_file: {file} cannot be read as base64url keys") from error
    Seal(keys)
    return keys


def _clients(table: Table, base: Path, profile: Profile) -> tuple[Client, ...]:
    file = table.optional_string("clients_file")
    entries: Any = table.array("clients")
    if file is not None:
        if entries:
            raise ConfigurationError("give clients or clients_file, not both")
        entries = _json_file(base / file, "clients_file")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ConfigurationError("clients_file must hold a JSON array of client metadata objects")
    with citing(profile):
        return tuple(_client(entry) for entry in entries)


def _client(metadata: Mapping[str, Any]) -> Client:
    """Unlike a registration, which must ignore unknown members (RFC 7591 2), a file is checked for misspelt ones."""
    named = f"client {metadata.get('client_id', 'without client_id')}"
    for name in metadata.keys() - MEMBERS:
        if like := get_close_matches(name, MEMBERS, 1, _ALIKE):
            raise ConfigurationError(f"{named}: {name} is not client metadata: did you mean {like[0]}?")
    try:
        return Client.read(metadata)
    except (InvalidClientMetadata, InvalidRedirectUri) as error:
        told = error.message.removeprefix(f"{named}: ")
        raise type(error)(f"{named}: {told}", clause=error.clause) from error


def _json_file(path: Path, setting: str) -> Any:
    try:
        return strict_json.parse_value(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{setting}: {path.name} cannot be read: {error}") from error


def _registration(table: Table | None) -> RegistrationPolicy | None:
    if table is None:
        return None
    settings: dict[str, Any] = {
        "scopes": table.optional_strings("scopes"),
        "authorization_details_types": table.optional_strings("authorization_details_types"),
        "grant_management_actions": table.optional_strings("grant_management_actions"),
        "grant_types": table.optional_strings("grant_types"),
        "response_types": table.optional_strings("response_types"),
        "response_modes": table.optional_strings("response_modes"),
        "token_endpoint_auth_methods": table.optional_strings("token_endpoint_auth_methods"),
        "redirect_hosts": table.optional_strings("redirect_hosts"),
        "subject_types": table.optional_strings("subject_types"),
        "max_clients": table.optional_count("max_clients"),
        "lifetime": table.optional_seconds("lifetime"),
        "software_statement_required": table.boolean("software_statement_required", False),
    }
    table.require_nothing_else()
    given = {name: value for name, value in settings.items() if value is not None}
    return RegistrationPolicy(**{"scopes": IDENTITY_SCOPES, **given})


def _tls(table: Table | None, base: Path) -> TlsFiles | None:
    if table is None:
        return None
    client_ca, client_crl = table.optional_string("client_ca"), table.optional_string("client_crl")
    if client_crl is not None and client_ca is None:
        raise ConfigurationError(
            "tls.client_crl contradicts tls.client_ca, which is not there: a list belongs to an authority",
            clause="RFC 5280 6.3.3",
            facts={"setting": "tls.client_crl"},
        )
    files = TlsFiles(
        certificate=base / table.string("certificate"),
        key=base / table.string("key"),
        client_ca=None if client_ca is None else base / client_ca,
        client_crl=None if client_crl is None else base / client_crl,
    )
    table.require_nothing_else()
    return files


def _http_ca(table: Table | None, base: Path) -> Path | None:
    if table is None:
        return None
    path = base / table.string("ca")
    table.require_nothing_else()
    return path


def _signing(table: Table | None, base: Path) -> dict[str, Any]:
    if table is None:
        return {}
    settings: dict[str, Any] = {
        "signing_alg": table.optional_string("signing_alg"),
        "rotate_keys_after": table.optional_seconds("rotate_keys_after"),
        "request_object_encryption": table.strings("request_object_encryption"),
    }
    file = table.optional_string("jwks_file")
    if file is not None:
        if table.has("rotate_keys_after"):
            raise ConfigurationError(
                "signing.rotate_keys_after needs generated keys: with signing.jwks_file, rotate the keys in that file"
            )
        settings["signing_jwks"] = _json_file(base / file, "signing.jwks_file")
    table.require_nothing_else()
    return settings


def _user(table: Table) -> User:
    secrets = {name: table.optional_string(name) for name in ("pin", "user_code")}
    for name, value in secrets.items():
        if value == "":
            raise ConfigurationError(f"{table.name(name)} is empty: give one, or leave it out")
    user = User(
        username=table.string("username"),
        password=Secret(table.string("password")),
        claims=table.members("claims"),
        verified_claims=read_verified_claims(table),
        claims_sources=tuple(ClaimsSource.read(entry) for entry in table.tables("claims_sources")),
        **{name: None if value is None else Secret(value) for name, value in secrets.items()},
    )
    table.require_nothing_else()
    return user


def _resource(table: Table) -> Resource:
    token_format = table.optional_string("token_format") or "jwt"
    if token_format not in ("jwt", "opaque"):
        raise ConfigurationError(f"{table.name('token_format')} must be jwt or opaque")
    uri = table.string("uri")
    parts = urlsplit(uri)
    if not parts.scheme or not parts.netloc or parts.fragment:
        raise ConfigurationError(
            f"{table.name('uri')} must be an absolute URI without fragment", clause="RFC 8707 2a"
        )
    resource = Resource(
        uri=uri,
        token_format=cast(TokenFormat, token_format),
        scopes=table.strings("scopes"),
        introspection_clients=table.strings("introspection_clients"),
        name=table.optional_string("name") or "",
        encryption=_token_encryption(table, token_format),
        subject=read_subject(table),
    )
    table.require_nothing_else()
    return resource


def _token_encryption(table: Table, token_format: str) -> TokenEncryption | None:
    client_id, alg = table.optional_string("encryption_client"), table.optional_string("encryption_alg")
    enc = table.optional_string("encryption_enc")
    if client_id is None and alg is None and enc is None:
        return None
    if client_id is None or alg is None or token_format != "jwt":
        raise ConfigurationError(
            f"{table.name('encryption_client')} and encryption_alg go together, with token_format jwt",
            clause="RFC 9068 4-2",
        )
    return TokenEncryption(client_id, alg, enc or DEFAULT_TOKEN_ENC)


def _scopes(table: Table) -> Mapping[str, str]:
    described = table.members("scopes")
    for scope, words in described.items():
        if not isinstance(words, str):
            raise ConfigurationError(f"scopes.{scope} must be a string: the description that users read")
    return described
