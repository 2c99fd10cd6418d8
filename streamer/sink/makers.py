"""What makes the sinks of this program of their settings (see `streamer.config.outputs.BUILT_IN`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streamer.config.outputs import FileOutput, JsonlOutput, Output, PicturesOutput, RowsOutput, VideoOutput
from streamer.config.overlay import overlaid
from streamer.sink.names import Template
from streamer.sink.registry import OutputPlace
from streamer.sink.sink import Sink

_ROWS = frozenset(("fsync", "rotate_mb"))


def _rows(output: RowsOutput, place: OutputPlace) -> dict[str, Any]:
    config = overlaid(place.config.rows, output, _ROWS)
    return {"append": place.keeps(output), "config": config}


def csv(output: RowsOutput, place: OutputPlace) -> Sink:
    from streamer.sink.csv import CsvSink
    from streamer.sink.platerecognizer import PlateRecognizerSink

    kind = PlateRecognizerSink if output.type == "platerecognizer" else CsvSink
    return kind(Path(output.path), **_rows(output, place))


def jsonl(output: JsonlOutput, place: OutputPlace) -> Sink:
    from streamer.sink.jsonl import JsonlSink

    return JsonlSink(Path(output.path), provisional=output.provisional, **_rows(output, place))


def pictures(output: PicturesOutput, place: OutputPlace) -> Sink:
    from streamer.sink.crops import CropSink
    from streamer.sink.snapshots import SnapshotSink

    limits = overlaid(place.config.pictures, output, frozenset(type(place.config.pictures).model_fields))
    return (CropSink if output.type == "crops" else SnapshotSink)(Path(output.path), limits)


def video(output: VideoOutput, place: OutputPlace) -> Sink:
    path = Path(output.path)
    config = overlaid(place.config.video, output, frozenset(type(place.config.video).model_fields))
    if place.live or "{" in output.path:
        from streamer.sink.segments import SegmentedVideoSink

        return SegmentedVideoSink(path, config, camera=place.camera, keep=place.keeps(output))
    from streamer.sink.video import VideoFolderSink, VideoSink

    return VideoFolderSink(path, config) if output.is_folder(path) else VideoSink(path, config)


def _named(output: FileOutput, place: OutputPlace) -> Path:
    """The path of an output of one stream, {camera} filled in where cameras are read."""
    if "{camera}" not in output.path or place.camera is None:
        return Path(output.path)
    from datetime import datetime

    return Template(Path(output.path), ("camera", "date", "hour", "time")).filled(datetime.now(), camera=place.camera)


def mot(output: FileOutput, place: OutputPlace) -> Sink:
    from streamer.sink.mot import MotSink

    return MotSink(_named(output, place), keep=place.keeps(output))


def record(output: FileOutput, place: OutputPlace) -> Sink:
    from streamer.sink.record import RecordSink

    assert place.networks is not None
    return RecordSink(_named(output, place), place.networks, keep=place.keeps(output))


def ledger(output: FileOutput, place: OutputPlace) -> Sink:
    from streamer.sink.ledger import LedgerSink

    return LedgerSink(Path(output.path), append=place.keeps(output))


def window(output: Output, place: OutputPlace) -> Sink:
    from streamer.sink.window import WindowSink

    return WindowSink(on_quit=place.on_quit)


def terminal(output: Output, place: OutputPlace) -> Sink:
    from streamer.sink.terminal import terminal_sink

    return terminal_sink(provisional=False) if place.terminal is None else place.terminal()
