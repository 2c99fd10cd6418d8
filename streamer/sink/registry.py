"""The sink of an entry of `outputs:`, by its type: those of this program, and of packages with an entry point in the
group `alpr.sinks`, which names a class that has `Settings` and is made with those and an `OutputPlace`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streamer.config.models import RunConfig
from streamer.config.outputs import FileOutput, JsonlOutput, Output, PicturesOutput, RowsOutput, VideoOutput
from streamer.config.overlay import overlaid
from streamer.config.plugins import SINKS, load_plugin, origin
from streamer.config.secrets import Secrets
from streamer.errors import AlprError, ConfigError, OutputError
from streamer.sink.installed_sink import InstalledSink
from streamer.sink.names import Template
from streamer.sink.policy import policy_of
from streamer.sink.sink import Sink
from streamer.source.recording import Networks

PER_STREAM = ("video", "mot", "record")  # one file a camera
_ROWS = frozenset(("fsync", "rotate_mb"))


@dataclass(frozen=True)
class OutputPlace:
    """What a sink is made for. `camera`: the only camera, or the name that rows get; None where there are several.
    `live`: whether all that is read are cameras; `append`: what --append and --replace say."""

    config: RunConfig = field(default_factory=RunConfig)
    camera: str | None = None
    live: bool = False
    append: bool | None = None
    networks: Networks | None = None
    on_quit: Callable[[], None] | None = None
    terminal: Callable[[], Sink] | None = None

    def keeps(self, output: FileOutput) -> bool:
        """Whether what is there is kept: by the command line, else by the entry, else as it is for cameras."""
        chosen = output.append if self.append is None else self.append
        return self.live if chosen is None else chosen


def open_output(output: Output, place: OutputPlace) -> Sink:
    """The sink, which has proved that it can be written; OutputError or ConfigError where not."""
    try:
        policy_of(output.delivery, live=place.live, pictures=False)
    except ConfigError as error:
        raise ConfigError(f"outputs: {output.type}: delivery.{error}") from None
    make = _MAKERS.get(output.type)
    sink = _installed(output, place) if make is None else make(output, place)
    if output.delivery.model_fields_set:
        sink.delivery = output.delivery  # type: ignore[attr-defined]
    return sink


def _installed(output: Output, place: OutputPlace) -> Sink:
    """The sink of a package; ConfigError says in one line what is wrong with the package."""
    make = load_plugin(SINKS, output.type, ["Settings"])
    where = f"{SINKS}: {output.type} of {origin(SINKS, output.type)}"
    secrets = Secrets.of_settings(output).kept()
    try:
        sink = make(output, place)
    except AlprError as error:
        raise secrets.cleaned(error) from None
    except OSError as error:
        reason = secrets.hidden(str(error))
        raise OutputError(f"{output.type}: cannot be written ({reason}): check where it is to be written") from None
    except Exception as error:  # whatever the package raises
        raise ConfigError(
            f"{where}: fails ({secrets.reason(error)}): it is made with its settings and an OutputPlace; mend or "
            "uninstall it"
        ) from None
    if not isinstance(sink, Sink):
        raise ConfigError(f"{where}: gives no sink: it needs wants, write and close (see streamer.BaseSink): mend it")
    return InstalledSink(sink, secrets)


def open_outputs(outputs: Sequence[Output], place: OutputPlace) -> list[Sink]:
    """The sinks of all entries, in an order in which a passage's pictures are there when its row is written; those
    opened already are closed where a later one fails."""
    sinks: list[Sink] = []
    try:
        for output in outputs:
            sinks.append(open_output(output, place))  # noqa: PERF401 - a comprehension would lose those to close
    except BaseException:
        for sink in sinks:
            sink.close()
        raise
    return pictures_first(sinks)


def pictures_first(sinks: Sequence[Sink]) -> list[Sink]:
    """The sinks with those of pictures first; rows that may name a picture get to know them."""
    pictures = [s for s in sinks if hasattr(s, "path_of")]
    pictures.sort(key=lambda s: not getattr(s, "wants_snapshots", False))  # the whole frame is the better answer
    for sink in sinks:
        if hasattr(sink, "pictures"):
            sink.pictures = tuple(pictures)
    return [*pictures, *(s for s in sinks if s not in pictures)]


def _rows(output: RowsOutput, place: OutputPlace) -> dict[str, Any]:
    config = overlaid(place.config.rows, output, _ROWS)
    return {"append": place.keeps(output), "config": config}


def _csv(output: RowsOutput, place: OutputPlace) -> Sink:
    from streamer.sink.csv import CsvSink
    from streamer.sink.platerecognizer import PlateRecognizerSink

    kind = PlateRecognizerSink if output.type == "platerecognizer" else CsvSink
    return kind(Path(output.path), **_rows(output, place))


def _jsonl(output: JsonlOutput, place: OutputPlace) -> Sink:
    from streamer.sink.jsonl import JsonlSink

    return JsonlSink(Path(output.path), provisional=output.provisional, **_rows(output, place))


def _pictures(output: PicturesOutput, place: OutputPlace) -> Sink:
    from streamer.sink.crops import CropSink
    from streamer.sink.snapshots import SnapshotSink

    limits = overlaid(place.config.pictures, output, frozenset(type(place.config.pictures).model_fields))
    return (CropSink if output.type == "crops" else SnapshotSink)(Path(output.path), limits)


def _video(output: VideoOutput, place: OutputPlace) -> Sink:
    path = Path(output.path)
    config = overlaid(place.config.video, output, frozenset(type(place.config.video).model_fields))
    if place.live or "{" in output.path:
        from streamer.sink.segments import SegmentedVideoSink

        return SegmentedVideoSink(path, config, camera=place.camera, keep=place.keeps(output))
    from streamer.sink.video import VideoFolderSink, VideoSink

    return VideoFolderSink(path, config) if path.is_dir() or not path.suffix else VideoSink(path, config)


def _named(output: FileOutput, place: OutputPlace) -> Path:
    """The path of an output of one stream, {camera} filled in where cameras are read."""
    if "{camera}" not in output.path or place.camera is None:
        return Path(output.path)
    from datetime import datetime

    return Template(Path(output.path), ("camera", "date", "hour", "time")).filled(datetime.now(), camera=place.camera)


def _mot(output: FileOutput, place: OutputPlace) -> Sink:
    from streamer.sink.mot import MotSink

    return MotSink(_named(output, place), keep=place.keeps(output))


def _record(output: FileOutput, place: OutputPlace) -> Sink:
    from streamer.sink.record import RecordSink

    assert place.networks is not None
    return RecordSink(_named(output, place), place.networks, keep=place.keeps(output))


def _ledger(output: FileOutput, place: OutputPlace) -> Sink:
    from streamer.sink.ledger import LedgerSink

    return LedgerSink(Path(output.path), append=place.keeps(output))


def _window(output: Output, place: OutputPlace) -> Sink:
    from streamer.sink.window import WindowSink

    return WindowSink(on_quit=place.on_quit)


def _terminal(output: Output, place: OutputPlace) -> Sink:
    from streamer.sink.terminal import terminal_sink

    return terminal_sink(provisional=False) if place.terminal is None else place.terminal()


_MAKERS: dict[str, Callable[[Any, OutputPlace], Sink]] = {
    "csv": _csv,
    "platerecognizer": _csv,
    "jsonl": _jsonl,
    "video": _video,
    "crops": _pictures,
    "snapshots": _pictures,
    "mot": _mot,
    "ledger": _ledger,
    "record": _record,
    "window": _window,
    "terminal": _terminal,
}
