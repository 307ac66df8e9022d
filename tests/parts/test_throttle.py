"""Pages take turns: few at once, none while one only waits, and slower ticks when there is much."""

from __future__ import annotations

import threading

from pages.parts.stream import throttle as module
from pages.parts.stream.throttle import Throttle


def test_no_more_pages_than_turns_are_drawn_at_once() -> None:
    throttle, lock = Throttle(), threading.Lock()
    inside, most = [0], [0]
    full = threading.Barrier(module._AT_ONCE)

    def draw() -> None:
        with throttle.turn():
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            full.wait(10)  # as many as may are here now
            with lock:
                inside[0] -= 1

    threads = [threading.Thread(target=draw) for _ in range(4 * module._AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert most == [module._AT_ONCE]


def test_who_only_waits_lets_others_draw_and_a_page_in_a_page_takes_no_second_turn() -> None:
    throttle = Throttle()
    ran = threading.Event()

    def draw() -> None:
        with throttle.turn():
            ran.set()

    for _ in range(module._AT_ONCE - 1):
        throttle._free.acquire()
    with throttle.turn(), throttle.turn():
        other = threading.Thread(target=draw)
        other.start()
        assert not ran.wait(0.1)
        with throttle.aside():
            assert ran.wait(10)
    other.join(10)


def test_much_work_slows_the_ticks_and_little_brings_them_back(monkeypatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    throttle = Throttle()

    def go_on(seconds: float, work: float) -> None:
        for _ in range(int(seconds)):
            clock[0] += 1.0
            throttle._note(work)

    go_on(6, 0.3)
    assert throttle.slower == 1
    go_on(11, 1.0)
    assert throttle.slower == 4
    go_on(200, 1.0)
    assert throttle.slower == module._SLOWEST
    go_on(200, 0.1)
    assert throttle.slower == 1
