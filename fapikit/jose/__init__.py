"""JOSE under a policy: the caller decides on the purpose and the algorithms. The header of a JWT never decides.

Where is ...? Algorithms: `algorithms`. A public key: `public_key`. A private key: `private_key`. The interface for keys
in a KMS: `signer`. The choice of a key: `key_set`. Key rotation: `key_ring`. The kinds of JWTs: `purposes`. Reading a
JWT: `parse`, then `verify`. Making a JWT: `sign`. A JWT inside a JWE: `encryption`, `encryption_keys`.
"""
