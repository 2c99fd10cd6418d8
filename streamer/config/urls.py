"""Addresses as people write them: variables of the environment, passwords with characters that mean something in an
address, misspelt schemes."""

from __future__ import annotations

import difflib
import os
import re
from urllib.parse import quote

from streamer.config.plugins import SOURCES, plugins
from streamer.config.schemes import SCHEMES
from streamer.errors import ConfigError

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_COMMON = "rtsp", "rtsps", "http", "https", "rtmp"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_HOST = re.compile(r"(\[[^\s/@\]]+\]|(?:\$\{\w+\}|[^\s:/?#@\[\]%&=;,])+)(:(?:\d{1,5}|\$\{\w+\}))?(?=[/?#]|$)")
_STRAY_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
_HINT = "in a password write @ as %40, / as %2F, : as %3A, ? as %3F, # as %23, % as %25"
_HIGHEST_PORT = 65535
# Up to the last @ of an address: passwords hold slashes and quotes. One slash too: paths swallow the second.
_CREDENTIALS = re.compile(r"(\b[a-zA-Z][a-zA-Z0-9+.-]+:/{1,2})(?:(?!\b[a-zA-Z][a-zA-Z0-9+.-]+:/{1,2})[^\n])*@")
_QUERY = re.compile(r"(\b[a-zA-Z][a-zA-Z0-9+.-]+:/{1,2}[^\s?]*\?)[^\s'\"):]*")


def redact(text: str) -> str:
    """`text` with the user and password of every address in it, and what follows a `?`, replaced by `***`."""
    return _QUERY.sub(r"\1***", _CREDENTIALS.sub(r"\1***@", text))


def filled(template: str) -> str:
    """The address with each ${NAME} taken from the environment as it is: what stands for a user or password is encoded.
    ConfigError where a variable is not set or the address is malformed."""
    end = _credentials_end(template)

    def value(found: re.Match[str]) -> str:
        name = found.group(1)
        if name not in os.environ:
            raise ConfigError(f"cameras: ${{{name}}} is not set in the environment: export {name}=... first")
        given = os.environ[name]
        if found.start() >= end:
            return given
        whole = f"://{found.group(0)}@" in template  # user and password in one
        user, colon, password = given.partition(":") if whole else (given, "", "")
        return quote(user, safe="") + colon + quote(password, safe="")

    return checked(VARIABLE.sub(value, template))


def checked(address: str) -> str:
    """The address as FFmpeg wants it, its user and password encoded; ConfigError (which tells no part of those) where
    its scheme is unknown or its host or port is not one."""
    if "://" not in address:
        return address
    found = _SCHEME.fullmatch(address)
    scheme = found.group(1).lower() if found else address.partition("://")[0]
    if found is None or scheme not in SCHEMES:
        installed = installed_schemes()
        if scheme in installed:
            return address
        own = [name for name, one in SCHEMES.items() if one.made_by]
        near = difflib.get_close_matches(scheme, [*_COMMON, *own, *installed], n=1, cutoff=0.5)
        remedy = f"did you mean {near[0]}://?" if near else "expected one like rtsp:// or http://"
        if installed:
            remedy += f" (installed packages add {', '.join(f'{name}://' for name in installed)})"
        raise ConfigError(f"{scheme}://: unknown scheme of an address: {remedy}")
    if not SCHEMES[scheme].host:
        return address
    rest, end = found.group(2), _credentials_end(address)
    credentials = address[len(scheme) + 3 : end - 1] if end else ""
    place = address[end:] if end else rest
    host = _HOST.match(place)
    if host is None or (host.group(2) and not 0 < int(host.group(2)[1:]) <= _HIGHEST_PORT):
        raise ConfigError(
            f"{scheme}://...: malformed address: expected {scheme}://USER:PASSWORD@HOST:PORT/PATH; {_HINT}"
        )
    place = place.replace(" ", "%20")
    return f"{scheme}://{_encoded(credentials)}@{place}" if end else f"{scheme}://{place}"


def installed_schemes() -> list[str]:
    """Schemes that installed packages add (entry points `alpr.sources`); those of this program cannot be replaced."""
    return sorted(name for name in plugins(SOURCES) if name not in SCHEMES)


def hint() -> str:
    """What to do where a password may have been taken for something else."""
    return _HINT


def _encoded(credentials: str) -> str:
    user, colon, password = credentials.partition(":")
    safe = "%!$&'()*+,;=~"
    user, password = (quote(_STRAY_PERCENT.sub("%25", one), safe=safe) for one in (user, password))
    return user + colon + password


def _credentials_end(address: str) -> int:
    """Where the host begins behind user and password; 0 where there are none. A raw password may hold @ and /: the
    first reading that gives a host wins, unless a later one gives a surer one."""
    found = _SCHEME.fullmatch(address)
    if found is None:
        return 0
    begin, rest = found.start(2), found.group(2)
    slash = rest.find("/") if "/" in rest else len(rest)
    places = [k + 1 for k, sign in enumerate(rest) if sign == "@" and _HOST.match(rest, k + 1)]
    inside = [k for k in places if k <= slash and not _is_query(rest[:k])]
    later = [k for k in places if k > slash and ":" in rest[:k] and _is_sure(rest, k)]
    if inside and (_is_sure(rest, inside[-1]) or not later):
        return begin + inside[-1]
    head = _HOST.match(rest)
    plain = not inside and head is not None and (head.group(2) is None or _is_sure(rest, 0))
    if plain:
        return 0
    if later:
        return begin + later[-1]
    if head is None:
        outside = [k for k in places if ":" in rest[:k]]
        return begin + outside[-1] if outside else 0
    return 0


def _is_query(before: str) -> bool:
    """Whether an @ comes after a ? that no password holds."""
    return "?" in before and ":" not in before[: before.index("?")]


def _is_sure(rest: str, at: int) -> bool:
    """Whether it is a host beyond doubt: with a dot, in brackets, a variable or this machine."""
    host = _HOST.match(rest, at)
    name = host.group(1) if host else ""
    return "." in name or name.startswith(("[", "$")) or name == "localhost"
