"""What a client says about its customer is shown to the application, and no request is refused for it."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address

import pytest
from django.http.request import HttpHeaders
from starlette.datastructures import Headers
from werkzeug.datastructures import EnvironHeaders

from rskit import Customer, customer_of

DATE = datetime(2026, 11, 26, 17, 40, 5, tzinfo=UTC)


@pytest.mark.spec("FAPI1-BL 6.2.1-13")
@pytest.mark.parametrize("address", ["203.0.113.9", "2001:db8::1", "2001:0db8:0:0::1", " 203.0.113.9 "])
def test_an_address_of_either_family(address: str):
    assert customer_of({"x-fapi-customer-ip-address": address}) == Customer(ip_address(address.strip()))


@pytest.mark.parametrize(
    "date", ["Thu, 26 Nov 2026 17:40:05 GMT", "Thursday, 26-Nov-26 17:40:05 GMT", "Thu Nov 26 17:40:05 2026"]
)
def test_a_date_in_each_form_of_http(date: str):
    assert customer_of({"x-fapi-auth-date": date}) == Customer(None, DATE)


def test_what_was_not_sent_is_not_there(caplog: pytest.LogCaptureFixture):
    assert customer_of({}) == Customer()
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-fapi-customer-ip-address", "203.0.113.9, 10.0.0.1"),
        ("x-fapi-customer-ip-address", "unknown"),
        ("x-fapi-customer-ip-address", ""),
        ("x-fapi-auth-date", "yesterday"),
        ("x-fapi-auth-date", "2026-11-26T17:40:05Z"),
        ("x-fapi-auth-date", ""),
    ],
)
def test_what_cannot_be_read_is_not_there_and_the_log_says_so(
    name: str, value: str, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO", "rskit")
    assert customer_of({name: value}) == Customer()
    assert name in caplog.text


def test_the_headers_of_each_framework():
    environ = {"HTTP_X_FAPI_CUSTOMER_IP_ADDRESS": "203.0.113.9"}
    raw = [(b"x-fapi-customer-ip-address", b"203.0.113.9")]
    for headers in (Headers(raw=raw), EnvironHeaders(environ), HttpHeaders(environ)):
        assert customer_of(headers).ip_address == ip_address("203.0.113.9")
