"""Messages as HTTP requests, signed after Standard Webhooks where a key is set."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import unquote, urlsplit

from streamer.config.notify import WebhookOutput
from streamer.errors import ConfigError
from streamer.notify.deadline import pool_classes
from streamer.notify.dialects import DIALECTS
from streamer.notify.extras import extra
from streamer.notify.message import Message
from streamer.notify.signing import key_of, signed
from streamer.notify.target import Refused, Unavailable

_MOST_ANSWER = 65_536  # bytes of an answer that are read, so that its connection can be used again
# Answers that say something of this message, not of the target or its settings.
_UNFIT = frozenset((400, 405, 406, 409, 411, 413, 414, 415, 422, 431, 451))
_FAILED = frozenset((500, 501, 505, 507, 508))  # perhaps at this message alone


class Webhook:
    """Posts messages to an address. Nothing that it raises holds the address's path or what it was given as secret.

    Redirects are refused: a row would go where nobody configured it to.
    """

    def __init__(
        self,
        output: WebhookOutput,
        resolved: Callable[[str], str],
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`resolved`: gives a setting with its references looked up."""
        urllib3 = extra("urllib3", "webhook")
        _hush()
        self._urllib3, self._output, self._wall = urllib3, output, wall
        self._url = resolved(output.url)
        try:
            parts = urlsplit(self._url)
            _ = parts.port
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError("url: expected https://HOST/PATH once its variables are filled in")
        self._headers = {
            "User-Agent": f"alpr-streamer/{_version()}",
            **{name: resolved(value) for name, value in output.headers.items()},
        }
        if parts.username is not None:
            credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers |= urllib3.make_headers(basic_auth=credentials)
            self._url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        bad = [name for name, value in self._headers.items() if any(ord(c) < 32 or ord(c) > 255 for c in value)]
        if bad:
            raise ConfigError(f"headers.{bad[0]}: expected one line of Latin-1 text once its variables are filled in")
        self._key = None if output.secret is None else key_of(resolved(output.secret))
        self._pool = urllib3.PoolManager(
            num_pools=1, maxsize=1, retries=False, cert_reqs="CERT_REQUIRED", ca_certs=output.ca_file
        )
        # Somewhat more than from byte to byte, so that the usual case has the plainer message.
        self._pool.pool_classes_by_scheme = pool_classes(urllib3, output.attempts.timeout_s * 1.2)

    def send(self, message: Message) -> None:
        if message.kind not in ("passage", "hit"):
            return
        body, kind = self._encoded(message)
        headers = {**self._headers, "Content-Type": kind, "Idempotency-Key": message.key}
        if self._key is not None:
            headers |= signed(self._key, message.key, int(self._wall()), body)
        status, after_s = self._posted(body, headers)
        if 200 <= status < 300:
            return
        reason = f"HTTP {status}"
        if 300 <= status < 400:
            raise Unavailable(f"{reason}: redirects are not followed: give the address that it leads to")
        if status in _UNFIT:
            raise Refused(reason, final=True)
        if status in _FAILED:
            raise Refused(reason, final=False)
        hint = ": check url, headers and secret" if status in (401, 403, 404) else ""
        raise Unavailable(reason + hint, after_s)

    def idle(self) -> None:
        """Nothing to do between requests."""

    def close(self) -> None:
        self._pool.clear()

    def _encoded(self, message: Message) -> tuple[bytes, str]:
        """The body and its type: JSON, or a form of JSON and picture."""
        dialect = self._output.dialect
        text = json.dumps(DIALECTS[dialect](message), ensure_ascii=False).encode("utf-8", "replace")
        if not self._output.crop or message.crop is None:
            return text, "application/json"
        name, picture = ("json", "upload") if dialect == "platerecognizer" else ("event", "crop")
        file = f"{message.body['event_id']}.jpg"
        fields: dict[str, Any] = {
            name: text.decode() if dialect == "platerecognizer" else (f"{name}.json", text, "application/json"),
            picture: (file, message.crop, "image/jpeg"),
        }
        form, kind = self._urllib3.encode_multipart_formdata(fields)
        return bytes(form), str(kind)

    def _posted(self, body: bytes, headers: dict[str, str]) -> tuple[int, float | None]:
        """The status of the answer, and for how long it asks to wait."""
        timeout_s = self._output.attempts.timeout_s
        errors = self._urllib3.exceptions
        try:
            answer = self._pool.request(
                "POST", self._url, body=body, headers=headers, redirect=False, retries=False, preload_content=False,
                timeout=self._urllib3.Timeout(connect=timeout_s, read=timeout_s),
            )  # fmt: skip
        except (errors.HTTPError, OSError, ValueError) as error:
            raise Unavailable(_reason(error, timeout_s)) from None
        self._rest_of(answer, timeout_s)
        return int(answer.status), _seconds(answer.headers.get("Retry-After"), self._wall())

    def _rest_of(self, answer: Any, timeout_s: float) -> None:
        """Reads what an answer says, so that its connection can be used again; one that is long or slow is cut off."""
        until, left = time.monotonic() + timeout_s, _MOST_ANSWER
        try:
            for part in answer.stream(4096, decode_content=False):
                left -= len(part)
                if left < 0 or time.monotonic() > until:
                    answer.close()
                    return
        except (self._urllib3.exceptions.HTTPError, OSError, ValueError):
            answer.close()


def _reason(error: Exception, timeout_s: float) -> str:
    """Why there was no answer, in words that hold no part of the address."""
    name = type(getattr(error, "reason", None) or error).__name__
    known = {
        "ReadTimeoutError": f"no answer in {timeout_s:g} s",
        "ConnectTimeoutError": f"no connection in {timeout_s:g} s",
        "NameResolutionError": "unknown host",
        "NewConnectionError": "the connection was refused",
        "ProtocolError": "the connection was broken off",
        "SSLError": "its certificate is not trusted (ca_file), or it does not speak TLS",
    }
    return known.get(name, f"no connection ({name})")


def _seconds(text: str | None, now: float) -> float | None:
    """The seconds of Retry-After, given as such or as a date."""
    if not text:
        return None
    try:
        return max(float(text), 0.0)
    except ValueError:
        pass
    try:
        return max(parsedate_to_datetime(text).timestamp() - now, 0.0)
    except (ValueError, TypeError, OverflowError):
        return None


def _hush() -> None:
    """Leaves out urllib3's lines for every request: they name addresses, which may hold secrets."""
    log = logging.getLogger("urllib3.connectionpool")
    if log.level == logging.NOTSET:
        log.setLevel(logging.INFO)


def _version() -> str:
    try:
        return version("alpr-streamer")
    except PackageNotFoundError:
        return "unknown"
