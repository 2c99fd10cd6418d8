"""Around the whole app: the prefix, hosts that may be asked for, the size of requests, and headers of every answer."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from streamer.config.web import WebConfig

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_BYTES = 8 << 20  # of a request
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "cache-control": "no-store",  # where the answer says nothing else
}
_HTTPS = {"strict-transport-security": "max-age=31536000"}


class _TooLarge(Exception):
    pass


class Shield:
    """`login`: whether one is needed; where none is, only names of this machine are answered, so that a page of another
    site cannot reach this one by a name that it makes point here."""

    def __init__(self, app: App, web: WebConfig, *, login: bool) -> None:
        self._app, self._web, self._login = app, web, login
        self._hosts = {host.lower() for host in web.hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        send = self._with_headers(send, secure=scope.get("scheme") == "https")
        if not self._may_ask_for(headers.get(b"host", b"").decode("latin-1")):
            await _say(send, 421, "this page is not served under that host name: add it to web.hosts")
            return
        try:
            size = int(headers.get(b"content-length", b"0"))
        except ValueError:
            await _say(send, 400, "malformed request")
            return
        if size > MOST_BYTES:
            await _say(send, 413, f"a request of more than {MOST_BYTES >> 20} MB")
            return
        path, prefix = scope["path"], self._web.prefix
        if prefix and path == prefix:
            await _say(send, 308, "", [(b"location", f"{prefix}/".encode())])
            return
        if prefix and path.startswith(prefix + "/"):
            path = path[len(prefix) :]
        scope = dict(scope) | {"path": path, "raw_path": path.encode(), "root_path": ""}
        began = False

        async def begun(message: MutableMapping[str, Any]) -> None:
            nonlocal began
            began = began or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, _limited(receive), begun)
        except _TooLarge:
            if not began:
                await _say(send, 413, f"a request of more than {MOST_BYTES >> 20} MB")

    def _may_ask_for(self, host: str) -> bool:
        name = _name_of(host)
        if name in self._hosts or (self._login and not self._hosts):
            return True
        return is_loopback(name) if not self._login or self._hosts else False

    def _with_headers(self, send: Send, *, secure: bool) -> Send:
        more = HEADERS | (_HTTPS if secure else {})

        async def sent(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                given = {key.lower() for key, _ in message["headers"]}
                extra = [(k.encode(), v.encode()) for k, v in more.items() if k.encode() not in given]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        return sent


def is_loopback(name: str) -> bool:
    """Whether a host name or address means this machine alone."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _name_of(host: str) -> str:
    """The name in a Host header, without the port."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _limited(receive: Receive) -> Receive:
    left = MOST_BYTES

    async def received() -> MutableMapping[str, Any]:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise _TooLarge
        return message

    return received


async def _say(send: Send, status: int, text: str, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    body = (text + "\n").encode()
    kind = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*kind, *(headers or [])]})
    await send({"type": "http.response.body", "body": body})
