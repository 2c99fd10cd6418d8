"""A sink of an installed package as the rest of the program sees it: nothing that it says holds a secret of its
settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from streamer.config.secrets import Secrets
from streamer.errors import AlprError
from streamer.sink.events import Event
from streamer.sink.sink import Sink, Wants, name_of

_OWN = ("_inner", "_secrets")


class InstalledSink:
    """Writes to `inner`, a sink of a package, which is asked for and given all that is not here."""

    _inner: Sink
    _secrets: Secrets

    def __init__(self, inner: Sink, secrets: Secrets) -> None:
        self._inner, self._secrets = inner, secrets

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_inner"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _OWN:
            object.__setattr__(self, name, value)
        else:
            setattr(self._inner, name, value)

    @property
    def name(self) -> str:
        return self._secrets.hidden(name_of(self._inner))

    @property
    def wants(self) -> Wants:
        return self._inner.wants

    def write(self, event: Event) -> None:
        with self._faults():
            self._inner.write(event)

    def close(self) -> None:
        with self._faults():
            self._inner.close()

    def result(self) -> str:
        tell: Callable[[], str] = getattr(self._inner, "result", str)
        with self._faults():
            return self._secrets.hidden(tell() or "")

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            raise without_secrets(error, self._secrets) from None


def without_secrets(error: Exception, secrets: Secrets) -> Exception:
    """The error that may be shown: itself where it holds none."""
    if isinstance(error, AlprError):
        return secrets.cleaned(error)
    if isinstance(error, OSError):  # its class says whether to try again
        for name in ("strerror", "filename", "filename2"):
            if isinstance(value := getattr(error, name), str):
                setattr(error, name, secrets.hidden(value))
        error.args = tuple(secrets.hidden(one) if isinstance(one, str) else one for one in error.args)
        error.__cause__ = error.__context__ = None
        return error
    if all(secrets.hidden(text) == text for text in _texts(error)):
        return error
    return RuntimeError(secrets.reason(error)).with_traceback(error.__traceback__)


def _texts(error: BaseException) -> Iterator[str]:
    """The texts of an error and of those behind it, which a traceback shows."""
    seen: set[int] = set()
    rest: list[BaseException | None] = [error]
    while rest:
        one = rest.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield from (str(one), *getattr(one, "__notes__", ()))
            rest += [one.__cause__, one.__context__]
