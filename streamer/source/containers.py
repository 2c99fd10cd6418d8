"""Opening a container of PyAV: from a file, a pipe, an address, or part by part from a transport stream."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streamer.config.models import LiveConfig
from streamer.config.urls import redact
from streamer.errors import InputError
from streamer.source.address import open_failure
from streamer.source.faults import fault_of
from streamer.source.live import opening
from streamer.source.pipes import open_pipe
from streamer.source.transport import HEAD, TransportParts, as_stream, layout_of

_LIST = b"ffconcat"


class ContainerInput:
    """What the containers of one source are read from. A transport stream whose video changes in the middle has
    several parts, each a container of its own; everything else has one."""

    def __init__(self, address: str, name: str, config: LiveConfig, *, live: bool, recorded: bool, piped: bool) -> None:
        self._address, self._name, self._config = address, name, config
        self._live, self._recorded, self._piped = live, recorded, piped
        self._file: Any = None  # what is read, where FFmpeg does not open it itself
        self._parts: TransportParts | None = None

    def open(self) -> Any:
        """The first container; InputError (SourceFault for a live address) where it cannot be opened."""
        address = self._address
        arguments: dict[str, Any] = {"file": address}
        if self._live or self._recorded:
            arguments |= opening(address, self._config, recorded=self._recorded)
        elif self._piped:
            self._file, head = open_pipe(address, self._name)
            arguments = self._from_file(head)
        else:
            _check_file(Path(address), self._name)
            arguments["file"] = str(Path(address).absolute())  # a name with a colon must not look like a protocol
            with Path(address).open("rb") as file:
                head = file.read(HEAD)
            if layout_of(head) is not None:
                self._file = Path(address).open("rb")  # noqa: SIM115 - closed by close()
                arguments = self._from_file(head)
        return self._open(arguments)

    def advance(self) -> bool:
        """Moves to the next part; False where there is none."""
        return self._parts is not None and self._parts.next() is not None

    def open_part(self) -> Any:
        """The container of the current part; InputError where it cannot be opened."""
        assert self._parts is not None
        return self._open(as_stream(self._parts.part))

    def close(self) -> None:
        """Closes the file, after its containers are closed."""
        file, self._file, self._parts = self._file, None, None
        if file is not None:
            file.close()

    def _from_file(self, head: bytes) -> dict[str, Any]:
        """The arguments of `av.open` for the open file: by parts, where it is a transport stream."""
        size = layout_of(head)
        if size is None:
            return {"file": self._file}
        self._parts = TransportParts(self._file, size)
        return as_stream(self._parts.part)

    def _open(self, arguments: dict[str, Any]) -> Any:
        import av

        try:
            return av.open(metadata_errors="replace", **arguments)
        except (av.FFmpegError, OSError, ValueError) as error:
            if self._live:
                raise fault_of(self._name, self._address, error) from None
            raise InputError(self._message(error)) from None

    def _message(self, error: Exception) -> str:
        if self._recorded:
            return open_failure(self._name, error)
        reason = redact(getattr(error, "strerror", None) or str(error))
        return f"{self._name}: not a video that can be read ({reason}): damaged, cut off before its index, or no video"


def _check_file(path: Path, name: str) -> None:
    """InputError for the faults that FFmpeg's messages do not explain."""
    if not path.exists():
        raise InputError(f"{path}: no such file: check the path", at=path)
    if path.is_fifo():
        return  # opening it here would consume its first bytes
    if not path.is_file():
        raise InputError(f"{path}: is not a file that can be read as a video", at=path)
    try:
        with path.open("rb") as stream:
            first = stream.read(len(_LIST))
        if not first:
            raise InputError(f"{name}: is empty (0 bytes): copy or record it again", at=name)
        if first == _LIST:  # FFmpeg would open any file that it names, and may loop for ever
            raise InputError(
                f"{name}: is a list of other files, no video: give those one by one, or their folder", at=name
            )
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}): check its permissions", at=path) from None
