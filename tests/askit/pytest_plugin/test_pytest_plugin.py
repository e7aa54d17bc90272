"""The pytest plugin, as a project that installs it sees it."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from importlib.metadata import entry_points
from pathlib import Path

import pytest

_TESTS = """
import asyncio
import time

import httpx
import pytest
from fapikit import PrivateKeyJWT
from fapikit.io.tls import client_context
from rpkit import AsyncClient, Client

RESOURCE = "https://api.example.test/"


def claims_of(jwt):
    import base64, json
    part = jwt.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def settings(askit):
    return dict(
        client_id=askit.client_id,
        auth=PrivateKeyJWT(askit.client_key),
        redirect_uri=askit.redirect_uri,
        http=askit.http(),
    )


def test_a_token_with_the_claims_asked_for(askit, access_token):
    claims = claims_of(access_token(scope="accounts", cnf={"jkt": "thumb"}, acr=None))
    assert (claims["iss"], claims["aud"], claims["scope"]) == (askit.issuer, RESOURCE, "accounts")
    assert claims["cnf"] == {"jkt": "thumb"}
    assert "acr" not in claims


def test_nothing_is_recorded_by_itself(askit, askit_recording, askit_recorder):
    assert askit_recording is None is askit.recording
    askit_recorder("accounts", "rs").passed([])


def test_a_token_awaited(askit, async_access_token):
    assert claims_of(asyncio.run(async_access_token(scope="payments")))["scope"] == "payments"


def test_signed_in(askit, signed_in):
    with Client.discover(askit.issuer, **settings(askit)) as client:
        login = signed_in(client, scope="openid accounts", resources=(RESOURCE,))
    assert login.id_token.claims["sub"] == "alice"
    assert login.tokens.access_token_for(RESOURCE)


def test_signed_in_awaited(askit, async_signed_in):
    async def flow():
        async with await AsyncClient.discover(askit.issuer, **settings(askit)) as client:
            return await async_signed_in(client, scope="openid accounts", resources=(RESOURCE,))

    assert asyncio.run(flow()).id_token.claims["sub"] == "alice"


def test_the_clock_stands_still_when_frozen(askit, askit_clock, access_token):
    askit_clock.freeze()
    first = claims_of(access_token())["iat"]
    askit_clock.advance(3600)
    assert claims_of(access_token())["iat"] == first + 3600


def test_a_fault_reaches_the_client(faulty_askit):
    faulty_askit.app.faults["metadata"] = lambda document: {**document, "issuer": document["issuer"] + "1"}
    with httpx.Client(verify=client_context(ca=faulty_askit.ca)) as http:
        document = http.get(faulty_askit.issuer + "/.well-known/oauth-authorization-server").json()
    assert document["issuer"] == faulty_askit.issuer + "1"
    assert faulty_askit.app.faults.calls == [("GET", "/.well-known/oauth-authorization-server")]


def test_a_login_at_another_bank_than_the_client_s_is_refused(askit, faulty_askit, signed_in):
    with Client.discover(faulty_askit.issuer, **settings(faulty_askit)) as client:
        with pytest.raises(ValueError, match=r"faulty_askit\\.signed_in"):
            signed_in(client, scope="openid")
        assert faulty_askit.signed_in(client, scope="openid").id_token.claims["iss"] == faulty_askit.issuer


class TestOwnSettings:
    @pytest.fixture
    def askit_settings(self):
        return {"access_token_lifetime": 77}

    def test_they_hold(self, access_token):
        claims = claims_of(access_token())
        assert claims["exp"] - claims["iat"] == 77
"""


def test_the_fixtures_work_in_a_project_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(textwrap.dedent(_TESTS))
    installed = any(entry.value == "askit.pytest_plugin" for entry in entry_points(group="pytest11"))
    loading = [] if installed else ["-p", "askit.pytest_plugin"]
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-W",
            "error",
            "-p",
            "no:cacheprovider",
            *loading,
            "test_mine.py",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-2000:]
    assert "9 passed" in ran.stdout


def test_each_fixture_says_what_it_is() -> None:
    import askit.pytest_plugin as plugin

    fixtures = {
        name: value
        for name, value in vars(plugin).items()
        if type(value).__name__ == "FixtureFunctionDefinition"
    }
    assert set(fixtures) >= {"askit", "faulty_askit", "access_token", "async_signed_in", "askit_clock"}
    for name, fixture in fixtures.items():
        assert fixture.__doc__, name


def test_the_entry_module_imports_nothing_outside_the_core() -> None:
    """Entry points ignore extras: the plugin must load where starlette, jinja2 and uvicorn are absent."""
    code = """
import sys
for name in ("starlette", "jinja2", "uvicorn", "redis", "trustme"):
    sys.modules[name] = None
import askit.pytest_plugin
assert "askit.server" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("forbidden", ["faults", "fault"])
def test_no_setting_reaches_the_faults(forbidden: str) -> None:
    from askit import Config
    from fapikit.errors import ConfigurationError
    from tests.askit.bank import settings

    with pytest.raises(ConfigurationError, match=forbidden):
        Config.from_mapping(settings(**{forbidden: {"id_token": "x"}}))
