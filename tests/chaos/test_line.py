"""The faulty line without a camera: packets, catalogue, bad input."""

from __future__ import annotations

import random
import struct

import pytest
from click.testing import CliRunner

from streamer.chaos.fault_types import FAULTS, Fault
from streamer.chaos.proxy import FaultyProxy, _PacketFaults
from streamer.chaos.rtp import begins_key_frame, is_media, shifted
from streamer.cli import cli
from streamer.errors import ConfigError


def packet(payload: bytes, ticks: int = 1000, number: int = 1) -> bytes:
    return struct.pack(">BBHII", 0x80, 96, number, ticks, 7) + payload


@pytest.mark.parametrize(
    ("payload", "hevc", "key"),
    [
        (bytes([0x65, 1, 2]), False, True),  # a whole key picture
        (bytes([0x41, 1, 2]), False, False),
        (bytes([0x67, 1, 2]), False, False),  # a description alone is no picture
        (bytes([0x7C, 0x85, 1]), False, True),  # its first part
        (bytes([0x7C, 0x05, 1]), False, False),  # its next part
        (bytes([0x7C, 0x81, 1]), False, False),
        (bytes([0x78, 0, 2, 0x67, 1, 0, 2, 0x65, 1]), False, True),  # description and key picture together
        (bytes([0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 1]), False, False),
        (bytes([19 << 1, 1, 0]), True, True),
        (bytes([1 << 1, 1, 0]), True, False),
        (bytes([49 << 1, 1, 0x80 | 19]), True, True),
        (bytes([49 << 1, 1, 19]), True, False),
        (b"", False, False),
        (bytes([0x65]), False, False),
    ],
)
def test_key_pictures_are_known(payload: bytes, hevc: bool, key: bool) -> None:
    assert begins_key_frame(packet(payload), hevc) is key


def test_control_packets_are_left_alone() -> None:
    assert is_media(0, packet(b"abc"))
    assert not is_media(1, packet(b"abc"))
    assert not is_media(0, packet(b""))


@pytest.mark.parametrize(("ticks", "later"), [(0, 90_000), (2**32 - 1, 89_999)])
def test_time_stamps_are_shifted_around_their_end(ticks: int, later: int) -> None:
    moved = shifted(packet(b"abc", ticks), 1.0)
    assert struct.unpack_from(">I", moved, 4) == (later,)
    assert (moved[:4], moved[8:]) == (packet(b"abc", ticks)[:4], packet(b"abc", ticks)[8:])


def sent(name: str, percent: float, count: int = 1000) -> list[bytes]:
    line, out = _PacketFaults(random.Random(0)), []
    for k in range(count):
        out += line.apply(packet(b"payload", number=k), Fault(name, percent))
    return out + line.apply(packet(b"last", number=count), None)


@pytest.mark.parametrize(
    ("name", "percent", "least", "most"),
    [("loss", 0, 1001, 1001), ("loss", 100, 1, 1), ("loss", 20, 760, 840), ("duplicate", 20, 1160, 1240),
     ("reorder", 20, 1001, 1001), ("corrupt", 20, 1001, 1001)],
)  # fmt: skip
def test_packets_are_lost_or_doubled(name: str, percent: float, least: int, most: int) -> None:
    assert least <= len(sent(name, percent)) <= most


def test_packets_come_late_or_wrong_and_all_of_them() -> None:
    numbers = [struct.unpack_from(">H", p, 2)[0] for p in sent("reorder", 20)]
    assert sorted(numbers) == list(range(1001))
    assert numbers != sorted(numbers)
    wrong = [p for p in sent("corrupt", 20)[:-1] if p[12:] != b"payload"]
    assert 100 < len(wrong) < 260


def test_what_is_no_fault_is_named() -> None:
    with pytest.raises(ConfigError, match=r"fault 'fire': expected one of refuse, .*resize"):
        Fault("fire")
    with pytest.raises(ConfigError, match="percent 101: expected 0 to 100"):
        Fault("loss", 101)
    assert [str(Fault(n)) for n in ("cut", "loss")] == ["cut", "loss 5 %"]


def test_a_port_that_is_taken_is_named() -> None:
    with FaultyProxy("127.0.0.1", 9) as first, pytest.raises(ConfigError, match=f"port {first.port}: cannot be"):
        FaultyProxy("127.0.0.1", 9, first.port)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["http://127.0.0.1/x"], "must be a video file or an rtsp:// address"),
        (["rtsp://127.0.0.1/x", "--fault", "freeze"], "freeze: only for a video file as SOURCE"),
        (["rtsp://127.0.0.1/x", "--fault", "fire"], "fire"),
        (["nothing.mp4", "--trial"], "nothing.mp4: cannot be opened"),
        (["README.md"], "README.md: cannot be opened"),
    ],
)
def test_bad_input_is_named(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(cli, ["chaos", *arguments])
    assert result.exit_code != 0
    assert message in result.output + str(result.exception)


def test_help_tells_every_fault() -> None:
    shown = CliRunner().invoke(cli, ["chaos", "--help"]).output
    assert all(f"{name}:" in shown for name in FAULTS)
