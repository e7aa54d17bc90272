"""JOSE under policy: the caller names purpose and algorithms, the header never decides.

Where is ...? Algorithms: `algorithms`. A public key: `public_key`. A private one: `private_key`. What may sign,
a KMS included: `signer`. Choosing a key: `key_set`. Rotating: `key_ring`. Which kind of JWT: `purposes`.
Reading one: `parse`, then `verify`. Making one: `sign`. A JWT inside a JWE: `encryption`, `encryption_keys`.
"""
