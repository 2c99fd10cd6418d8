"""What a user may type as a source, pictures, and times."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamkit import RED, scene

from streamer.config.urls import redact
from streamer.errors import ConfigError, InputError
from streamer.source.images import ImageSource, read_image
from streamer.source.resolve import open_source
from streamer.source.start_time import parse_start_time


def test_a_folder_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("b.MP4", "a.jpg", "c.mkv", ".hidden.mp4", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "sub.mp4").mkdir()
    assert [s.name for s in open_source(tmp_path)] == ["a.jpg", "b.MP4", "c.mkv"]


@pytest.mark.parametrize("text", ["rtsp://u:p@host/x", "http://u:p@127.0.0.1:9/video.cgi"])
def test_addresses_are_live(text: str) -> None:
    (source,) = open_source(text)
    assert source.live
    assert "u:p" not in source.name


def test_a_missing_source_and_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: no such file or folder"):
        open_source(tmp_path / "nowhere")
    with pytest.raises(InputError, match="holds no video and no picture"):
        open_source(tmp_path)


def test_a_picture_is_one_frame(tmp_path: Path) -> None:
    picture = scene(101, 77, (10, 10, RED))
    path = tmp_path / "车.png"  # a name that OpenCV's own reader does not take everywhere
    path.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    source = ImageSource(path)
    info = source.open()
    (frame,) = source.frames()
    source.close()
    assert (info.width, info.height, info.still) == (101, 77, True)
    assert frame.bgr is not None
    assert np.array_equal(frame.bgr, picture)


@pytest.mark.parametrize(
    ("data", "message"),
    [(None, "no such file"), (b"", "is empty"), (b"text", "is not a picture"), (b"\xff\xd8\xff", "is not a picture")],
)
def test_bad_pictures(tmp_path: Path, data: bytes | None, message: str) -> None:
    path = tmp_path / "a.jpg"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(InputError, match=f"a.jpg: .*{message}"):
        read_image(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rtsp://user:pw@host:554/a", "rtsp://***@host:554/a"),
        ("cannot open 'rtsp://u:p@h/' twice http://a:b@c", "cannot open 'rtsp://***@h/' twice http://***@c"),
        ("rtsp://user:p@ss@host/a", "rtsp://***@host/a"),
        ("rtsp://host/a@b", "rtsp://***@b"),  # may be a password with a slash
        ("rtsp://u:p'w/x@cam/s and http://a:b@c/d", "rtsp://***@cam/s and http://***@c/d"),
        ("http://cam/v.cgi?user=a&pwd=secret: refused", "http://cam/v.cgi?***: refused"),
        ("rtsp:/u:p@cam/s: no such file", "rtsp:/***@cam/s: no such file"),
        ("plain text", "plain text"),
    ],
)
def test_redact(text: str, expected: str) -> None:
    assert redact(text) == expected


@given(st.text("abcXYZ019-._~%!$&+,;=:@", min_size=1), st.text("abcXYZ019-._~%!$&+,;=:@", min_size=4))
def test_no_password_survives_redaction(user: str, password: str) -> None:
    assert redact(f"rtsp://{user}:{password}@host/x") == "rtsp://***@host/x"


@pytest.mark.parametrize(("text", "message"), [("yesterday", "not ISO-8601"), ("2026-01-31T08:00:00", "no offset")])
def test_start_times_that_are_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_start_time(text)


def test_start_time_with_z() -> None:
    assert parse_start_time("2026-01-31T08:00:00Z").isoformat() == "2026-01-31T08:00:00+00:00"
