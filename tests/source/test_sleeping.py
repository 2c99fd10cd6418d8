"""A camera that sleeps, with packets and a decoder made up here: what is decoded, and what comes of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.source.health import Health
from streamer.source.packet_activity import PacketActivity
from streamer.source.sleeper import Sleeper
from streamer.source.sleeping import Decoded, SleepingDecoder
from streamer.source.turns import Turn, Turns

RATE = 25


@dataclass(frozen=True)
class Packet:
    """Its number is its time stamp."""

    pts: int
    is_keyframe: bool
    size: int = 1000
    time_base: Fraction = Fraction(1, RATE)

    def __bytes__(self) -> bytes:
        return b""


class Decoder:
    """Needs a key picture first, and every packet after it in order; returns `delay` packets late."""

    def __init__(self, delay: int = 0) -> None:
        self.delay, self.held, self.last, self.count = delay, [], None, 0

    def decode(self, packet: Any) -> list[Any]:
        if packet is None:
            held, self.held = self.held, []
            return held
        assert packet.is_keyframe or self.last == packet.pts - 1, (self.last, packet)
        self.last, self.count = packet.pts, self.count + 1
        self.held.append(packet)
        return [self.held.pop(0)] if len(self.held) > self.delay else []

    def reset(self) -> None:
        self.held, self.last = [], None


class Camera:
    """A stream of packets, its sleeper and its decoder. `wakes`: numbers of glimpses that show something."""

    def __init__(
        self, interval: int = 25, delay: int = 0, room: int = 8, turns: tuple[Turns, Turns] | None = None
    ) -> None:
        turns = turns or (Turns(1, 1e9), Turns(1, 1e9))
        self.health, self.interval = Health(), interval
        self.now, self.room = 0.0, room
        self.sleeper = Sleeper(self.health, PacketActivity(), lambda: self.room, lambda: self.now)
        self.decoder = Decoder(delay)
        self.begun = delay + 1
        begun = [Packet(k, k == 0) for k in range(self.begun)]  # until the connection's first picture
        for packet in begun:
            self.decoder.decode(packet)
        self.decoding = SleepingDecoder(self.sleeper, self.decoder.decode, self.decoder.reset, None, begun, turns)

    def packets(self, count: int, size: Any = lambda k: 1000, room_from: int = 0) -> Iterator[Packet]:
        for k in range(self.begun, count):
            self.now = k / RATE
            if k == room_from:
                self.room = 100
            yield Packet(k, k % self.interval == 0, size(k))

    def play(self, count: int, rests: Any, wakes: Any = (), size: Any = lambda k: 1000) -> list[Decoded]:
        """All that comes; `rests(number)`: what the watching thread says after each frame."""
        out = []
        for one in self.decoding.frames(self.packets(count, size)):
            out.append(one)
            if one.glimpse:
                self.sleeper.judge(one.number, "plate" if one.number in wakes else "")
            else:
                self.sleeper.rest(rests(one.number), True)
        return out


def frames_of(out: list[Decoded]) -> list[int]:
    return [d.number for d in out if not d.glimpse]


def test_awake_every_frame_is_decoded() -> None:
    camera = Camera()
    out = camera.play(100, lambda n: False)
    assert frames_of(out) == list(range(1, 100))
    assert not any(d.late or d.passed_over for d in out)
    assert [d.frame.pts for d in out] == list(range(1, 100))
    assert camera.health.wakes == {}


def test_asleep_only_key_pictures_are_decoded() -> None:
    camera = Camera()
    out = camera.play(1001, lambda n: n >= 60)
    assert [d.number for d in out if d.glimpse] == list(range(75, 1001, 25))
    assert camera.health.wakes == {"end": 1}  # what is kept at the end is looked at
    assert frames_of(out) == [*range(1, 61), *range(1000, 1001)]
    assert camera.health.slept == 1000 - 61
    assert camera.health.last == 1000 / RATE


def test_it_wakes_from_the_key_picture_before() -> None:
    camera = Camera()
    out = camera.play(400, lambda n: 60 <= n < 200, wakes={200})
    numbers = frames_of(out)
    assert numbers == [*range(1, 61), *range(175, 400)]
    (first,) = [d for d in out if d.number == 175 and not d.glimpse]
    assert first.passed_over == 175 - 61
    assert first.late
    assert camera.health.wakes == {"plate": 1}
    assert [d.frame.pts for d in out if not d.glimpse] == numbers
    late = [d for d in out if d.late]
    assert late[0].arrived == pytest.approx(175 / RATE)  # when its packet came, not when it was decoded
    assert not out[-1].late


def test_frames_before_it_slept_come_once() -> None:
    camera = Camera()
    out = camera.play(150, lambda n: n == 60, wakes={75})  # falls asleep within an interval, and wakes at its end
    assert frames_of(out) == list(range(1, 150))


def test_unusual_packets_wake_it() -> None:
    camera = Camera()
    size = lambda k: 5000 if 260 <= k < 290 else 1000 + 10 * (k % 7)  # noqa: E731
    out = camera.play(320, lambda n: 100 <= n < 250, size=size)
    assert camera.health.wakes == {"packets": 1}
    woken = next(d for d in out if d.late)
    assert woken.number == 250
    assert frames_of(out)[-70:] == list(range(250, 320))


@pytest.mark.parametrize("delay", [0, 1, 3])
def test_a_decoder_that_returns_pictures_later(delay: int) -> None:
    camera = Camera(delay=delay)
    out = camera.play(400, lambda n: 60 <= n < 200, wakes={200})
    numbers = frames_of(out)
    assert numbers == sorted(set(numbers))
    assert set(range(175, 400)) <= set(numbers)
    assert [d.frame.pts for d in out if not d.glimpse and d.number >= 175] == list(range(175, 400))


def test_it_decodes_no_more_than_there_is_room_for() -> None:
    camera = Camera(room=0)
    seen: list[int] = []
    for one in camera.decoding.frames(camera.packets(300, room_from=230)):
        if one.glimpse:
            camera.sleeper.judge(one.number, "plate" if one.number == 200 else "")
            continue
        camera.sleeper.rest(one.number == 60, True)
        assert one.number <= 60 or camera.now >= 230 / RATE
        seen.append(one.number)
    assert seen == [*range(1, 61), *range(175, 300)]


def test_what_cannot_be_caught_up_with_is_given_up() -> None:
    camera = Camera(room=0)
    numbers: list[int] = []
    for one in camera.decoding.frames(camera.packets(1500, room_from=1400)):
        if one.glimpse:
            camera.sleeper.judge(one.number, "plate" if one.number == 200 else "")
        else:
            camera.sleeper.rest(one.number == 60, True)
            numbers.append(one.number)
    assert camera.health.dropped > 500
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == 1499


@pytest.mark.parametrize(
    ("interval", "reason"), [(1, "key frames only"), (200, "between its key frames"), (10**6, "between its key frames")]
)
def test_cameras_that_cannot_sleep(interval: int, reason: str) -> None:
    camera = Camera(interval=interval)
    out = camera.play(400, lambda n: True)
    assert reason in camera.health.sleepless
    assert frames_of(out) == list(range(1, 400))
    assert len(camera.decoding._held) <= 2  # nothing is kept that will not be needed


def test_a_damaged_key_picture_does_not_keep_it_waiting() -> None:
    camera = Camera()
    whole = camera.decoder.decode
    camera.decoding._decode = lambda packet: [] if packet is not None and packet.pts == 100 else whole(packet)
    out = camera.play(300, lambda n: n == 60, wakes={150})
    assert set(range(125, 300)) <= set(frames_of(out))


@settings(max_examples=60, deadline=None)
@given(
    rests=st.sets(st.integers(1, 500), max_size=12),
    wakes=st.sets(st.integers(1, 50).map(lambda k: 12 * k), max_size=12),
    interval=st.sampled_from([6, 12, 24]),
    delay=st.integers(0, 2),
    room=st.lists(st.integers(0, 20), min_size=1, max_size=5),
)
def test_no_frame_of_an_event_is_lost(
    rests: set[int], wakes: set[int], interval: int, delay: int, room: list[int]
) -> None:
    """Every frame comes once and in order, or lies before a glimpse that showed nothing."""
    camera = Camera(interval=interval, delay=delay)
    rooms = itertools.cycle([*room, 8])
    camera.sleeper.room = lambda: next(rooms)
    quiet = -1
    numbers: list[int] = []
    for one in camera.decoding.frames(camera.packets(600)):
        if one.glimpse:
            shows = one.number in wakes
            camera.sleeper.judge(one.number, "plate" if shows else "")
            quiet = quiet if shows else max(quiet, one.number)
            continue
        expected = numbers[-1] + 1 if numbers else 1
        assert one.passed_over == one.number - expected
        assert one.number >= expected
        if one.passed_over:
            assert one.number <= quiet + 1 or delay or camera.health.dropped, "only quiet frames are passed over"
        numbers.append(one.number)
        camera.sleeper.rest(one.number in rests, True)
    assert numbers[-1] == 599


def test_a_camera_that_has_no_turn_to_begin_sleeps_at_once() -> None:
    beginning = Turns(1, 1e9)
    assert beginning.take()
    camera = Camera(turns=(Turns(1, 1e9), beginning))
    out = camera.play(301, lambda n: False, wakes={200})
    assert [d.number for d in out if d.glimpse] == [*range(25, 225, 25)]
    assert frames_of(out) == list(range(175, 301))
    assert camera.health.wakes == {"plate": 1}


def test_a_turn_to_begin_ends_with_the_first_sleep() -> None:
    beginning = Turns(1, 1e9)
    camera = Camera(turns=(Turns(1, 1e9), beginning))
    packets = camera.packets(200)
    for one in camera.decoding.frames(packets):
        if one.glimpse:
            assert beginning.take()
            break
        assert not beginning.take()
        camera.sleeper.rest(one.number >= 60, True)
    else:
        raise AssertionError("it never slept")


def test_a_camera_without_a_turn_catches_up_later() -> None:
    catching_up = Turns(1, 1e9)
    assert catching_up.take()
    camera = Camera(turns=(catching_up, Turns(1, 1e9)))
    seen: list[int] = []
    for one in camera.decoding.frames(_with(camera.packets(300), 230, catching_up.give_back)):
        if one.glimpse:
            camera.sleeper.judge(one.number, "plate" if one.number == 200 else "")
            continue
        camera.sleeper.rest(one.number == 60, True)
        assert one.number <= 60 or camera.now >= 230 / RATE
        seen.append(one.number)
    assert seen == [*range(1, 61), *range(175, 300)]
    assert catching_up.take(), "given back when it had caught up"


def _with(packets: Iterator[Packet], number: int, act: Callable[[], None]) -> Iterator[Packet]:
    for packet in packets:
        if packet.pts == number:
            act()
        yield packet


def test_a_turn_is_not_for_ever() -> None:
    turns, now = Turns(1, 0.5), 0.0
    one, other = Turn(turns, lambda: now), Turn(turns, lambda: now)
    assert one.is_mine()
    assert not other.is_mine()
    now = 0.4
    assert one.is_mine()
    now = 0.6
    assert not one.is_mine()
    assert other.is_mine()
    one.end()  # not its own any more
    assert not one.is_mine()
    other.end()
    assert one.is_mine()


def test_a_false_alarm_ends_before_it_has_caught_up() -> None:
    """What is kept is decoded to some frames after what woke it up, and no further, where the machine is too slow."""
    camera = Camera()
    rooms = itertools.cycle([1, 0])
    camera.sleeper.room = lambda: next(rooms)  # a frame for each packet
    late: list[int] = []
    for one in camera.decoding.frames(camera.packets(400)):
        if one.glimpse:
            camera.sleeper.judge(one.number, "picture" if one.number == 200 else "")
            continue
        camera.sleeper.rest(one.number == 60 or one.late, True, one.number)
        late += [one.number] if one.late else []
    assert camera.health.wakes == {"picture": 1, "end": 1}
    assert late == [*range(175, 213), *range(375, 399)]
