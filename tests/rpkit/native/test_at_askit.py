"""A public client on the machine of its user, at a real server over real sockets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from askit.pytest_plugin.running import RunningServer
from fapikit import PrivateKeyJWT, PublicClient
from fapikit.errors import PeerRefused
from rpkit import AsyncClient, Client
from rpkit.errors import AuthorizationRefused
from rpkit.native import asign_in, sign_in
from tests.keys import claims_of

RESOURCE = "https://api.example.test/"
ASKED: dict[str, Any] = {"scope": "openid accounts", "resources": [RESOURCE], "timeout": 20}


class Browser:
    """The browser of the user: it goes through the pages of the bank and back to the program."""

    def __init__(self, askit: RunningServer[Any], **visit: Any) -> None:
        self._askit, self._visit = askit, visit
        self.landed: list[httpx.Response] = []
        self.callbacks: list[str] = []
        self._threads: list[threading.Thread] = []

    def open(self, url: str) -> bool:
        thread = threading.Thread(target=self._go, args=(url,))
        self._threads.append(thread)
        thread.start()
        return True

    def _go(self, url: str) -> None:
        callback = self._askit.browse(url, **self._visit)
        assert isinstance(callback, str)
        self.callbacks.append(callback)
        self.landed.append(httpx.get(callback, timeout=20))

    def join(self) -> None:
        for thread in self._threads:
            thread.join(20)


@pytest.fixture
def browse(askit: RunningServer[Any]) -> Any:
    made: list[Browser] = []

    def make(**visit: Any) -> Browser:
        made.append(Browser(askit, **visit))
        return made[-1]

    yield make
    for browser in made:
        browser.join()


class TestPublicClient:
    @pytest.fixture
    def askit_settings(self) -> Mapping[str, Any]:
        app = {
            "client_id": "app",
            "client_name": "An App",
            "redirect_uris": ["http://127.0.0.1/callback", "http://[::1]/callback"],
            "grant_types": [
                "authorization_code",
                "refresh_token",
                "urn:ietf:params:oauth:grant-type:device_code",
            ],
            "token_endpoint_auth_method": "none",
        }
        return {"profile": "oauth-2.1", "clients": [app]}

    def client(self, askit: RunningServer[Any]) -> Client:
        return Client.discover(
            askit.issuer, client_id="app", auth=PublicClient(), profile="oauth-2.1", http=askit.http()
        )

    @pytest.mark.spec("RFC 8252 6", "RFC 8252 7.3")
    def test_it_signs_in_on_any_port(self, askit: RunningServer[Any], browse: Callable[..., Browser]):
        browser = browse()
        with self.client(askit) as client:
            ports = set()
            for _ in range(2):
                login = sign_in(client, **ASKED, open_browser=browser.open)
                browser.join()
                ports.add(urlsplit(browser.callbacks[-1]).port)
                assert browser.landed[-1].status_code == 200
            assert login.tokens.dpop is not None
            token = claims_of(login.tokens.access_token_for(RESOURCE).reveal())
            assert token["cnf"] == {"jkt": login.tokens.dpop.jkt}
            assert client.refresh(login.tokens).version == 2
        assert len(ports) == 2, "each sign-in has a port of its own"

    def test_the_user_may_say_no(self, askit: RunningServer[Any], browse: Callable[..., Browser]):
        browser = browse(decision="deny")
        with self.client(askit) as client, pytest.raises(AuthorizationRefused):
            sign_in(client, **ASKED, open_browser=browser.open)
        browser.join()
        assert browser.landed[-1].status_code == 400

    def test_another_path_is_not_registered(self, askit: RunningServer[Any], browse: Callable[..., Browser]):
        with self.client(askit) as client, pytest.raises(PeerRefused, match="redirect_uri"):
            sign_in(client, **ASKED, open_browser=browse().open, path="/elsewhere")

    @pytest.mark.parametrize("anyio_backend", ["asyncio"])
    @pytest.mark.anyio
    async def test_with_asyncio(
        self, askit: RunningServer[Any], browse: Callable[..., Browser], anyio_backend: str
    ):
        async with await AsyncClient.discover(
            askit.issuer, client_id="app", auth=PublicClient(), profile="oauth-2.1", http=askit.http()
        ) as client:
            login = await asign_in(client, **ASKED, open_browser=browse().open)
            assert login.id_token is not None

    def test_without_a_browser_it_is_a_device(
        self, askit: RunningServer[Any], monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setenv("SSH_TTY", "/dev/pts/0")
        monkeypatch.delenv("BROWSER", raising=False)
        with self.client(askit) as client:
            login = sign_in(
                client,
                scope="openid accounts",
                show_code=lambda device: askit.decide_device(device.user_code),
            )
            assert login.tokens.dpop is not None


class TestKeyOfEachInstallation:
    """Under FAPI 2 a native client has a key of its own."""

    @pytest.fixture
    def askit_settings(self) -> Mapping[str, Any]:
        app = {
            "client_id": "test-client",
            "redirect_uris": ["http://127.0.0.1/callback"],
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "private_key_jwt",
        }
        return {"clients": [app]}

    @pytest.mark.spec("FAPI2-SP 5.3.2.2-8")
    def test_it_signs_in_with_its_key(self, askit: RunningServer[Any], browse: Callable[..., Browser]):
        with Client.discover(
            askit.issuer,
            client_id=askit.client_id,
            auth=PrivateKeyJWT(askit.client_key),
            profile="fapi2-security",
            http=askit.http(),
        ) as client:
            login = sign_in(client, **ASKED, open_browser=browse().open)
            assert login.tokens.resources == (RESOURCE,)
