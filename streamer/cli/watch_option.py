"""Lists of plates that options name, and their check before anything is opened."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from streamer.errors import ConfigError

if TYPE_CHECKING:
    from streamer.config.models import RunConfig
    from streamer.config.outputs import Output

# Types of outputs that have nothing to say of lists.
_SILENT = {"csv", "platerecognizer", "video", "crops", "snapshots", "mot", "ledger", "record", "window"}


def with_lists(config: RunConfig, paths: Sequence[str]) -> RunConfig:
    """The configuration with these lists added, each under the name of its file."""
    from streamer.config.watch import WatchConfig

    if not paths:
        return config
    taken = {one.name for one in config.watch} | {w.name for c in config.cameras.values() for w in c.watch}
    added = []
    for path in paths:
        name = Path(path).stem
        if not name:
            raise ConfigError(f"--watch {path!r}: expected a file: a .csv, .txt or .yaml with plates")
        if name in taken:
            raise ConfigError(
                f"--watch {path}: another list has the name {name!r}: rename the file, or give both in --config, below "
                "watch:, each with a name"
            )
        taken.add(name)
        added.append(WatchConfig(name=name, file=path))
    return config.model_copy(update={"watch": (*config.watch, *added)})


def check_lists(config: RunConfig) -> None:
    """ConfigError for every fault of a list: before outputs of an earlier run are replaced."""
    if config.watch or any(camera.watch for camera in config.cameras.values()):
        from streamer.watch.watcher import WatchLists

        WatchLists(config)


def warn_unseen(config: RunConfig, outputs: Sequence[Output]) -> None:
    """Warns where lists are configured and no output says what they report."""
    lists = config.watch or any(camera.watch for camera in config.cameras.values())
    every = [*outputs, *(output for camera in config.cameras.values() for output in camera.outputs)]
    if lists and all(output.type in _SILENT for output in every):
        from streamer.cli.console import warn

        warn("no output says which rows the lists of plates report: add --jsonl FILE or --output terminal")
