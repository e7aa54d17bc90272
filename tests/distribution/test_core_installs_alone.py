"""The runtime core imports with httpx, joserfc, cryptography and cachetools alone; everything else is an extra."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ("fapikit", "rpkit", "rskit", "asgi_mw", "wsgi_mw")
FRAMEWORK_MODULES = {
    "asgi_mw.fastapi",
    "asgi_mw.http_signatures",
    "asgi_mw.mcp",
    "asgi_mw.starlette",
    "asgi_mw.starlette_closed",
    "asgi_mw.starlette_layers",
    "asgi_mw.starlette_way",
    "asgi_mw.uvicorn_tls",
    "asgi_mw.uvicorn_tls_websockets",
    "fapikit.http_signatures",
    "fapikit.stores.redis",
    "rpkit.api.hashed_answer",
    "rpkit.api.signed_calls",
    "rpkit.flask",
    "rpkit.starlette",
    "rpkit.web.flask_endpoints",
    "rpkit.web.flask_http",
    "rpkit.web.starlette_endpoints",
    "rpkit.web.starlette_http",
    "rskit.http_signatures.checks",
    "wsgi_mw.apps",
    "wsgi_mw.django",
    "wsgi_mw.django_access",
    "wsgi_mw.django_audit",
    "wsgi_mw.django_checks",
    "wsgi_mw.django_http_signatures",
    "wsgi_mw.django_settings",
    "wsgi_mw.django_signed_messages",
    "wsgi_mw.django_view",
    "wsgi_mw.django_way",
    "wsgi_mw.flask",
    "wsgi_mw.flask_hooks",
    "wsgi_mw.flask_way",
    "wsgi_mw.http_signatures",
    "wsgi_mw.rest_framework",
}

# For a fresh interpreter: refuse every top-level module outside the list, then import all modules of a package.
_PROGRAM = """
import importlib, pkgutil, sys

allowed = set(sys.stdlib_module_names) | set(sys.argv[2].split())
skipped = set(sys.argv[3].split())

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in allowed:
            raise ModuleNotFoundError(f"not in the core: {name}", name=name)

sys.meta_path.insert(0, Refuse())
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    if not any(module.name == name or module.name.startswith(name + ".") for name in skipped):
        importlib.import_module(module.name)
"""
_CORE_DEPENDENCIES = {
    *CORE,
    *("httpx", "joserfc", "cryptography", "cachetools"),
    *("httpcore", "anyio", "sniffio", "certifi", "idna", "h11", "typing_extensions"),  # httpx's own
    *("_cffi_backend", "cffi", "pycparser"),  # cryptography's own
}


@pytest.mark.parametrize("package", CORE)
def test_imports_nothing_outside_the_core(package: str) -> None:
    arguments = [package, " ".join(_CORE_DEPENDENCIES), " ".join(FRAMEWORK_MODULES)]
    run = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(
    "asked",
    [
        "from askit import AuthorizationServer",
        "import askit.__main__",
        "import askit.pytest_plugin as p; _ = p",
    ],
)
def test_the_extra_is_named_where_it_is_missed(asked: str) -> None:
    code = f"import sys; sys.modules['uvicorn'] = sys.modules['starlette'] = None; {asked}"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    if "pytest_plugin" in asked:
        assert run.returncode == 0, "pytest loads it wherever fapikit is"
    else:
        assert run.stderr.endswith('askit is an extra: pip install "fapikit[askit]"\n')


def test_declares_exactly_the_four_core_dependencies() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {requirement.split(">")[0] for requirement in project["dependencies"]}
    assert names == {"httpx", "joserfc", "cryptography", "cachetools"}


@pytest.mark.parametrize("package", [*CORE, "askit"])
def test_is_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()
