"""A source of an installed package as the rest of the program sees it: nothing that it says holds a secret of its
address, and what fails in it is the failure of that input."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from streamer.config.secrets import Secrets
from streamer.errors import AlprError, InputError
from streamer.source.source import StreamInfo
from streamer.types import Frame

_log = logging.getLogger(__name__)


class InstalledSource:
    """Reads `inner`, a source of a package. `place`: its address without secrets; `package`: names it in errors."""

    def __init__(self, inner: Any, secrets: Secrets, place: str, package: str) -> None:
        self._inner, self._secrets, self._place, self._package = inner, secrets, place, package
        self.warnings: list[str] = []
        self._take()

    def __getattr__(self, name: str) -> Any:
        """What else the source has, like `threads` or `address`; texts without secrets."""
        value = getattr(self.__dict__["_inner"], name)
        return self._secrets.hidden(value) if isinstance(value, str) else value

    @property
    def threads(self) -> int | None:
        """The source's limit; 0 where it has none."""
        return getattr(self._inner, "threads", 0)

    @threads.setter
    def threads(self, most: int | None) -> None:
        self._inner.threads = most

    def open(self) -> StreamInfo:
        with self._faults():
            info = self._inner.open()
            if not isinstance(info, StreamInfo):
                raise TypeError(f"open() gave {type(info).__name__}, expected streamer.StreamInfo")
        hidden = self._secrets.hidden
        return replace(
            info,
            name=hidden(str(info.name)),
            identity=hidden(str(info.identity)),
            events=hidden(str(info.events)),
            address=hidden(str(info.address)),
        )

    def frames(self) -> Iterator[Frame]:
        with self._faults():
            yield from self._inner.frames()

    def close(self) -> None:
        try:
            self._inner.close()
        except Exception as error:  # whatever the package raises: it is closed
            self._explain(error)
        self._take()

    def _take(self) -> None:
        """Name, kind and warnings as the source has them now."""
        self.name, self.live = self._secrets.hidden(str(self._inner.name)), bool(self._inner.live)
        self.warnings[:] = [self._secrets.hidden(str(text)) for text in self._inner.warnings]

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except AlprError as error:
            raise self._secrets.cleaned(error) from None
        except OSError as error:
            reason = self._secrets.reason(error)
            raise InputError(f"{self._place}: cannot be read ({reason}): check the address", at=self._place) from None
        except Exception as error:  # whatever the package raises
            self._explain(error)
            raise InputError(
                f"{self._place}: {self._package} fails ({self._secrets.reason(error)}): check the address; if it is "
                "right, mend or uninstall the package",
                at=self._place,
            ) from None
        finally:
            self._take()

    def _explain(self, error: BaseException) -> None:
        text = "".join(traceback.format_exception(error))
        _log.debug("%s", self._secrets.hidden(text))


class RepeatableSource(InstalledSource):
    """One that can be read again."""

    def again(self) -> RepeatableSource:
        with self._faults():
            return type(self)(self._inner.again(), self._secrets, self._place, self._package)


class ReopeningSource(RepeatableSource):
    """One that can be reconnected."""

    @property
    def finite(self) -> bool:
        return bool(self._inner.finite)


def wrapped(inner: Any, secrets: Secrets, place: str, package: str) -> InstalledSource:
    """The source with what it can do."""
    kind: type[InstalledSource] = InstalledSource
    if hasattr(inner, "again"):
        kind = ReopeningSource if hasattr(inner, "finite") else RepeatableSource
    return kind(inner, secrets, place, package)
