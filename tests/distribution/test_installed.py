"""The built wheel works where it is installed: out of reach of the checkout, with the packages of each extra alone."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from tests.distribution.built import PACKAGES, ROOT, Installed

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EVERYTHING = (
    "fapikit[cli,starlette,flask,redis,qr,signatures,askit,viewer]",
    "fastapi",
    "djangorestframework",
    "mcp",
    "websockets",
)

# Which modules an extra brings. They cannot be imported without it.
BROUGHT = {
    "starlette": ["rpkit.starlette", "asgi_mw.starlette"],
    "flask": ["rpkit.flask", "wsgi_mw.flask"],
    "signatures": ["fapikit.http_signatures.base", "rskit.http_signatures.checks"],
    "askit": ["askit.server", "askit.__main__", "askit.serving.server"],
    "viewer": ["fapikit_viewer.serving"],
    "cli": ["fapikit_cli.typer_app", "fapikit_cli.commands.attack", "askit.server", "fapikit_viewer.serving"],
}
USED_LATER = {  # the modules import without the extra, and this needs it
    "redis": "from fapikit import store_from_url; store_from_url('redis://localhost')",
    "qr": "from rpkit.decoupled.qr_code import qr_text; qr_text('https://bank.example')",
}

_IMPORT_ALL = """
import importlib, json, pkgutil, sys
failed = {}
for package in sys.argv[1:]:
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
        try:
            importlib.import_module(module.name)
        except SystemExit as left:
            failed[module.name] = str(left)
        except ModuleNotFoundError as error:
            failed[module.name] = error.name
where = {sys.modules[package].__file__ for package in sys.argv[1:]}
print(json.dumps({"failed": failed, "where": sorted(where)}))
"""


def imports(installed: Installed, *packages: str) -> dict[str, str]:
    """The modules that cannot be imported beside these packages, each with what it misses."""
    run = installed.run("python", "-c", _IMPORT_ALL, *PACKAGES, packages=packages)
    answer = json.loads(run.stdout)
    assert len(answer["where"]) == len(PACKAGES)
    assert all(path.startswith(str(installed.folder)) for path in answer["where"])
    return answer["failed"]


@pytest.fixture(scope="session")
def core(installed: Installed) -> dict[str, str]:
    return imports(installed, "fapikit")


def test_every_module_imports_where_all_is_there(installed: Installed) -> None:
    assert imports(installed, *EVERYTHING, "pytest", "gunicorn") == {}


def test_every_extra_for_users_is_in_a_table() -> None:
    ours = {"demo", "fuzz", "test", "docs", "dev"}  # for this project's own development
    assert set(PROJECT["optional-dependencies"]) - ours == {*BROUGHT, *USED_LATER}


@pytest.mark.parametrize("extra", BROUGHT)
def test_an_extra_brings_its_modules(installed: Installed, core: dict[str, str], extra: str) -> None:
    assert set(BROUGHT[extra]) <= set(core)
    missing = imports(installed, f"fapikit[{extra}]")
    assert {module: missing[module] for module in BROUGHT[extra] if module in missing} == {}
    assert set(missing) < set(core)


@pytest.mark.parametrize("extra", USED_LATER)
def test_a_use_without_its_extra_says_what_to_install(installed: Installed, extra: str) -> None:
    program = USED_LATER[extra]
    without = installed.run("python", "-c", program, packages=["fapikit"], check=False)
    assert without.returncode == 1
    assert f"install fapikit[{extra}]" in without.stderr
    installed.run("python", "-c", program, packages=[f"fapikit[{extra}]"])


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        (("fapikit", "--help"), "cli"),
        (("python", "-m", "askit", "--help"), "askit"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_command_needs_its_extra_and_nothing_else(
    installed: Installed, command: tuple[str, ...], extra: str
) -> None:
    assert "usage" in installed.run(*command, packages=[f"fapikit[{extra}]"]).stdout.lower()
    without = installed.run(*command, packages=["fapikit"], check=False)
    assert without.returncode != 0
    assert f'pip install "fapikit[{extra}]"' in without.stderr


_LOGIN = """
import askit, rpkit, rskit
from fapikit import PrivateKeyJWT
from rskit.testing import Mint

def test_alice_signs_in_and_her_token_opens_the_api(askit, signed_in, pytestconfig):
    client = rpkit.Client.discover(
        askit.issuer, client_id=askit.client_id, auth=PrivateKeyJWT(askit.client_key),
        redirect_uri=askit.redirect_uri, http=askit.http(), profile="fapi2-security",
    )
    login = signed_in(client, scope="openid accounts")
    assert login.id_token.subject
    assert login.tokens.refresh_token is not None
    assert all(module.__file__.startswith(pytestconfig.getini("installed")) for module in (rpkit, rskit))
"""
_CONFTEST = """
def pytest_addoption(parser):
    parser.addini("installed", "where the wheel is installed")
"""


def test_pytest_finds_the_plugin_and_a_whole_login_passes(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "test_login.py").write_text(_LOGIN)
    (tmp_path / "conftest.py").write_text(_CONFTEST)
    (tmp_path / "pytest.ini").write_text(f"[pytest]\ninstalled = {installed.folder}\n")
    run = installed.run("python", "-m", "pytest", "-q", packages=["fapikit[askit]", "pytest"], cwd=tmp_path)
    assert "1 passed" in run.stdout
