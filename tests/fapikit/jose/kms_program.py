"""A process that alone holds a key: signs each line of hex it is given, and says its public JWK first."""

from __future__ import annotations

import json
import sys

from fapikit import PrivateKey

key = PrivateKey.generate("ES256")
print(json.dumps(dict(key.public_jwk)), flush=True)
for line in sys.stdin:
    print(key.sign(bytes.fromhex(line)).hex(), flush=True)
