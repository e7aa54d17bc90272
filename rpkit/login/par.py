"""Push an authorization request, and read its `request_uri`.

Spec: RFC 9126 2.1, 2.2, 2.3, 3a, 4a; FAPI2-SP 5.3.3.2-2; RFC 9449 10.1
Role: C
"""

from __future__ import annotations

from fapikit.flow import Flow
from fapikit.http_message import raise_error_in_body, read_json_object
from fapikit.jose.signer import Signer
from fapikit.members import Members
from rpkit.back_channel import Form, call_endpoint
from rpkit.bank import Bank

_CLAUSE = "RFC 9126 2.2"


def push_request(bank: Bank, form: Form, *, dpop: Signer | None) -> Flow[str]:
    """The request_uri. Raises PeerRefused, UnexpectedStatus, MalformedMessage, TransportError."""
    response = yield from call_endpoint(bank, "pushed_authorization_request_endpoint", form, dpop=dpop)
    answer = read_json_object(response, status=201, clause=_CLAUSE)
    members = Members(answer, document="the PAR response", clause=_CLAUSE)
    request_uri = members.text("request_uri", decides=True)
    if request_uri is None:
        raise_error_in_body(response, clause=_CLAUSE)
        raise members.refuse("request_uri", "is missing")
    return request_uri
