"""Whether the name of a value says that the value may be a secret, however the name is written: user_code or UserCode.

A name that a specification gives means what that says. Of any other name the words decide: what may be the name of a
secret is one. What only tells about a secret, such as tokenType, is none, and neither is the code of an error.

Spec: RFC 6749 10.3
Role: RP, RS, AS
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from fapikit_viewer.words import all_names, is_secret

_ANYWHERE: Final = re.compile(
    r"secret|passw|passphrase|passcode|passkey|pwd|token|credential|cookie|session|[cx]srf|otp|private|signature"
    r"|assertion|bearer|verifier|salt|mnemonic|authentication_?data"
    # Passwords in other languages of open banking.
    r"|kennwort|geheim|senha|contrase|mot_?de_?passe|暗証|パスワード"
)
_A_WORD: Final = re.compile(
    r"(?:^|_)(?:pass|seed|pepper|sid|cvv|cvc|csc|hmac|mfa|pin_?block|[a-z]*(?:pin|tan))s?[0-9]*(?:_|$)"
)
_LAST_WORD: Final = re.compile(
    r"(?:^|_)(?:auth|authorization|jwt|jws|jwe|security_?answer)$|(?:code|key)s?[0-9]*$"
)
_READABLE: Final = re.compile(
    # A code or a key that names something for everybody.
    r"(?:error|fault|status|sub_?status|reason|result|return|response|exit|http|event"
    r"|country|currency|language|region|area|dial|postal|post|zip|bank|branch|sort|clearing|routing|bic|swift"
    r"|institution|merchant|category|purpose|type|product|transaction|proprietary|charge|tax|unit)_?codes?$"
    r"|(?:public|idempotency|primary|foreign|partition|sort|routing)_?keys?$"
    # What tells about a secret, and is none.
    r"|(?:type|format|length|lifetime|timeout|ttl|policy|algs?|algorithms?|methods?|endpoint|required|supported)$"
    r"|expir(?:es|y|ation)(?:_?(?:in|at|date|time))?$"
)
_PASSWORDS: Final = frozenset(
    {"password", "passwd", "passwort", "passcode", "passphrase", "pwd", "pin", "otp", "tan", "cvv", "salt"}
    | {"clientsecret", "usercode"}
)
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NO_LETTER: Final = re.compile(r"[\W_]+")


def may_be_secret(name: str) -> bool:
    """Whether the value of a member with this name must be masked."""
    if is_secret(name):
        return True
    meant = _meant().get(_letters(name))
    if meant is not None:
        # The one letter of a member of a key is a small one.
        return is_secret(meant) and len(name) > 1
    words = _NO_LETTER.sub("_", _HUMP.sub("_", name)).lower()
    return not _READABLE.search(words) and any(
        rule.search(words) is not None for rule in (_ANYWHERE, _A_WORD, _LAST_WORD)
    )


def is_known(name: str) -> bool:
    """Whether a specification gives this name, in whatever letters."""
    return _letters(name) in _meant()


def is_password(name: str) -> bool:
    """Whether what follows this name in a text can only be a secret, also after a colon."""
    return _letters(name) in _PASSWORDS


def _letters(name: str) -> str:
    return _NO_LETTER.sub("", name).lower()


@cache
def _meant() -> dict[str, str]:
    """By its letters alone: the name as the specification writes it. Of two the secret one."""
    return {_letters(name): name for name in sorted(all_names(), key=is_secret)}
