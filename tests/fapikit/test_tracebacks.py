"""The edges clear what an exception would take along; and the walk of the tests finds what they leave."""

from __future__ import annotations

import pickle
from base64 import b64encode
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from fapikit import PrivateKey, Secret
from fapikit.base64url import decode
from fapikit.errors import DecryptionFailed, FapiError, UnusableKey, UnusablePrivateKey
from fapikit.flow import Flow, run_pure
from fapikit.jose.encryption import Decryption, decrypt_jwt, encrypt_jwt
from fapikit.jose.encryption_keys import DecryptionKey
from fapikit.jose.purposes import ID_TOKEN
from fapikit.secrets import Concealed, conceal
from fapikit.strict_json import parse_object
from fapikit.tracebacks import bare, forget_locals, forgets_locals, without_frames
from tests.frames import frames, shown
from tests.keys import a_key

SECRET = "a-secret-of-somebody"


@dataclass
class Holder:
    value: Any


def closing_over(secret: str) -> Callable[[], str]:
    return lambda: secret


def raising(value: Any) -> BaseException:
    """An error out of a frame of ours that holds a value; a class of fapikit calls us back."""

    def raises(_members: dict[str, Any]) -> dict[str, Any]:
        raise ValueError("no")

    namespace: dict[str, Any] = {"__name__": "fapikit.made_up", "value": value, "raises": raises}
    exec("def fails(held):\n    raises({})\ndef fail():\n    fails(value)", namespace)
    del namespace["value"]
    namespace["value"] = value
    try:
        namespace["fail"]()
    except ValueError as error:
        return error
    raise AssertionError


HELD: dict[str, Callable[[], Any]] = {
    "itself": lambda: SECRET,
    "octets": lambda: SECRET.encode(),
    "in a list": lambda: [("code", SECRET)],
    "in a dictionary": lambda: {"form": {"code": SECRET}},
    "in a dataclass": lambda: Holder({"code": SECRET}),
    "closed over": lambda: closing_over(SECRET),
    "in a partial": lambda: partial(print, SECRET),
    "in its repr": lambda: type("Shown", (), {"__repr__": lambda self: f"<{SECRET}>"})(),
    "as Basic credentials": lambda: f"Basic {b64encode(SECRET.encode()).decode()}",
}


@pytest.mark.parametrize("how", HELD)
def test_the_walk_finds_a_secret_wherever_it_stands_and_clearing_takes_it_away(how: str) -> None:
    error = raising(HELD[how]())
    assert shown(error, [SECRET])
    forget_locals(error)
    assert shown(error, [SECRET]) == []


def test_the_walk_goes_along_causes_and_contexts_and_into_the_errors_themselves() -> None:
    assert shown(ValueError("no", SECRET), [SECRET])
    outer = RuntimeError("outer")
    outer.__cause__ = raising(SECRET)
    assert shown(outer, [SECRET])
    assert shown(bare(outer), [SECRET]) == []


def test_what_is_concealed_is_not_found() -> None:
    for value in (Secret(SECRET), Concealed({"code": SECRET}), Holder(Secret(SECRET))):
        assert shown(raising(value), [SECRET]) == []


def test_frames_of_others_keep_their_variables() -> None:
    """A debugger is to find what the application's own functions had in hand."""

    def of_the_application(kept: str) -> None:
        parse_object(kept)

    with pytest.raises(ValueError) as raised:
        of_the_application("no JSON")
    forget_locals(raised.value)
    traceback = raised.value.__traceback__
    names = []
    while traceback is not None:
        names.append((traceback.tb_frame.f_code.co_name, bool(traceback.tb_frame.f_locals)))
        traceback = traceback.tb_next
    assert ("of_the_application", True) in names
    assert ("parse_object", False) in names


def test_a_generator_that_goes_on_is_not_closed() -> None:
    """It caught the error that others got too, and waits for something else."""

    def waiting() -> Generator[None, None, str]:
        try:
            decode("!")
        except ValueError as error:
            caught.append(error)
        yield
        return "done"

    caught: list[BaseException] = []
    generator = waiting()
    next(generator)
    forget_locals(caught[0])
    with pytest.raises(StopIteration) as stopped:
        next(generator)
    assert stopped.value.value == "done"


def test_a_pure_flow_leaves_nothing_behind() -> None:
    def flow() -> Flow[None]:
        parse_object(f'{{"code": "{SECRET}"')
        yield from ()

    with pytest.raises(ValueError) as raised:
        run_pure(flow())
    assert shown(raised.value, [SECRET]) == []


def test_a_function_that_forgets_keeps_its_name_and_its_arguments() -> None:
    @forgets_locals
    def read(text: str, *, twice: bool = False) -> str:
        """Doc."""
        if twice:
            raise ValueError("no")
        return text

    assert (read("x"), read.__name__, read.__doc__) == ("x", "read", "Doc.")
    with pytest.raises(ValueError) as raised:
        read(SECRET, twice=True)
    assert [frame for frame in frames(raised.value) if SECRET in str(frame.f_locals)] == []


KEY = a_key("ES256", 1).to_pem().decode()
JWK = a_key("ES256", 1).to_private_jwk()


@pytest.mark.parametrize(
    "load",
    [
        lambda: PrivateKey.from_pem(KEY, password=b"none-is-needed"),
        lambda: PrivateKey.from_pem(KEY, alg="RS256"),
        lambda: PrivateKey.from_pem(f"{KEY}\N{LATIN SMALL LETTER E WITH ACUTE}"),
        lambda: PrivateKey.from_jwk({**JWK, "x": JWK["y"]}),
        lambda: PrivateKey.from_jwk({**JWK, "use": "enc"}),
        lambda: PrivateKey.from_jwks({"keys": [JWK, JWK]}),
        lambda: PrivateKey.from_der(KEY.encode()),
    ],
)
def test_a_private_key_that_is_refused_is_not_shown(load: Callable[[], Any]) -> None:
    with pytest.raises(UnusablePrivateKey) as raised:
        load()
    inside = KEY.splitlines()[1]
    assert shown(raised.value, [inside, JWK["d"]]) == []


def test_concealing_is_done_once_and_undone_by_nobody_else() -> None:
    held = conceal({"code": SECRET})
    assert conceal(held) is held
    assert held.reveal() == {"code": SECRET}
    assert repr(held) == str(held) == "Concealed(***)"
    assert held == Concealed({"code": SECRET})
    assert held != Secret(SECRET)
    with pytest.raises(TypeError, match="seal it"):
        pickle.dumps(held)
    assert not issubclass(FapiError, Concealed)


def test_what_a_library_held_of_an_encrypted_token_is_cleared():
    key = DecryptionKey.generate("RSA-OAEP-256")
    sealed = encrypt_jwt(f"{SECRET}.b.c", key)
    broken = f"{sealed[:-8]}AAAAAAAA"
    with pytest.raises(DecryptionFailed) as raised:
        decrypt_jwt(broken, ID_TOKEN, Decryption(keys=(key,)))
    assert shown(raised.value, [broken]) != []
    forget_locals(raised.value)
    assert shown(raised.value, [broken, sealed.split(".")[3]]) == []


def test_a_key_that_opens_is_refused_without_its_octets():
    jwk = DecryptionKey.generate("ECDH-ES").to_private_jwk()
    pem = "-----BEGIN PRIVATE KEY-----\nc29tZXRoaW5nLXNlY3JldA==\n-----END PRIVATE KEY-----"
    with pytest.raises(UnusableKey) as raised:
        DecryptionKey.from_jwk({**jwk, "crv": "P-999"})
    assert shown(raised.value, [jwk["d"]]) == []
    with pytest.raises(UnusableKey) as raised:
        DecryptionKey.from_pem(pem, alg="ECDH-ES", password=SECRET.encode())
    assert shown(raised.value, ["c29tZXRoaW5nLXNlY3JldA", SECRET]) == []


def test_a_reason_is_kept_without_frames_and_what_went_on_meanwhile_keeps_its_own():
    def waits() -> Generator[None, None, None]:
        held = SECRET
        try:
            raise LookupError("of the application")
        except LookupError:
            yield from fails(held)

    def fails(_held: str) -> Generator[None, None, None]:
        raise FapiError("no")
        yield

    with pytest.raises(FapiError) as raised:
        list(waits())
    error = without_frames(raised.value)
    assert error.__traceback__ is None
    assert error.__context__ is not None
    assert error.__context__.__traceback__ is not None
