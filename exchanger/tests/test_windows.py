"""What a process counts by itself in one minute."""

import threading

import pytest

from exchanger.kernel.windows import MinuteWindow


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_so_many_are_granted_a_minute_and_the_wait_is_until_it_ends(clock):
    window = MinuteWindow(clock=clock)
    assert [window.use("anna", 2) for _ in range(2)] == [0, 0]
    clock.now += 20
    assert window.use("anna", 2) == 40
    assert window.use("boris", 2) == 0
    clock.now += 39.8
    assert window.use("anna", 2) == 1
    clock.now += 0.2
    assert window.use("anna", 2) == 0


def test_a_refused_use_is_not_counted(clock):
    window = MinuteWindow(clock=clock)
    window.use("anna", 1)
    assert window.use("anna", 1) == 60
    assert window.use("anna", 2) == 0


def test_parallel_uses_do_not_pass_the_limit():
    window, granted = MinuteWindow(), []

    def use():
        granted.extend(window.use("anna", 50) == 0 for _ in range(40))

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert granted.count(True) == 50


def test_it_holds_so_many_and_lets_others_pass_uncounted(clock):
    window = MinuteWindow(capacity=2, clock=clock)
    assert [window.use(who, 1) for who in ("anna", "boris", "clara", "clara")] == [0, 0, 0, 0]
    assert window.use("anna", 1) == 60
    clock.now += 60
    assert [window.use("clara", 1) for _ in range(2)] == [0, 60]
