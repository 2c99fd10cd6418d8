"""What other installed packages add, found by entry points: sinks, sources, trackers."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from streamer.errors import ConfigError

SINKS = "alpr.sinks"
SOURCES = "alpr.sources"
TRACKERS = "alpr.trackers"


@cache
def plugins(group: str) -> dict[str, EntryPoint]:
    """Those of a group by name; none is imported yet."""
    return {entry.name: entry for entry in entry_points(group=group)}


def load_plugin(group: str, name: str, needs: Iterable[str] = ()) -> Any:
    """What an entry point names; ConfigError says in one line what is wrong with a broken one. `needs`: attributes that
    it must have."""
    entry, package = plugins(group)[name], origin(group, name)
    several = {other.value: other for other in entry_points(group=group, name=name)}
    if len(several) > 1:
        both = " and ".join(f"{value} of {_package(other)}" for value, other in sorted(several.items()))
        raise ConfigError(f"{group}: {name}: {both} have this name: uninstall one")
    try:
        found = entry.load()
    except Exception as error:  # whatever its module raises
        raise ConfigError(
            f"{group}: {name} of {package} cannot be loaded ({type(error).__name__}: {' '.join(str(error).split())}): "
            f"mend or uninstall {package}"
        ) from None
    if not callable(found):
        raise ConfigError(
            f"{group}: {name} of {package} ({entry.value}): expected a class, not {type(found).__name__}: mend it"
        )
    if lacking := [attribute for attribute in needs if not hasattr(found, attribute)]:
        raise ConfigError(f"{group}: {name} of {package} ({entry.value}) has no {lacking[0]}: mend it")
    return found


def origin(group: str, name: str) -> str:
    """The package that a name of a group comes from."""
    return _package(plugins(group)[name])


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "an unknown package"
