"""Secrets of addresses and settings, taken out of what an installed package says: it need not know `redact`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, unquote_plus

from pydantic import BaseModel, SecretBytes, SecretStr

from streamer.config.urls import redact
from streamer.errors import AlprError, ConfigError, InputError, ModelError, OutputError

_NAMED = re.compile(
    r"passw|passphrase|(^|[_-])(pass|pw|sig)($|[_-])|pwd|secret|token|credential|signature|authori[sz]ation|"
    r"(api|access|private)[_-]?key",
    re.I,
)
_HARMLESS = re.compile(r"[\d.:x/+-]*|true|false|yes|no|null", re.I)
_SHORT = 4  # characters; a shorter value may stand in any log line
_LONG = 6  # a shorter secret is replaced only where it is no part of a word
_KINDS = ConfigError, InputError, OutputError, ModelError, AlprError


class Secrets:
    """Texts that must not be shown; each is known as it was written, decoded and encoded."""

    def __init__(self, texts: Sequence[str], likely: Iterable[str] = ()) -> None:
        """`likely`: texts that are secrets perhaps, and words of other log lines as well."""
        self._sure = [form for form in _forms(texts) if len(form) >= _SHORT]
        parts = [re.escape(text) if len(text) >= _LONG else _alone(text) for text in _forms([*texts, *likely])]
        self._pattern = re.compile("|".join(parts)) if parts else None

    @classmethod
    def of_address(cls, address: str) -> Secrets:
        """User and password of an address, and what stands in its query, whatever a package makes of it."""
        return cls(list(_of_address(address)), _of_query(address))

    @classmethod
    def of_settings(cls, settings: BaseModel) -> Secrets:
        """Those of the addresses in settings, and values whose keys are named like a secret's."""
        return cls.of_value("", settings)

    @classmethod
    def of_value(cls, key: str, value: Any) -> Secrets:
        """The same of one value."""
        texts = list(_walk(key, value))
        sure = [secret for name, text in texts for secret in (*_of_address(text), *([text] * _is_named(name)))]
        return cls(sure, [secret for _, text in texts for secret in _of_query(text)])

    def kept(self) -> Secrets:
        """Itself; its texts are taken out of all log lines from now on (see `shown`)."""
        _known.update(self._sure)
        return self

    def hidden(self, text: str) -> str:
        """`text` with every secret in it replaced by `***`, in one line as it was."""
        text = redact(text)
        return text if self._pattern is None else self._pattern.sub("***", text)

    def cleaned(self, error: AlprError) -> AlprError:
        """The error without secrets in its texts and attributes and without the errors behind it; of its own class
        unless that brings them back."""
        error.args = tuple(self._without(value) for value in error.args)
        for name, value in list(vars(error).items()):
            setattr(error, name, self._without(value))
        error.__cause__ = error.__context__ = None
        error.__suppress_context__ = True
        told = str(error)
        if self.hidden(told) != told:
            kind = next(one for one in _KINDS if isinstance(error, one))
            return kind(self.hidden(told), key=error.key)
        return error

    def reason(self, error: BaseException) -> str:
        """Class and text of an error in one line."""
        return f"{type(error).__name__}: {' '.join(self.hidden(str(error)).split())}"

    def _without(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.hidden(value)
        if isinstance(value, Path):
            return Path(self.hidden(str(value)))
        if type(value) in (list, tuple):
            return type(value)(self._without(one) for one in value)
        return self.hidden(repr(value)) if isinstance(value, BaseException) else value


_known: set[str] = set()


def shown(text: str) -> str:
    """`text` without addresses' passwords and without any secret that was kept."""
    text = redact(text)
    for secret in sorted(_known, key=len, reverse=True):
        if secret in text:
            text = re.sub(_alone(secret), "***", text)
    return text


def _alone(secret: str) -> str:
    """The pattern of a text that is no part of a word."""
    return rf"(?<!\w){re.escape(secret)}(?!\w)"


def _forms(texts: Iterable[str]) -> list[str]:
    forms = {form for text in texts for form in (text, unquote(text), unquote_plus(text), quote(text, safe=""))}
    return sorted((form for form in forms if form), key=len, reverse=True)


def _of_address(address: str) -> Iterator[str]:
    _, _, rest = address.partition("://")
    if not rest:
        return
    place, _, query = rest.partition("?")
    for before in (rest.rpartition("@")[0], place.partition("/")[0].rpartition("@")[0]):
        user, colon, password = before.partition(":")
        yield before
        yield password if colon else user
    for key, value in parse_qsl(query):
        if _is_named(key):
            yield value


def _of_query(address: str) -> list[str]:
    """Values behind the `?` that are no mere numbers or switches."""
    values = [value for _, value in parse_qsl(address.partition("?")[2])]
    return [value for value in values if len(value) >= _SHORT and not _HARMLESS.fullmatch(value)]


def _is_named(key: str) -> bool:
    return bool(_NAMED.search(key))


def _walk(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """All texts and numbers in a value, each with its key."""
    if isinstance(value, BaseModel):
        for key in type(value).model_fields:
            yield from _walk(key, getattr(value, key))
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _walk(str(key), one)
    elif isinstance(value, list | tuple | set | frozenset):
        for one in value:
            yield from _walk(name, one)
    elif isinstance(value, SecretStr):
        yield "password", value.get_secret_value()
    elif isinstance(value, SecretBytes):
        yield "password", value.get_secret_value().decode(errors="replace")
    elif isinstance(value, str | int) and not isinstance(value, bool):
        yield name, str(value)
