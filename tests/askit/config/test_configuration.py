"""The configuration file: its shape, and the refusal of what is unknown or contradictory, by name."""

from __future__ import annotations

import json
import re
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import httpx
import pytest

from askit import AuthorizationServer, Config
from askit.__main__ import main, unreachable_issuer
from askit.config import client_certificates, details_types
from askit.config import file as config_file
from askit.config.file import read_settings
from askit.config.limits import Limits
from askit.config.table import Table
from fapikit.errors import ConfigurationError, FapiError
from tests.askit.bank import CALLBACK, FINTECH, settings
from tests.askit.plain_client import ACCOUNTS, PlainClient, read_callback
from tests.keys import a_key

SHAPE = """\
issuer = "https://localhost:9443"
profile = "fapi2-security"
listen = "127.0.0.1:9443"
store = "memory:"
auto_approve = "alice"
clients_file = "clients.json"
initial_access_token = "let-me-in"

[tls]
certificate = "server.pem"
key = "server.key"
client_ca = "ca.pem"

[signing]
jwks_file = "keys.json"

[[users]]
username = "alice"
password = "secret-password"
claims = { name = "Alice", email = "alice@example.test" }

[[resources]]
uri = "https://api.example.test/accounts"
token_format = "jwt"
scopes = ["accounts"]
introspection_clients = ["accounts-api"]

[[authorization_details_types]]
type = "payment_initiation"
resource = "https://api.example.test/accounts"
"""


TYPE_S_RESOURCE = 'resource = "https://api.example.test/accounts"'


def _write(directory: Path, text: str = SHAPE) -> Path:
    clients = [FINTECH, {**FINTECH, "client_id": "accounts-api"}]
    (directory / "clients.json").write_text(json.dumps(clients))
    (directory / "keys.json").write_text(json.dumps({"keys": [a_key("ES256", 40).to_private_jwk()]}))
    (directory / "bank.toml").write_text(text)
    return directory / "bank.toml"


def test_the_documented_shape_is_read(tmp_path: Path) -> None:
    config = Config.load(_write(tmp_path))
    assert config.issuer == "https://localhost:9443"
    assert config.address == ("127.0.0.1", 9443)
    assert config.tls is not None
    assert config.tls.certificate == tmp_path / "server.pem"
    assert config.tls.client_ca == tmp_path / "ca.pem"
    assert [client.client_id for client in config.clients] == ["fintech", "accounts-api"]
    assert config.users[0].claims["name"] == "Alice"
    assert config.resources[0].scopes == ("accounts",)
    assert config.authorization_details_types[0].type == "payment_initiation"
    assert config.signing_jwks is not None


def test_a_sqlite_file_lies_beside_the_configuration(tmp_path: Path) -> None:
    config = Config.load(_write(tmp_path, SHAPE.replace('"memory:"', '"sqlite:///bank.db"')))
    assert config.store == f"sqlite:///{tmp_path / 'bank.db'}"


def test_no_secret_shows_in_its_repr(tmp_path: Path) -> None:
    shown = repr(Config.load(_write(tmp_path)))
    for secret in ("secret-password", "let-me-in", a_key("ES256", 40).to_private_jwk()["d"]):
        assert secret not in shown


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("listen =", "lissten =", "lissten is not a setting; did you mean listen?"),
        ("clients_file =", "client_file =", "client_file is not a setting; did you mean clients_file?"),
        ("client_ca =", "client_cas =", "tls.client_cas"),
        ("jwks_file =", "jwks_files =", "signing.jwks_files"),
        ("password =", "pasword =", "users[0].password"),
        ("scopes = [", "scope = [", "resources[0].scope"),
        ('type = "payment_initiation"', 'kind = "payment_initiation"', "authorization_details_types[0].type"),
        ('issuer = "https://localhost:9443"', "", "issuer"),
        ('issuer = "https', 'issuer = "http', "issuer"),
        ("localhost:9443", "localhost:9443/?x=1", "issuer"),
        ('listen = "127.0.0.1:9443"', "listen = 9443", "listen"),
        ('listen = "127.0.0.1:9443"', 'listen = "127.0.0.1"', "listen"),
        ('listen = "127.0.0.1:9443"', 'listen = "0.0.0.0:9443"', "development_only"),
        ('listen = "127.0.0.1:9443"', 'listen = "bank.example.test:9443"', "development_only"),
        ('profile = "fapi2-security"', 'profile = "fapi3"', "fapi3"),
        ('auto_approve = "alice"', 'auto_approve = "mallory"', "auto_approve"),
        ('token_format = "jwt"', 'token_format = "saml"', "token_format"),
        (
            'introspection_clients = ["accounts-api"]',
            'introspection_clients = ["nobody"]',
            "introspection_clients",
        ),
        ('scopes = ["accounts"]', 'scopes = ["openid"]', "openid"),
        ('scopes = ["accounts"]', 'scopes = "accounts"', "resources[0].scopes"),
        (TYPE_S_RESOURCE, "resource = 7", "authorization_details_types[0].resource must be"),
        (TYPE_S_RESOURCE, 'resource = "https://nowhere.test/"', "nowhere"),
        (
            TYPE_S_RESOURCE,
            'resource = ["https://api.example.test/accounts", "https://nowhere.test/"]',
            "nowhere",
        ),
        (
            TYPE_S_RESOURCE,
            'resource = ["https://api.example.test/accounts", "https://nowhere.test/"]\nsingle_use = true',
            "single_use needs one API",
        ),
        (
            TYPE_S_RESOURCE,
            f'{TYPE_S_RESOURCE}\nrequired = ["consent_id"]',
            "consent_id is set by this server",
        ),
        (
            TYPE_S_RESOURCE,
            f'{TYPE_S_RESOURCE}\nfields = {{ consent_expires_at = "number" }}',
            "consent_expires_at is set by this server",
        ),
        ('type = "payment_initiation"', 'type = "x"\nfields = { a = "text" }', "fields"),
        ('jwks_file = "keys.json"', 'jwks_file = "keys.json"\nrotate_keys_after = 60', "rotate_keys_after"),
        ('jwks_file = "keys.json"', 'signing_alg = "RS256"', "RS256"),
        ('clients_file = "clients.json"', 'clients_file = "missing.json"', "clients_file"),
        ('clients_file = "clients.json"', 'clients_file = "keys.json"', "clients_file"),
        ('claims = { name = "Alice",', 'claims = { sub = "fintech",', "fintech"),
        ('store = "memory:"', 'store = "memory:"\naccess_token_lifetime = 86400', "access_token_lifetime"),
        ('store = "memory:"', 'store = "memory:"\naccess_token_lifetime = "60"', "access_token_lifetime"),
        ('store = "memory:"', 'store = "memory:"\ndevelopment_only = false', "auto_approve"),
        ('store = "memory:"', 'store = "memory:"\ndpop_nonces = "yes"', "dpop_nonces"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, named: str) -> None:
    assert old in SHAPE
    with pytest.raises(FapiError) as refused:
        Config.load(_write(tmp_path, SHAPE.replace(old, new, 1)))
    assert named in str(refused.value)


@pytest.mark.parametrize("resource", [{}, {"resource": []}])
def test_a_type_that_names_no_api(resource: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    """Refused for a real bank; on a developer's machine a warning, and no token ever carries it."""
    members = {**settings(), "authorization_details_types": [{"type": "anything", **resource}]}
    real = {**members, "development_only": False, "store": "sqlite:///bank.db"}
    with pytest.raises(ConfigurationError, match="names no API"):
        Config.from_mapping(real)
    assert Config.from_mapping(members).authorization_details_types[0].resources == ()
    assert "names no API, so no token contains it" in caplog.text


@pytest.mark.parametrize(
    ("setting", "entry"),
    [
        ("users", {"username": "alice", "password": "again"}),
        ("clients", FINTECH),
        ("resources", {"uri": ACCOUNTS}),
        ("authorization_details_types", {"type": "payment_initiation", "resource": ACCOUNTS}),
    ],
)
def test_nothing_is_given_twice(setting: str, entry: dict[str, Any]) -> None:
    members = settings()
    with pytest.raises(ConfigurationError, match="given twice"):
        Config.from_mapping({**members, setting: [*members[setting], entry]})


@pytest.mark.spec("FAPI1-BL 5.2.2-21")
@pytest.mark.parametrize(
    ("profile", "clause"), [("oauth-2.1", "RFC 6750 5.3"), ("fapi1-baseline", "FAPI1-BL 5.2.2-21")]
)
def test_a_bearer_token_lives_under_ten_minutes(profile: str, clause: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Config.from_mapping(settings(profile=profile, access_token_lifetime=600))
    assert refused.value.clause == clause
    assert Config.from_mapping(settings(profile=profile, access_token_lifetime=599))
    assert Config.from_mapping(settings(access_token_lifetime=601)).access_token_lifetime == 601


def test_a_wider_address_has_to_be_meant() -> None:
    config = Config.from_mapping(settings(listen="0.0.0.0:9443", development_only=False))
    assert config.address == ("0.0.0.0", 9443)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml"):
        Config.load(tmp_path / "nowhere.toml")


def test_the_manual_names_every_setting() -> None:
    """Every key that the reader asks for stands in docs/askit.md, in code spans."""
    manual = (Path(__file__).parents[3] / "docs" / "askit.md").read_text()
    readers = (config_file, details_types, client_certificates)
    reader = "".join(Path(str(module.__file__)).read_text() for module in readers)
    asked = set(re.findall(r'table\.\w+\(\s*"(\w+)"', reader)) | set(
        re.findall(r'tables?\("(\w+)"\)', reader)
    )
    assert len(asked) > 25
    for setting in asked:
        assert re.search(rf"`\[*{setting}\]*`", manual), setting


def test_the_manual_gives_every_limit_its_default_and_a_reason() -> None:
    manual = (Path(__file__).parents[3] / "docs" / "askit.md").read_text()
    for limit in fields(Limits):
        default = r"\S.*" if limit.default is None else f"{limit.default:g}"
        row = rf"^\| `{limit.name}` \| {default} \| .+ \| .+ \|$"
        assert re.search(row, manual, re.MULTILINE), limit.name


SEAL = "c2VhbC1rZXktb2YtdGhpcnR5LXR3by1vY3RldHMhISE"


@pytest.mark.anyio
async def test_a_sealed_store_shows_nothing_to_who_reads_the_file(tmp_path: Path) -> None:
    (tmp_path / "seal.txt").write_text(f"{SEAL}\n")
    changed = settings(store="sqlite:///bank.db", store_seal_file="seal.txt", auto_approve="alice")
    config = Config.from_mapping(changed, base=tmp_path)
    assert SEAL not in repr(config)
    server = AuthorizationServer(config)
    transport = httpx.ASGITransport(app=server)
    async with httpx.AsyncClient(transport=transport, base_url=config.issuer) as http:
        client = PlainClient(http=http, clock=time.time)
        code = read_callback(await client.authorize(await client.pushed()))["code"]
        tokens = (await client.redeem(code)).json()
        restarted = httpx.ASGITransport(app=AuthorizationServer(config))
        async with httpx.AsyncClient(transport=restarted, base_url=config.issuer) as again:
            client.http = again
            assert (await client.refresh(tokens["refresh_token"])).status_code == 200
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("bank.db*"))
    assert kept
    for word in (b"fintech", b"user-alice", b"accounts", b'"kty"', b"grant_id"):
        assert word not in kept


@pytest.mark.parametrize("text", ["", "not base64url!", "c2hvcnQ"])
def test_a_seal_that_is_no_seal_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "seal.txt").write_text(text)
    with pytest.raises(ConfigurationError, match="seal"):
        Config.from_mapping(settings(store_seal_file="seal.txt"), base=tmp_path)


def test_a_mistyped_setting_is_recognised_as_the_missing_one() -> None:
    with pytest.raises(ConfigurationError, match="issuer is missing; did you mean isuer"):
        read_settings(Table({"isuer": "https://bank.example.test"}), Path())
    with pytest.raises(ConfigurationError, match=r"issuer is missing\n"):
        read_settings(Table({"colour": "red"}), Path())


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"redirect_uri": CALLBACK}, "redirect_uri is not client metadata: did you mean redirect_uris?"),
        ({"redirect_uris": ["http://fintech.example/"]}, "a redirect URI must be https"),
        ({"jwks": {"keys": []}}, "jwks has no usable one"),
        ({"jwks": {"keys": [a_key("ES256", 40).to_private_jwk()]}}, "jwks must hold public keys"),
        ({"scope": "openid acounts"}, "scope has 'acounts', which no resource has"),
    ],
)
def test_what_is_wrong_with_a_client_names_the_client(members: dict[str, Any], words: str) -> None:
    with pytest.raises(FapiError, match="client fintech: ") as refused:
        Config.from_mapping(settings(clients=[{**FINTECH, **members}, *settings()["clients"][1:]]))
    assert words in str(refused.value)
    assert str(refused.value).count("fintech: ") == 1


def test_an_extension_of_client_metadata_is_no_mistake() -> None:
    extended = {**FINTECH, "client_name#de": "Fintech", "software_id": "1"}
    config = Config.from_mapping(settings(clients=[extended, *settings()["clients"][1:]]))
    assert config.clients[0].metadata["software_id"] == "1"


@pytest.mark.parametrize(
    ("issuer", "listen", "worry"),
    [
        ("https://localhost:9443", "127.0.0.1:9443", False),
        ("https://localhost:9999", "127.0.0.1:9443", True),
        ("https://127.0.0.1", "127.0.0.1:9443", True),
        ("https://localhost", "127.0.0.1:443", False),
        ("https://bank.example.test", "127.0.0.1:9443", False),
    ],
)
def test_an_issuer_at_another_port_of_this_machine_is_warned_of(
    issuer: str, listen: str, worry: bool
) -> None:
    told = unreachable_issuer(Config.from_mapping(settings(issuer=issuer, listen=listen)))
    assert (told is not None) == worry
    assert not worry or listen in str(told)


def test_the_command_line_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = _write(
        tmp_path, SHAPE.replace('issuer = "https://localhost:9443"', 'issuer = "https://localhost:9999"')
    )
    assert main(["--config", str(path)]) == 2, "its certificate is not there"
    assert "clients reach this server only if a proxy" in caplog.text
