"""Addresses as people write them."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.config.urls import checked, filled
from streamer.errors import ConfigError

PASSWORDS = [
    "pa/ss1",
    "no#1gate",
    "who?me2",
    "a@b@c3",
    "x:y:z4",
    "100%zz5",
    "a b&c+d6",
    "plain7",
    "[br]ack",
    "p%40w",
    "é津",
]


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize("place", ["127.0.0.1:8554/stream1", "camera/a@b", "[::1]:554/s", "cam.lan"])
def test_a_variable_holds_the_password_as_it_is(password: str, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATE_PASSWORD", password)
    parts = urlsplit(filled(f"rtsp://alpr:${{GATE_PASSWORD}}@{place}"))
    assert (parts.username, unquote(parts.password or "")) == ("alpr", password)
    assert parts.hostname == urlsplit(f"rtsp://{place}").hostname


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_any_password_from_the_environment(password: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PW", password)
        parts = urlsplit(filled("rtsp://alpr:${PW}@127.0.0.1:8554/s"))
    assert (unquote(parts.password or ""), parts.port) == (password, 8554)


def test_user_and_password_in_one_variable_and_other_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRED", "alpr:a:b@c")
    monkeypatch.setenv("CAMERA", "192.0.2.7")
    monkeypatch.setenv("PORT", "8554")
    assert filled("rtsp://${CRED}@${CAMERA}:${PORT}/s") == "rtsp://alpr:a%3Ab%40c@192.0.2.7:8554/s"
    monkeypatch.setenv("URL", "RTSP://u:p#1@192.0.2.7/s")
    assert filled("${URL}") == "rtsp://u:p%231@192.0.2.7/s"
    with pytest.raises(ConfigError, match="NOT_SET"):
        filled("rtsp://u:${NOT_SET}@192.0.2.7/s")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        *[(f"rtsp://alpr:{p}@192.0.2.1/s", p) for p in ("pa/ss", "no#1", "12#4", "who?me", "a@b@c", "x:y", "100%zz")],
        ("rtsp://alpr:a b[c]@192.0.2.1/s", "a b[c]"),
        ("rtsp://alpr:123/4@192.0.2.1/s", "123/4"),
        ("rtsp://alpr:a@b/c@192.0.2.1/s", "a@b/c"),
        ("rtsp://alpr:p%40ss@192.0.2.1/s", "p@ss"),  # encoded already
        ("rtsp://192.0.2.1/s", None),
        ("rtsp://192.0.2.1:554/user=a@b.example", None),
        ("rtsp://camera/user=admin&password=x@y", None),
        ("rtsp://camera?user=a@b", None),
    ],
)
def test_raw_passwords_in_an_address(address: str, expected: str | None) -> None:
    parts = urlsplit(checked(address))
    password = None if parts.password is None else unquote(parts.password)
    assert password == expected
    assert parts.hostname in ("192.0.2.1", "camera")


@pytest.mark.parametrize(
    "address", ["/dev/video0", "udp://@:1234", "srt://:9000?mode=listener", "http://h/a?b=c#d", "rtsp://h"]
)
def test_good_ones_stay(address: str) -> None:
    assert checked(address) == address


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("rstp://u:secret@camera/s", "did you mean rtsp://"),
        ("htpp://camera/s", "did you mean http"),
        ("quux7://camera/s", "expected one like rtsp://"),
        ("rtsp://", "malformed"),
        ("rtsp:///stream", "malformed"),
        ("rtsp://u:secret@/s", "malformed"),
        ("rtsp://camera:port/s", "malformed"),
        ("rtsp://u:secret@camera:70000/s", "malformed"),
    ],
)
def test_malformed_ones_are_named(address: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        checked(address)
    assert "secret" not in str(caught.value)
