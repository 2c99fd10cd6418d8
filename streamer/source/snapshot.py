"""A camera that sends one picture per request: its address is polled."""

from __future__ import annotations

import http.client
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from streamer.config.models import LiveConfig
from streamer.config.urls import redact
from streamer.errors import InputError
from streamer.source.faults import SourceFault
from streamer.source.pictures import Picture, decode
from streamer.source.source import StreamInfo
from streamer.source.start_time import Clock
from streamer.types import Frame

_MOST_BYTES = 256 << 20
_SLICE_S = 0.2
_REASONS = {
    401: ("unauthorized", "needs another user or password"),
    403: ("forbidden", "must not be read"),
    404: ("not found", "is not there"),
}


class SnapshotSource:
    """A stream of the pictures behind an http address, one every `live.snapshot_s` seconds at most.

    A picture that is sent again, byte for byte, is no new frame, so that no vehicle is read twice in it. Where it is
    sent for longer than `live.frozen_s`, the camera has stopped, which is a fault.
    """

    live, finite = True, False

    def __init__(self, address: str, live: LiveConfig | None = None, *, start_time: datetime | None = None) -> None:
        self.address, self.name = address, redact(address)
        self.warnings: list[str] = []
        self.heard = 0.0  # time of the last answer, by the monotonic clock, also without a new frame
        self.frozen = False
        self._config = live or LiveConfig()
        self._clock = Clock(start_time, "given") if start_time else None
        self._opener = _opener(address)
        self._first: tuple[bytes, Picture] | None = None

    def again(self) -> SnapshotSource:
        """A fresh source of the same address."""
        twin = SnapshotSource(self.address, self._config)
        twin._clock = self._clock
        return twin

    def open(self) -> StreamInfo:
        """Requests the first picture; InputError where there is none."""
        data = self._request()
        picture = decode(data, self.name)
        self._first = data, picture
        height, width = picture.bgr.shape[:2]
        rate = Fraction(1 / self._config.snapshot_s).limit_denominator(1000)
        return StreamInfo(self.name, width, height, Fraction(1, 1000), rate, live=True)

    def frames(self) -> Iterator[Frame]:
        """New pictures as they come; InputError where a request fails, or no picture is new for too long."""
        assert self._first is not None, "frames() before open()"
        (data, picture), self._first = self._first, None
        began = new = time.monotonic()
        index, due = 0, began
        while True:
            pts = time.monotonic() - began
            seen, how = datetime.now(UTC), "arrival"
            if self._clock is not None:
                seen, how = self._clock.at(pts) or seen, self._clock.source
            height, width = picture.bgr.shape[:2]
            yield Frame(index, pts, width, height, bgr=picture.bgr, captured_at=seen, time_source=how)  # type: ignore[arg-type]
            index, last = index + 1, data
            while data == last:
                due = self._wait(due + self._config.snapshot_s)
                data = self._request()
                frozen_s = time.monotonic() - new
                if data == last and self._config.frozen_s is not None and frozen_s >= self._config.frozen_s:
                    self.frozen = True
                    raise InputError(
                        f"{self.name}: has sent the same picture for {frozen_s:.0f} s: check the camera", at=self.name
                    )
            picture, new = decode(data, self.name), time.monotonic()

    def close(self) -> None:
        """No connection is open."""
        self._first = None

    def _wait(self, due: float) -> float:
        """Waits until `due`, not at all where that is past; returns when the wait ended."""
        while (left := due - time.monotonic()) > 0:
            self.heard = time.monotonic()  # no request is pending that could be late
            time.sleep(min(left, _SLICE_S))
        return max(due, time.monotonic() - self._config.snapshot_s)

    def _request(self) -> bytes:
        data = fetch(self.address, self._config.silence_s, self._opener)
        self.heard = time.monotonic()
        return data


def fetch(address: str, timeout_s: float, opener: urllib.request.OpenerDirector | None = None) -> bytes:
    """The response of a server to an http address; InputError in one line without secrets."""
    name, opener = redact(address), opener or _opener(address)
    try:
        with opener.open(_bare(address), timeout=timeout_s) as answer:
            if answer.headers.get_content_maintype() in ("multipart", "video"):
                raise InputError(f"{name}: is a stream, no single picture: give it to alpr run", at=name)
            data: bytes = answer.read(_MOST_BYTES + 1)
    except urllib.error.HTTPError as error:
        usual = "server error" if error.code >= 500 else "bad request", "was refused by the server"
        kind, text = _REASONS.get(error.code, usual)
        reason = f"{text} ({error.code} {error.reason})"
        raise SourceFault(f"{name}: {reason}: check the address and the password", kind, reason) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = redact(str(getattr(error, "reason", None) or error or type(error).__name__))
        raise InputError(f"{name}: the request failed ({reason}): check the address and the network", at=name) from None
    if not data:
        raise InputError(f"{name}: sent nothing (0 bytes): check the camera", at=name)
    if len(data) > _MOST_BYTES:
        raise InputError(f"{name}: sent more than {_MOST_BYTES >> 20} MB: that is no picture", at=name)
    return data


class _DigestOnce(urllib.request.HTTPDigestAuthHandler):
    """Does not send a refused password again: urllib's own does so five times, and cameras lock the account."""

    def http_error_auth_reqed(self, auth_header: str, host: str, req: Any, headers: Any) -> Any:
        if req.unredirected_hdrs.get(self.auth_header.capitalize()):
            return None
        return super().http_error_auth_reqed(auth_header, host, req, headers)


def _opener(address: str) -> urllib.request.OpenerDirector:
    """Sends the address's user and password by either HTTP scheme (Basic, Digest). Certificates are not checked, as
    with streams: those of cameras are self-signed."""
    parts = urlsplit(address)
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    if parts.username is not None:
        passwords.add_password(None, _bare(address), unquote(parts.username), unquote(parts.password or ""))
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return urllib.request.build_opener(
        urllib.request.HTTPBasicAuthHandler(passwords),
        _DigestOnce(passwords),
        urllib.request.HTTPSHandler(context=context),
    )


def _bare(address: str) -> str:
    """The address without user and password."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))
