"""The server of the page: uvicorn in a thread with its own event loop, so that it never waits for a camera nor a camera
for it."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import threading

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from streamer.config.web import WebConfig
from streamer.errors import ConfigError
from streamer.serve.web.app import make_app
from streamer.serve.web.context import Site
from streamer.serve.web.shield import is_loopback

_MOST_CLIENTS = 512  # connections at once; beyond that the oldest that waits is closed
_HEAD_S = 15.0  # for the head of a request
_CLOSE_S = 3.0


def place_of(at: str) -> tuple[str, int]:
    """Host and port of [HOST:]PORT; ConfigError where it is none. Without a host: this machine alone."""
    host, _, port = at.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise ConfigError(f"--web {at!r}: expected PORT or HOST:PORT, such as 8080 or 0.0.0.0:8080")
    return host or "127.0.0.1", int(port)


def needs_login(web: WebConfig) -> bool:
    """Whether a login is needed: always, but where only this machine can reach the page and no proxy is before it."""
    host, _ = place_of(web.at or "0")
    return web.login == "always" or bool(web.proxies) or not is_loopback(host)


class PageServer:
    """Serves the page of a site until it is closed. ConfigError where the address cannot be served."""

    def __init__(self, site: Site) -> None:
        assert site.web.at is not None
        self._site = site
        self.host, port = place_of(site.web.at)
        self._socket = _bound(self.host, port, site.web.at)
        self.port: int = self._socket.getsockname()[1]
        try:
            self._server = _Server(self._settings(site.web))
        except BaseException:
            self._socket.close()
            raise
        for name in ("uvicorn.error", "uvicorn.asgi"):  # clients may do what they like; our own faults are in our log
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        site.log.begin()
        self._thread = threading.Thread(target=self._run, name="alpr-page", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The page's address, for people."""
        host = {"0.0.0.0": "localhost", "::": "localhost"}.get(self.host, self.host)
        scheme = "https" if self._site.web.certificate else "http"
        name = f"[{host}]" if ":" in host else host
        return f"{scheme}://{name}:{self.port}{self._site.web.prefix}/"

    def close(self) -> None:
        """Stops within a few seconds, whatever clients do."""
        self._site.feed.close()
        self._server.should_exit = True
        self._thread.join(_CLOSE_S)
        if self._thread.is_alive():
            self._server.force_exit = True
            self._thread.join(_CLOSE_S)
        self._socket.close()
        self._site.log.end()
        self._site.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])

    def _settings(self, web: WebConfig) -> uvicorn.Config:
        settings = uvicorn.Config(
            make_app(self._site),
            http=_Protocol,
            ws="none",
            loop="asyncio",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(web.proxies),
            forwarded_allow_ips=list(web.proxies),
            timeout_keep_alive=30,
            timeout_graceful_shutdown=1,
            backlog=256,
            ssl_certfile=web.certificate,
            ssl_keyfile=web.key,
        )
        try:
            settings.load()
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"web.certificate {web.certificate}, web.key {web.key}: cannot be read ({error}): expected PEM files "
                "that belong together"
            ) from None
        return settings


class _Server(uvicorn.Server):
    """Its signals are the command's own."""

    def install_signal_handlers(self) -> None: ...


class _Protocol(H11Protocol):
    """A connection that sends no whole head of a request for a while is closed; of too many the oldest that waits."""

    _open: dict[_Protocol, None] = {}  # noqa: RUF012 - of one event loop, in the order they came

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._open[self] = None
        self._head = self.loop.call_later(_HEAD_S, self._too_late)
        if len(self._open) > _MOST_CLIENTS:
            idle = next((one for one in self._open if one.cycle is None or one.cycle.response_complete), self)
            idle.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._open.pop(self, None)
        self._head.cancel()
        super().connection_lost(exc)

    def _too_late(self) -> None:
        if self.cycle is None:
            self.transport.abort()


def _bound(host: str, port: int, at: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((host, port))
        one.listen(256)  # who comes before the server is ready waits for it
    except OSError as error:
        one.close()
        reason = error.strerror or str(error)
        raise ConfigError(f"--web {at}: cannot be served there ({reason}): give another port or address") from None
    one.set_inheritable(False)
    return one
