"""HTTP message signatures: signs requests and responses, and verifies them. It needs the extra `signatures`.

`messages`: what is signed. `base`: the octets under the signature. `fields`: Signature-Input and Signature.
`content_digest`: the body. `coverage`: what FAPI wants signed. `accept`: what a refusal asks for. `sign` and `verify`
are the two flows.

Structured fields are read and written by http-sf. The values of components (`@target-uri`, `"date";bs`, ...) come from
http-message-signatures. Clock, keys, algorithms, policy and errors are ours.

Spec: RFC 9421 2, 3, 4; RFC 9530 2; FAPI2-HS 1.1-1, 1.2-2, 2.1-1, 2.2-2
"""
