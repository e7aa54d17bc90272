"""Asks nginx itself whether a block of a page is a configuration."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

import trustme

from tests.proxies import nginx_binary

_WHOLE = re.compile(r"^\s*(events|http)\b", re.MULTILINE)
_HTTP = re.compile(r"^\s*(server|upstream|map|geo)\b", re.MULTILINE)
_PEM = re.compile(r"^(\s*ssl_(?:client_|trusted_)?certificate(_key)?)\s+[^;]+;", re.MULTILINE)


def require_valid_nginx(code: str) -> None:
    """The block may be a whole file, or what stands in `http` or `server`. Its PEM files need not exist."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        authority = trustme.CA()
        issued = authority.issue_cert("localhost")
        issued.private_key_and_cert_chain_pem.write_to_path(folder / "pem")
        code = _PEM.sub(rf"\1 {folder}/pem;", code)
        if not _WHOLE.search(code):
            inside = code if _HTTP.search(code) else f"server {{\n{code}\n}}"
            code = f"events {{}}\nhttp {{\n{inside}\n}}"
        logs = f"pid {folder}/pid;\nerror_log {folder}/error.log;\n"
        temporary = "".join(
            f"{kind}_temp_path {folder}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (folder / "conf").write_text(
            logs + re.sub(r"\bhttp \{", f"http {{\naccess_log off;\n{temporary}", code, count=1)
        )
        command = [nginx_binary(), "-t", "-p", name, "-c", str(folder / "conf")]
        run = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        assert run.returncode == 0, run.stderr
