"""Which connection gives way for a new one."""

from __future__ import annotations

from askit.serving.connections import Connections

HERE, THERE, ELSEWHERE = "192.0.2.1", "198.51.100.7", "203.0.113.9"


class _Connection:
    def __init__(self, name: str) -> None:
        self.name = name
        self.ended = False

    def give_way(self) -> None:
        self.ended = True


class _Server:
    """Connections by name: `here1` is the first of one address."""

    def __init__(self, most: int = 6, most_per_address: int = 3) -> None:
        self.connections = Connections(most, most_per_address)
        self.made: dict[str, _Connection] = {}

    def admit(self, *names: str, proxy: bool = False) -> list[bool]:
        addresses = {"here": HERE, "there": THERE, "else": ELSEWHERE}
        answers = []
        for name in names:
            self.made[name] = _Connection(name)
            address = addresses[name.rstrip("0123456789")]
            answers.append(self.connections.admit(self.made[name], address, proxy=proxy))
        return answers

    def work(self, *names: str) -> None:
        for name in names:
            self.connections.work(self.made[name])

    def wait(self, *names: str) -> None:
        for name in names:
            self.connections.wait(self.made[name])

    @property
    def ended(self) -> list[str]:
        return [name for name, connection in self.made.items() if connection.ended]


def test_the_one_of_the_same_address_that_waits_longest_gives_way() -> None:
    server = _Server()
    assert server.admit("there1", "here1", "here2", "here3", "here4", "here5") == [True] * 6
    assert server.ended == ["here1", "here2"]
    assert len(server.connections) == 4


def test_one_that_is_answered_does_not_give_way() -> None:
    server = _Server()
    server.admit("here1", "here2", "here3")
    server.work("here1")
    assert server.admit("here4") == [True]
    assert server.ended == ["here2"]
    server.work("here3", "here4")
    assert server.admit("here5") == [False]
    assert server.admit("there1") == [True]
    assert server.ended == ["here2"]


def test_one_that_waits_again_waits_from_then_on() -> None:
    server = _Server()
    server.admit("here1", "here2", "here3")
    server.work("here1")
    server.wait("here1")
    server.wait("here2")  # it does already, and no place in the row is lost or won by saying so
    assert server.admit("here4", "here5", "here6") == [True] * 3
    assert server.ended == ["here1", "here2", "here3"]
    assert [name for name in ("here2", "here3", "here1") if server.made[name].ended]


def test_where_all_places_are_taken_the_address_that_holds_most_gives_one_up() -> None:
    server = _Server(most=6, most_per_address=4)
    server.admit("there1", "here1", "here2", "here3", "here4", "else1")
    assert server.admit("there2") == [True]
    assert server.ended == ["here1"]
    assert server.admit("else2") == [True]
    assert server.ended == ["here1", "here2"]


def test_nobody_is_let_in_where_all_are_being_answered() -> None:
    server = _Server(most=3, most_per_address=2)
    server.admit("here1", "here2", "there1")
    server.work("here1", "here2", "there1")
    assert server.admit("else1") == [False]
    server.connections.forget(server.made["here1"])
    assert server.admit("else2") == [True]


def test_an_address_that_holds_most_but_is_being_answered_keeps_its_own() -> None:
    server = _Server(most=4, most_per_address=3)
    server.admit("here1", "here2", "here3", "there1")
    server.work("here1", "here2", "here3")
    assert server.admit("else1") == [True]
    assert server.ended == ["there1"]


def test_a_proxy_has_no_share_of_its_own() -> None:
    server = _Server(most=6, most_per_address=2)
    assert server.admit("here1", "here2", "here3", "here4", proxy=True) == [True] * 4
    assert server.ended == []
    assert server.admit("there1", "there2", "there3") == [True] * 3
    assert server.ended == ["there1"]


def test_what_has_ended_takes_no_place() -> None:
    server = _Server(most=2, most_per_address=2)
    for _ in range(3):
        server.admit("here1", "here2")
        for name in ("here1", "here2"):
            server.connections.forget(server.made[name])
            server.connections.forget(server.made[name])
            server.work(name)
            server.wait(name)
    assert len(server.connections) == 0
    assert server.ended == []
    assert server.connections._by_address == {}
