"""A device: it begins a request and waits, or goes on with what another process began. Its argument is JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from fapikit import HttpSettings, PrivateKey, PrivateKeyJWT
from fapikit.stores.from_url import store_from_url
from fapikit.stores.sealed import Seal
from rpkit import Client, DeviceAuthorization
from rpkit.errors import DecoupledRequestError


def main(given: dict[str, Any]) -> None:
    seal, kept = Seal([b"k" * 32]), Path(given["kept"])
    client = Client.discover(
        given["issuer"],
        client_id=given["client_id"],
        auth=PrivateKeyJWT(PrivateKey.from_pem(given["key"].encode(), alg="ES256")),
        http=HttpSettings(ca=given["ca"]),
        store=store_from_url(given["store"]),
    )
    if given["begin"]:
        device = client.device(scope="openid accounts")
        kept.write_text(device.seal(seal))
        print(device.user_code, flush=True)
    else:
        device = DeviceAuthorization.open(kept.read_text(), seal)
    try:
        login = client.wait(device)
    except DecoupledRequestError as error:
        print(type(error).__name__, flush=True)
    else:
        print(login.tokens.subject, flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
