"""Running a flow by hand: canned answers in, requests out, no socket anywhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, TypeVar

from fapikit.flow import Background, Call, Effect, Flow, Http, Shared, Sign, Sleep, Store
from fapikit.http_message import HttpRequest, HttpResponse

T = TypeVar("T")
Answer = HttpResponse | Exception | Callable[[HttpRequest], HttpResponse]


def answer(
    body: Any = b"", status: int = 200, media_type: str = "application/json", **headers: str
) -> HttpResponse:
    """A response; anything but bytes and str is sent as JSON. `cache_control=` becomes a header."""
    octets = (
        body
        if isinstance(body, bytes)
        else body.encode()
        if isinstance(body, str)
        else json.dumps(body).encode()
    )
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return HttpResponse(status, (("content-type", media_type), *named), octets, "https://as.example/there")


class Hand:
    """Gives the answers in order and keeps what was asked."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.requests: list[HttpRequest] = []
        self.slept: list[float] = []
        self.background: list[Background] = []

    def add(self, answers: Iterable[Answer]) -> None:
        self._answers.extend(answers)

    def run(self, flow: Flow[T]) -> T:
        result: Any = None
        error: Exception | None = None
        while True:
            try:
                effect = flow.send(result) if error is None else flow.throw(error)
            except StopIteration as stop:
                value: T = stop.value
                return value
            result = error = None
            try:
                result = self._perform(effect)
            except Exception as raised:
                error = raised

    def run_background(self) -> None:
        """Run what was put into the background, now."""
        waiting, self.background = self.background, []
        for effect in waiting:
            self.run(effect.start())

    def run_background_ignoring(self, error: type[Exception]) -> None:
        """The same, when what they raise is nobody's."""
        with suppress(error):
            self.run_background()

    def _perform(self, effect: Effect) -> Any:
        match effect:
            case Http(request):
                self.requests.append(request)
                assert self._answers, f"nobody expected {request}"
                given = self._answers.pop(0)
                if isinstance(given, Exception):
                    raise given
                return given(request) if callable(given) else given
            case Sign(signer, signing_input):
                return signer.sign(signing_input)
            case Store(store, operation, arguments):
                return getattr(store, operation)(*arguments)
            case Sleep(seconds, alarm):
                self.slept.append(seconds)
                return alarm is not None and alarm.rung
            case Shared(_, start, _):
                return self.run(start())
            case Call(function, arguments):
                return function(*arguments)
            case Background():
                self.background.append(effect)
