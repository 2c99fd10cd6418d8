"""The page in a browser, beside a run or alone over a store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from streamer.cli.console import notice
from streamer.errors import AlprError, ConfigError

if TYPE_CHECKING:
    from streamer.cli.finding import Finding
    from streamer.config.models import RunConfig
    from streamer.config.outputs import Output
    from streamer.pipeline.status import Streams
    from streamer.serve.web.context import Site
    from streamer.serve.web.server import PageServer

_NEEDED = ("fastapi", "uvicorn", "jinja2", "python_multipart", "sqlalchemy")


def check_extra() -> None:
    """ConfigError where the page's libraries are not installed."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise ConfigError(f"the page needs {missing[0]}: pip install 'alpr-streamer[web]'")


def page_of_run(
    config: RunConfig, config_path: Path | None, outputs: Sequence[Output], streams: Streams, *, quiet: bool
) -> PageServer:
    """Serves the page of a run, which is registered in `streams`."""
    check_extra()
    from streamer.config.outputs import StoreOutput
    from streamer.serve.web.context import Site
    from streamer.serve.web.live.recent import PageSink

    store = next((one for one in outputs if isinstance(one, StoreOutput)), None)
    site = Site(
        config.web,
        config=config,
        config_path=config_path,
        streams=streams,
        store=None if store is None else store.path,
        files=None if store is None else _files(store.path, store.files),
    )
    streams.viewer = site.pictures
    streams.onlookers.append(PageSink(site.feed))
    return served(site, quiet=quiet)


def page_of_store(config: RunConfig, config_path: Path | None, store: str, files: str | None = None) -> PageServer:
    """Serves the page of a store alone."""
    from streamer.serve.web.context import Site
    from streamer.store.database import open_database

    open_database(store).close()
    site = Site(
        config.web,
        config=None if config_path is None else config,
        config_path=config_path,
        store=store,
        files=_files(store, files),
    )
    return served(site, quiet=False)


def served(site: Site, *, quiet: bool) -> PageServer:
    """The server, begun; ConfigError where a login is needed and there is no user."""
    from streamer.serve.web.server import PageServer, needs_login

    site.login = needs_login(site.web)
    site.doctor = _checks
    if site.login:
        _check_users(site)
    server = PageServer(site)
    if not quiet:
        notice(f"page: {server.url}")
    return server


def _check_users(site: Site) -> None:
    from streamer.serve.web.access.accounts import count
    from streamer.store.database import open_database
    from streamer.store.place import Place

    where = f"--web {site.web.at}: others can reach the page there, so it needs a login"
    if site.store is None:
        add = "alpr user add NAME --role admin --store plates.db"
        raise ConfigError(f"{where}: give --store plates.db, and a user by {add}")
    try:
        with open_database(site.store) as database:
            users = count(database)
    except AlprError as error:
        place = Place.of(site.store)
        if place.path is None or place.path.exists():
            raise
        del error
        users = 0
    if not users:
        name = Place.of(site.store).name
        raise ConfigError(f"{where}, and {name} has no user: alpr user add NAME --role admin --store {name}")


def _files(store: str, files: str | None) -> Path | None:
    from streamer.store.files import default_folder
    from streamer.store.place import Place

    if files is not None:
        return Path(files)
    path = Place.of(store).path
    return None if path is None else default_folder(path)


def _checks() -> Iterator[Finding]:
    """The checks of `alpr doctor` that take no time."""
    import time

    from streamer.cli.doctor import clock, codecs, disk, packages, processor

    for check in (processor, packages, codecs):
        yield from check()
    yield from disk(Path("."))
    yield from clock(time.time())
