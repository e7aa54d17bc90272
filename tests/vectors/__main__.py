"""`python -m tests.vectors DIRECTORY`: the JOSE documents of a Wycheproof checkout, in its directory `testvectors_v1`.

They are not kept here. The numbers are those of commit dac1dd4729fd1f8dd9e1e9f3dce51d783da6c166.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.vectors.folder import Differs, Expected, check, read
from tests.vectors.wycheproof import messages

_HMAC = "HMAC under a shared secret is for client_secret_jwt alone"
_SYMMETRIC = "a symmetric key opens nothing: A128KW to A256KW, A128GCMKW to A256GCMKW, dir"
_A192 = "192-bit content encryption is not offered"
_A192KW = "ECDH-ES+A192KW is not offered"
_RSA1_5 = "RSA1_5 is refused (FAPI1-ADV 8.6.1-1)"
_OTHER_ALG = 'the key names another algorithm ("PS256" for PS384, "ES521"): RFC 8725 3.1'
_CHARACTER = 'base64url with a "?" in it'


def _refused(why: str, outcome: str, *ids: int) -> Differs:
    return Differs(why, outcome, frozenset(ids))


EXPECTED = {
    "json_web_crypto": Expected(
        {
            "valid accepted": 3,
            "valid ForbiddenAlgorithm": 2,
            "valid UnusableKey": 1,
            "invalid BadSignature": 9,
            "invalid DecryptionFailed": 9,
            "invalid ForbiddenAlgorithm": 10,
            "invalid KeyNotFound": 2,
            "invalid MalformedJwt": 30,
            "invalid UnusableKey": 17,
        },
        (_refused(_HMAC, "ForbiddenAlgorithm", 1, 48), _refused(_SYMMETRIC, "UnusableKey", 50)),
    ),
    "json_web_key": Expected(
        {
            "valid accepted": 1,
            "valid ForbiddenAlgorithm": 4,
            "invalid ForbiddenAlgorithm": 11,
            "invalid KeyNotFound": 10,
        },
        (_refused(_HMAC, "ForbiddenAlgorithm", 2, 13, 14, 15),),
    ),
    "json_web_signature": Expected(
        {
            "valid accepted": 32,
            "valid ForbiddenAlgorithm": 9,
            "valid KeyNotFound": 4,
            "valid MalformedJwt": 1,
            "invalid BadSignature": 295,
            "invalid ForbiddenAlgorithm": 23,
            "invalid KeyNotFound": 11,
            "invalid MalformedJwt": 26,
        },
        (
            _refused(_HMAC, "ForbiddenAlgorithm", 1, 348, 352, 357, 358, 359, 373, 376, 377),
            _refused(_OTHER_ALG, "KeyNotFound", 346, 347, 350, 351),
            _refused(_CHARACTER, "MalformedJwt", 372),
        ),
    ),
    "json_web_encryption": Expected(
        {
            "valid accepted": 29,
            "valid ForbiddenAlgorithm": 8,
            "valid UnusableKey": 28,
            "invalid DecryptionFailed": 12,
            "invalid ForbiddenAlgorithm": 15,
            "invalid MalformedJwt": 6,
            "invalid UnusableKey": 41,
        },
        (
            _refused(_SYMMETRIC, "UnusableKey", 1, 23, *range(28, 33), *range(69, 76), *range(132, 136)),
            _refused(_A192, "ForbiddenAlgorithm", 53, 56, 77, 80, 83, 86, 89, 92),
            _refused(_A192KW, "UnusableKey", 60, 61),
            _refused(_RSA1_5, "UnusableKey", *range(100, 106), 112, 128),
        ),
    ),
}


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m tests.vectors")
    arguments.add_argument("directory", type=Path)
    directory = arguments.parse_args().directory
    failed = 0
    for name, expected in EXPECTED.items():
        try:
            check(messages(read(directory / f"{name}_test.json")), expected)
            print(f"{name}: {sum(expected.tally.values())} vectors end as expected")
        except AssertionError as error:
            failed = 1
            print(f"{name}: {error}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
