"""Host names for what a real browser opens: sites of different owners, and two hosts of one owner.

Cookies have no port, so servers on `localhost` are one site. These are several. Only the browser knows them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import trustme

from askit.throwaway_tls import TlsFiles

PENNY: Final = "www.penny.test"
"""The fintech."""
PENNYS_BLOG: Final = "blog.penny.test"
"""A host below the same domain. Nobody looks after it any more, and Mallory has taken it over."""
MALLORYS: Final = "mallory.test"


def certificate(folder: Path) -> TlsFiles:
    """A certificate for these names, by an authority of its own."""
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    made = authority.issue_cert(PENNY, PENNYS_BLOG, MALLORYS, key_type=trustme.KeyType.ECDSA)
    files = TlsFiles(folder / "named-ca.pem", folder / "named.pem", folder / "named.key")
    authority.cert_pem.write_to_path(str(files.ca))
    for blob in made.cert_chain_pems:
        blob.write_to_path(str(files.certificate), append=True)
    made.private_key_pem.write_to_path(str(files.key))
    return files
