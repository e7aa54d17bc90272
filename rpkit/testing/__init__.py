"""For the tests of your client: a bank that lies, and a scan that tells which lies your client believes.

    def test_my_client_believes_no_lie(faulty_askit):
        def log_in(bank):
            client = MyClient(bank.issuer, bank.client_id, bank.client_key, bank.redirect_uri)
            return client.complete(bank.browse(client.begin()))

        assert find_holes(log_in, faulty_askit) == []

Any client can be scanned: `log_in` is all that the scan knows of it. `faulty_askit` is a fixture of askit's pytest
plugin. Each lie is an honest message with one change. Other messages are unusual and right: a client must take them.

Spec: FAPI2-SP 5.3.3; OIDC 3.1.3.7; RFC 9207 2.4; JARM 2.4; RFC 9700 2.1 (C, the lies of a bank)
Role: C
"""

from fapikit.scan_report import Finding, NotLookedAt, Outcome, ScanReport
from rpkit.testing.lie import Honest, Lie, LyingBank
from rpkit.testing.scan import afind_holes, all_lies, find_holes

__all__ = [
    "Finding",
    "Honest",
    "Lie",
    "LyingBank",
    "NotLookedAt",
    "Outcome",
    "ScanReport",
    "afind_holes",
    "all_lies",
    "find_holes",
]
