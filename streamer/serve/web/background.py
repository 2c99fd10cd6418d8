"""What the page does beside answering: reports of the cameras' state to who listens, samples for the plots, and news of
a store that another process writes."""

from __future__ import annotations

import asyncio
import logging

from starlette.concurrency import run_in_threadpool

from streamer.serve.web.context import Site
from streamer.serve.web.live.store_news import StoreNews
from streamer.serve.web.live.stream import EVERY_S

_log = logging.getLogger(__name__)


async def background(site: Site) -> None:
    """Until it is cancelled."""
    news = StoreNews(site)
    while True:
        try:
            await run_in_threadpool(_once, site, news)
        except Exception:  # a store that does not answer for a while must not end the page
            _log.debug("page: state not reported", exc_info=True)
        await asyncio.sleep(EVERY_S)


def _once(site: Site, news: StoreNews) -> None:
    site.history.sample(site)
    if site.feed.listeners:
        news.publish()
        site.feed.publish("status", "", site.cameras())
