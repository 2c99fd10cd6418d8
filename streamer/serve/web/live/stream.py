"""What happens as server-sent events: parts of the page for browsers, JSON for programs."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool

from streamer.serve.web.access.who import who_asks
from streamer.serve.web.faults import Fault
from streamer.serve.web.live.cameras import CameraState
from streamer.serve.web.live.feed import Listener, News
from streamer.serve.web.live.recent import Row
from streamer.serve.web.page import Page
from streamer.serve.web.roles import User

if TYPE_CHECKING:
    from fastapi import Request

    from streamer.serve.web.context import Site

_PAUSE_S = 15.0  # without an event: a line that keeps the connection, and the login is looked at again
EVERY_S = 2.0  # seconds between two reports of the cameras' state


async def page_events(page: Page, site: Site, listener: Listener) -> AsyncIterator[str]:
    """For the page of one browser, in its language and with its rights; ends with its login."""
    sent: dict[str, str] = {}
    assert page.user is not None
    async for news in _heard(page.request, site, listener, page.user):
        if news is None:
            yield ": still here\n\n"
        elif news.kind == "status":
            for one in news.payload:
                if page.user.sees(one.name):
                    text = page.html("live/_state.html", camera=one)
                    if sent.get(one.name) != text:
                        sent[one.name] = text
                        yield message(f"state-{_slug(one.name)}", text)
        elif page.user.sees(news.camera):
            if isinstance(news.payload, Row):
                yield message("passage", page.html("live/_row.html", row=news.payload))
            else:
                yield message(news.kind, json.dumps(news.payload, ensure_ascii=False))


async def json_events(request: Request, site: Site, listener: Listener, user: User) -> AsyncIterator[str]:
    """For a program."""
    async for news in _heard(request, site, listener, user):
        if news is None:
            yield ": still here\n\n"
        elif news.kind == "status":
            seen = [asdict(one) for one in news.payload if isinstance(one, CameraState) and user.sees(one.name)]
            yield message("status", json.dumps(seen, ensure_ascii=False))
        elif user.sees(news.camera):
            yield message(news.kind, json.dumps(_plain(news.payload), ensure_ascii=False))


async def _heard(request: Request, site: Site, listener: Listener, user: User) -> AsyncIterator[News | None]:
    """Events until the server stops or the login ends; None after each while without one."""
    loop = asyncio.get_running_loop()
    checked = loop.time()
    try:
        yield None  # the answer begins at once
        async for news in listener.events(_PAUSE_S):
            if loop.time() - checked >= _PAUSE_S:
                checked = loop.time()
                try:
                    now, _ = await run_in_threadpool(who_asks, site, request)
                except Fault:
                    return
                if now != user:
                    return  # other rights: the browser connects again with those
            yield news
    finally:
        site.feed.leave(listener)


def message(kind: str, text: str) -> str:
    """One event. `kind` and each line of the text are on lines of their own."""
    lines = "".join(f"data: {line}\n" for line in text.splitlines())
    return f"event: {kind}\n{lines}\n"


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def _slug(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:10]
