"""Sources by the scheme of their addresses: those of this program (SCHEMES), and those of installed packages. There an
entry point in the group `alpr.sources`, whose name is the scheme (`ndi` for `ndi://studio`), names a class that is made
with the address and a `SourcePlace`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module

from streamer.config.models import LiveConfig
from streamer.config.plugins import SOURCES, load_plugin, origin
from streamer.config.schemes import SCHEMES
from streamer.config.secrets import Secrets
from streamer.config.urls import checked, installed_schemes, redact
from streamer.errors import AlprError, ConfigError, InputError
from streamer.source.address import scheme_of
from streamer.source.installed_source import wrapped
from streamer.source.source import Source

_NEEDED = ("name", "live", "warnings", "open", "frames", "close")
_NEEDED_LIVE = ("again", "finite")


@dataclass(frozen=True)
class SourcePlace:
    """What a source is made for. `name`: the address without user and password, for rows and log lines. `start_time`:
    when second 0 was recorded, where that was given; `live`: time limits of cameras; `video_track`: as given, counted
    from 1."""

    name: str
    start_time: datetime | None = None
    live: LiveConfig = field(default_factory=LiveConfig)
    video_track: int | None = None


def has_source(address: str) -> bool:
    """Whether addresses of this scheme have a source of their own (SCHEMES, or an installed package) and are not for
    FFmpeg."""
    scheme = scheme_of(address)
    return scheme in installed_schemes() or (scheme in SCHEMES and SCHEMES[scheme].made_by is not None)


def open_by_scheme(
    address: str, *, start_time: datetime | None = None, live: LiveConfig | None = None, video_track: int | None = None
) -> Source:
    """The source that the scheme of the address has; it is not opened yet."""
    scheme = SCHEMES.get(scheme_of(address))
    if scheme is None or scheme.made_by is None:
        return open_installed(address, start_time=start_time, live=live, video_track=video_track)
    module, _, name = scheme.made_by.partition(":")
    make: Callable[[str, SourcePlace], Source] = getattr(import_module(module), name)
    return make(address, SourcePlace(redact(address), start_time, live or LiveConfig(), video_track))


def open_installed(
    address: str, *, start_time: datetime | None = None, live: LiveConfig | None = None, video_track: int | None = None
) -> Source:
    """The source that a package makes of the address; it is not opened yet. ConfigError says in one line what is wrong
    with the package."""
    scheme = scheme_of(address)
    make = load_plugin(SOURCES, scheme)
    package = f"{scheme} of {origin(SOURCES, scheme)}"
    secrets = Secrets.of_address(address).kept()
    place = SourcePlace(redact(address), start_time, live or LiveConfig(), video_track)
    try:
        source = make(address, place)
    except AlprError as error:
        raise secrets.cleaned(error) from None
    except (ValueError, ArithmeticError) as error:  # of a value in the address
        raise ConfigError(
            f"{place.name}: is no address for {SOURCES}: {package} ({secrets.reason(error)}): check its values",
            at=place.name,
        ) from None
    except Exception as error:  # whatever the package raises
        raise ConfigError(
            f"{SOURCES}: {package}: fails with {place.name} ({secrets.reason(error)}): it is made with the address and "
            "a SourcePlace; mend or uninstall it",
            at=place.name,
        ) from None
    needed = (*_NEEDED, *(_NEEDED_LIVE if getattr(source, "live", False) else ()))
    if lacking := [attribute for attribute in needed if not hasattr(source, attribute)]:
        raise ConfigError(
            f"{SOURCES}: {package}: its source has no {lacking[0]} (see streamer.Source): mend or uninstall it"
        )
    return wrapped(source, secrets, place.name, f"{SOURCES}: {package}")


def check_sources(addresses: Iterable[str]) -> None:
    """ConfigError where an address needs a package that cannot be loaded, or that does not take the address."""
    for address in addresses:
        if has_source(checked(address)):
            with suppress(InputError):  # it may be reachable later
                open_by_scheme(address).close()
