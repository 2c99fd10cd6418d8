"""The outboxes of targets: of a configuration, of a store, or of this user."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from streamer.errors import ConfigError

if TYPE_CHECKING:
    from streamer.config.models import RunConfig
    from streamer.config.notify import NotifyOutput
    from streamer.config.output import Output
    from streamer.notify.queue import Box, Queue
    from streamer.store.database import Database


@dataclass(frozen=True)
class Place:
    """A target's outbox; `entry`: its settings, where a configuration was given."""

    name: str
    box: Box
    entry: NotifyOutput | None = None

    @property
    def exists(self) -> bool:
        from streamer.notify.queue import FileBox

        return not isinstance(self.box, FileBox) or self.box.path.is_file()

    @contextmanager
    def opened(self) -> Iterator[Queue]:
        queue = self.box.open()
        try:
            yield queue
        finally:
            queue.close()


@contextmanager
def places(config_path: Path | None, store: str | None) -> Iterator[dict[str, Place]]:
    """By target."""
    with ExitStack() as stack:
        if config_path is not None:
            yield {place.name: place for place in _of_config(config_path, stack)}
        elif store is not None:
            yield {place.name: place for place in _of_store(store, stack)}
        else:
            yield {place.name: place for place in _of_user()}


def entries_of(config_path: Path) -> list[NotifyOutput]:
    """The targets of a configuration, its cameras' too."""
    from streamer.config.notify import NotifyOutput

    return [one for outputs in _lists(config_path) for one in outputs if isinstance(one, NotifyOutput)]


def chosen(found: dict[str, Place], target: str, where: str) -> Place:
    """The target of that name, or the only one of that type."""
    of_type = [one for one in found.values() if one.entry is not None and one.entry.type == target]
    place = found.get(target) or (of_type[0] if len(of_type) == 1 else None)
    if place is None:
        known = f"there are {', '.join(sorted(found))}" if found else "there is none"
        raise ConfigError(f"{where}: no target {target}: {known}")
    return place


def target_lists(config: RunConfig) -> list[Sequence[Output]]:
    """The outputs of a configuration, and those of each of its cameras."""
    return [config.outputs, *(camera.outputs for camera in config.cameras.values())]


def place_of(entry: NotifyOutput, outputs: Sequence[Output], opened: Callable[[str], Database]) -> Place:
    """The outbox of a target: in the store beside it in `outputs`, where there is one, else a file. ConfigError where a
    variable of its settings is not set."""
    from streamer.config.outputs import StoreOutput
    from streamer.notify.makers import looked_up
    from streamer.notify.places import outbox_path, target_name
    from streamer.notify.queue import FileBox
    from streamer.store.outbox import StoreBox

    looked_up(entry)
    stores = [one for one in outputs if isinstance(one, StoreOutput)]
    name = target_name(entry)
    if len(stores) == 1 and entry.outbox is None:
        return Place(name, StoreBox(opened(stores[0].path), name), entry)
    return Place(name, FileBox(outbox_path(entry)), entry)


def _lists(config_path: Path) -> list[Sequence[Output]]:
    from streamer.config.models import load_config

    return target_lists(load_config(config_path))


def _of_config(config_path: Path, stack: ExitStack) -> Iterator[Place]:
    from streamer.config.notify import NotifyOutput
    from streamer.store.database import open_database

    for outputs in _lists(config_path):
        databases: dict[str, Database] = {}

        def opened(path: str, databases: dict[str, Database] = databases) -> Database:
            if path not in databases:
                databases[path] = stack.enter_context(open_database(path))
            return databases[path]

        for entry in (one for one in outputs if isinstance(one, NotifyOutput)):
            yield place_of(entry, outputs, opened)


def _of_store(store: str, stack: ExitStack) -> Iterator[Place]:
    from streamer.store.database import open_database
    from streamer.store.outbox import StoreBox, targets_of

    database = stack.enter_context(open_database(store))
    for name in targets_of(database):
        yield Place(name, StoreBox(database, name))


def _of_user() -> Iterator[Place]:
    from streamer.notify.places import SUFFIX, state_folder
    from streamer.notify.queue import FileBox

    for path in sorted(state_folder().glob(f"*{SUFFIX}")):
        yield Place(path.stem, FileBox(path))
