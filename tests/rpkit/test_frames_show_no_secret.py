"""However a client's flow breaks, an error tracker that shows the variables of every frame finds no secret there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from fapikit import ClientSecretBasic, ClientSecretPost, MemoryStore, PrivateKeyJWT, Secret
from fapikit.errors import FapiError, StoreUnavailable
from rpkit import AsyncClient, Client, Login, TokenStore
from tests.failing import HTTP_FAILURES, AppError, FailingHttp, FailingSigner, FailingStore
from tests.frames import shown
from tests.keys import a_key, mint
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import CLIENT_ID, REDIRECT_URI, FakeBank
from tests.rpkit.logins import ACCOUNTS, ORIGIN, signed_in

ASSERTION = mint({"iss": "somebody", "sub": "alice"}, a_key("ES256", 3))
OPENER = "initial-access-token-of-the-bank"
METADATA = {
    "redirect_uris": [REDIRECT_URI],
    "token_endpoint_auth_method": "private_key_jwt",
    "jwks": {"keys": [dict(a_key("ES256", 1).public_jwk)]},
    "id_token_signed_response_alg": "ES256",
}
_SECRET_FIELDS = (
    "assertion", "client_assertion", "client_secret", "code", "code_verifier", "device_code", "id_token_hint",
    "refresh_token", "request", "state", "token",
)  # fmt: skip


@dataclass
class World:
    """A bank, a client of it, and everything about it that nobody may see."""

    clients: Clients
    bank: FakeBank
    options: dict[str, Any] = field(default_factory=dict)
    planted: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.http = FailingHttp(self.bank)
        self.store = FailingStore(MemoryStore(clock=self.bank.clock))
        self.kms = FailingSigner(a_key("ES256", 1))
        options = {
            "auth": PrivateKeyJWT(self.kms),
            "http": self.http.settings(),
            "store": self.store,
            "token_store": TokenStore(self.store, None),  # nothing is sealed: what leaks is to be seen
        }
        self.bank.faults.setdefault("register_answer", self._registered)
        self.bank.faults.setdefault("introspect_answer", lambda _: (200, {}, {"active": True}))
        self.client = self.clients.of(self.bank, **{**options, **self.options})

    def _registered(self, call: Any) -> Any:
        secret = {"client_secret": "s" * 43, "client_secret_expires_at": 0}
        own = {"registration_access_token": "r" * 43, "registration_client_uri": self.bank.url("register")}
        self.planted |= {"s" * 43, "r" * 43}
        if call.method == "DELETE":
            return 204, {}, b""
        return (
            201 if call.method == "POST" else 200,
            {},
            {**METADATA, "client_id": CLIENT_ID, **secret, **own},
        )

    def secrets(self) -> set[str]:
        found = {*self.bank.access_tokens, *self.bank.refresh_tokens, *self.bank.codes, *self.planted}
        for call in self.bank.seen:
            found |= {call.form[name] for name in _SECRET_FIELDS if name in call.form}
            found |= {
                call.headers[name].split()[-1] for name in ("dpop", "authorization") if name in call.headers
            }
        return found

    def plant(self, *values: Any) -> None:
        self.planted |= {value.reveal() if isinstance(value, Secret) else value for value in values}


Flow = Callable[[World], Callable[[], Any]]


def _begin(world: World) -> Callable[[], Any]:
    world.plant("hint." * 3)
    return lambda: world.client.begin(scope="openid accounts", id_token_hint="hint." * 3)


def _complete(world: World) -> Callable[[], Any]:
    start = world.client.begin(scope="openid accounts", resources=[ACCOUNTS])
    callback, transaction = world.bank.authorize(start.url), start.transaction
    world.plant(transaction.state, transaction.verifier, transaction.nonce, callback)
    return lambda: world.client.complete(callback, transaction, resource=ACCOUNTS)


def _device(world: World) -> Callable[[], Any]:
    world.plant("hint." * 3)
    return lambda: world.client.device(scope="openid accounts", id_token_hint="hint." * 3)


def _wait(world: World) -> Callable[[], Any]:
    world.bank.decision = "approved"
    world.bank.faults["device"] = lambda members: {**members, "interval": 0}
    request = replace(world.client.device(scope="openid accounts"), interval=0.0)
    world.plant(*world.bank.devices, request.user_code)
    # A failure of the network is no error here: the wait goes on until the request has ended.
    return lambda: world.client.wait(replace(request, expires_at=world.bank.clock() + 0.5))


def _login(world: World) -> Login:
    login: Login = signed_in(world.client, world.bank)
    world.plant(login.id_token.jwt)
    return login


def _refresh(world: World) -> Callable[[], Any]:
    world.bank.faults["refresh_id_token"] = lambda claims: claims
    world.bank.rotate = True
    tokens = _login(world).tokens
    return lambda: world.client.refresh(tokens)


def _save_and_load(world: World) -> Callable[[], Any]:
    tokens = _login(world).tokens

    def keep() -> None:
        world.client.save_tokens("customer", tokens)
        world.client.refresh(world.client.load_tokens("customer"))

    return keep


def _revoke(world: World) -> Callable[[], Any]:
    tokens = _login(world).tokens
    return lambda: world.client.revoke(tokens)


def _introspect(world: World) -> Callable[[], Any]:
    world.plant("a-token-of-somebody")
    return lambda: world.client.introspect("a-token-of-somebody")


def _userinfo(world: World) -> Callable[[], Any]:
    login = _login(world)
    return lambda: world.client.userinfo(login)


def _signed_userinfo(world: World) -> Callable[[], Any]:
    world.bank.faults["userinfo_jwt"] = lambda members: mint(
        {**members, "iss": world.bank.issuer, "aud": CLIENT_ID}, world.bank.key
    )
    return _userinfo(world)


def _client_credentials(world: World) -> Callable[[], Any]:
    return lambda: world.client.client_credentials(scope="accounts")


def _grant(world: World) -> Callable[[], Any]:
    world.plant(ASSERTION)
    return lambda: world.client.grant("urn:ietf:params:oauth:grant-type:jwt-bearer", assertion=ASSERTION)


def _exchange(world: World) -> Callable[[], Any]:
    world.plant(ASSERTION)
    issued = {"issued_token_type": "urn:ietf:params:oauth:token-type:access_token"}
    world.bank.faults["token"] = lambda members: {**members, **issued}
    return lambda: world.client.exchange(ASSERTION, actor_token=ASSERTION)


def _jwt_bearer(world: World) -> Callable[[], Any]:
    world.plant(ASSERTION)
    return lambda: world.client.jwt_bearer(ASSERTION)


def _register(world: World) -> Callable[[], Any]:
    world.plant(OPENER)
    http = world.http.settings()
    if world.clients.kind == "sync":
        return lambda: Client.register(world.bank.issuer, METADATA, initial_access_token=OPENER, http=http)
    run = world.clients._loop.run  # type: ignore[union-attr]
    return lambda: run(
        AsyncClient.register(world.bank.issuer, METADATA, initial_access_token=OPENER, http=http)
    )


def _look_after(world: World) -> Callable[[], Any]:
    registered, http = _register(world)(), world.http.settings()

    def look_after() -> None:
        Client.read_registration(registered, http=http)
        Client.update_registration(registered, registered.metadata, http=http)
        Client.delete_registration(registered, http=http)

    return look_after


def _call_api(world: World) -> Callable[[], Any]:
    world.bank.rotate = True
    tokens = _login(world).tokens
    world.bank.access_tokens.clear()
    world.plant(tokens.access_token_for(None))

    def call() -> None:
        with world.client.api(tokens, base_url=ORIGIN, transport=world.bank.transport()) as api:
            api.get("/accounts")

    return call


FLOWS: dict[str, Flow] = {
    "begin": _begin,
    "complete": _complete,
    "device": _device,
    "wait": _wait,
    "refresh": _refresh,
    "save and load": _save_and_load,
    "revoke": _revoke,
    "introspect": _introspect,
    "userinfo": _userinfo,
    "signed userinfo": _signed_userinfo,
    "client credentials": _client_credentials,
    "grant": _grant,
    "exchange": _exchange,
    "jwt bearer": _jwt_bearer,
    "register": _register,
    "look after": _look_after,
    "call an API": _call_api,
}
MOST_STEPS = 40
SURVIVED = {("wait", StoreUnavailable)}
"""A wait goes on when the store is there again."""
ALWAYS_FAIL = {
    "connect",
    "half a body",
    "a fault of ours",
    "a server's error",
    "busy",
}
"""The other answers may be right for some call, or none of its business."""


def broken(run: Callable[[], Any]) -> BaseException | None:
    try:
        run()
    except Exception as error:
        return error
    return None


def errors_of(clients: Clients, flow: Flow, arm: Callable[[World, int], Any], **options: Any) -> list[Any]:
    """Each error that the flow raises when its first use of something fails, its second, and so on, with its world."""
    found = []
    for at in range(1, MOST_STEPS):
        bank = FakeBank()
        world = World(clients, bank, options)
        run = flow(world)
        nth = arm(world, at)
        error = broken(run)
        if error is not None:
            found.append((error, world))
        if nth.used < at:
            return found
    raise AssertionError("the flow does not end")


@pytest.mark.parametrize("name", FLOWS)
@pytest.mark.parametrize("how", HTTP_FAILURES)
def test_a_call_that_fails_shows_no_secret(name: str, how: str, clients: Clients) -> None:
    def arm(world: World, at: int) -> Any:
        world.http.how = how
        world.http.nth.arm(at)
        return world.http.nth

    errors = errors_of(clients, FLOWS[name], arm)
    assert errors or how not in ALWAYS_FAIL
    for error, world in errors:
        assert isinstance(error, FapiError | AppError)
        assert shown(error, world.secrets()) == []


@pytest.mark.parametrize("name", ["complete", "wait", "refresh", "save and load", "revoke", "call an API"])
@pytest.mark.parametrize("kind", [StoreUnavailable, AppError])
def test_a_store_that_fails_shows_no_secret(name: str, kind: type[Exception], clients: Clients) -> None:
    def arm(world: World, at: int) -> Any:
        world.store.error = kind
        world.store.nth.arm(at)
        return world.store.nth

    errors = errors_of(clients, FLOWS[name], arm)
    assert bool(errors) == ((name, kind) not in SURVIVED)
    for error, world in errors:
        assert isinstance(error, kind)
        assert shown(error, world.secrets()) == []


@pytest.mark.parametrize(
    "name", ["begin", "complete", "device", "wait", "refresh", "revoke", "introspect", "client credentials"]
)
@pytest.mark.parametrize("signed", [False, True])
def test_a_key_service_that_fails_shows_no_secret(name: str, signed: bool, clients: Clients) -> None:
    """It signs assertions, proofs and, `signed`, the request with its state."""

    def arm(world: World, at: int) -> Any:
        world.kms.nth.arm(at)
        return world.kms.nth

    options = {"profile": "fapi2-message-signing"} if signed else {}
    if signed and name == "introspect":
        return  # its answer would have to be signed too
    errors = errors_of(clients, FLOWS[name], arm, **options)
    assert errors
    for error, world in errors:
        assert isinstance(error, AppError)
        assert shown(error, world.secrets()) == []


class _NotKeeping(MemoryStore):
    """Fails at the request object, and has seen it."""

    def __init__(self, bank: FakeBank) -> None:
        super().__init__(clock=bank.clock)
        self.seen: set[str] = set()

    def put(self, key: str, value: bytes, ttl: float) -> None:
        self.seen.add(value.decode())
        raise AppError("the store is gone")

    async def aput(self, key: str, value: bytes, ttl: float) -> None:
        self.put(key, value, ttl)

    def add(self, key: str, value: bytes, ttl: float) -> bool:
        self.put(key, value, ttl)
        return False

    async def aadd(self, key: str, value: bytes, ttl: float) -> bool:
        return self.add(key, value, ttl)


@pytest.mark.parametrize("how", ["under an address", "at addresses", "elsewhere"])
def test_a_request_that_cannot_be_hosted_shows_no_secret(how: str, clients: Clients, bank: FakeBank) -> None:
    store = _NotKeeping(bank)

    def put(request_object: str) -> None:
        store.seen.add(request_object)
        raise AppError("the bucket is gone")

    address = "https://fintech.example/requests"
    hosted: Any = {"under an address": address, "at addresses": [f"{address}/{'a' * 22}"], "elsewhere": put}[
        how
    ]
    client = clients.of(
        bank,
        profile="fapi1-baseline",
        signed_requests=True,
        hosted_requests=hosted,
        id_token_signed_response_alg="ES256",
        store=store,
    )
    error = broken(lambda: client.begin(scope="openid accounts"))
    assert isinstance(error, AppError)
    assert len(store.seen) == 1
    assert shown(error, store.seen) == []


@pytest.mark.parametrize("kind", [ClientSecretBasic, ClientSecretPost])
def test_a_client_secret_is_not_shown(kind: Any, clients: Clients) -> None:
    def arm(world: World, at: int) -> Any:
        world.plant("the-secret-of-this-client")
        world.http.nth.arm(at)
        return world.http.nth

    auth = kind("the-secret-of-this-client")
    errors = errors_of(clients, _client_credentials, arm, auth=auth, profile="oauth-2.1")
    assert errors
    for error, world in errors:
        assert shown(error, world.secrets()) == []


CALLBACKS: dict[str, Callable[[str], Any]] = {
    "another state": lambda url: url.replace("state=", "state=x"),
    "another issuer": lambda url: url.replace("iss=https", "iss=http"),
    "no code": lambda url: url.replace("code=", "kode="),
    "twice": lambda url: f"{url}&code=another-code",
    "another address": lambda url: url.replace("/callback", "/elsewhere"),
    "no URL": lambda url: url.replace("https://", "https://["),
    "bad escapes": lambda url: f"{url}%zz",
    "octets beyond ASCII": lambda url: url.partition("?")[2].encode() + b"\xff",
    "an error beside the code": lambda url: f"{url}&error=access_denied",
    "in the fragment": lambda url: url.replace("?", "#"),
}


_INSIDE = {"another state", "another issuer", "no code"}
"""What a signed response has inside of its signature."""


@pytest.mark.parametrize(
    ("how", "mode"),
    [
        (how, mode)
        for how in CALLBACKS
        for mode in (None, "jwt", "form_post")
        if not (mode == "jwt" and how in _INSIDE)
    ],
)
def test_a_callback_that_is_refused_shows_no_secret(
    how: str, mode: str | None, clients: Clients, bank: FakeBank
) -> None:
    world = World(clients, bank, {"response_mode": mode})
    start = world.client.begin(scope="openid accounts")
    honest, transaction = bank.authorize(start.url), start.transaction
    url = honest if "://" in honest else f"{REDIRECT_URI}?{honest}"
    callback = CALLBACKS[how](url)
    world.plant(transaction.state, transaction.verifier, transaction.nonce)
    error = broken(lambda: world.client.complete(callback, transaction))
    assert isinstance(error, FapiError)
    sent = [value.split("=", 1)[1] for value in url.replace("#", "?").partition("?")[2].split("&")]
    assert shown(error, {*world.secrets(), *(value for value in sent if len(value) > 30)}) == []


@pytest.mark.parametrize(
    "claims", [{"state": 7}, {"aud": "other"}, {"exp": 1}, {"code": None}, {"error": "access_denied"}]
)
def test_a_signed_response_that_is_refused_shows_no_code(
    claims: dict[str, Any], clients: Clients, bank: FakeBank
) -> None:
    world = World(clients, bank, {"response_mode": "jwt"})
    bank.faults["jarm"] = lambda honest: {**honest, **claims}
    start = world.client.begin(scope="openid accounts")
    callback, transaction = bank.authorize(start.url), start.transaction
    world.plant(transaction.state, transaction.verifier, callback.partition("response=")[2])
    error = broken(lambda: world.client.complete(callback, transaction))
    assert isinstance(error, FapiError)
    assert shown(error, world.secrets()) == []
