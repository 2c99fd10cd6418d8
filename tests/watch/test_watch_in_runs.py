"""Reports of lists as a sink gets them, from a run and from cameras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.config.models import RunConfig
from streamer.errors import ConfigError
from streamer.pipeline.runner import run_stream
from streamer.pipeline.site import run_site
from streamer.sink.events import WatchHit
from streamer.sink.sink import BaseSink
from streamer.testing import GREEN, FakeDetector, FakeReader, drive, write_video
from streamer.watch.lists import parse_list


class Reports(BaseSink):
    def __init__(self) -> None:
        self.hits: list[WatchHit] = []

    def watched(self, hit: WatchHit) -> None:
        self.hits.append(hit)


def config_of(tmp_path: Path, **more: Any) -> RunConfig:
    (tmp_path / "stolen.txt").write_text("GRN-777\n", encoding="utf-8")
    return RunConfig.model_validate({"watch": [{"name": "stolen", "file": str(tmp_path / "stolen.txt")}]} | more)


def told(hits: list[WatchHit]) -> list[tuple[str, str, str, int]]:
    return [(hit.stream, hit.match.plate, hit.status, hit.revision) for hit in hits]


def test_a_run_reports_the_living_track_and_the_row(tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.avi", drive(12, colour=GREEN))
    sink = Reports()
    summary = run_stream(video, [sink], config_of(tmp_path), detector=FakeDetector(), reader=FakeReader())
    assert told(sink.hits) == [("a.avi", "GRN-777", "provisional", 1), ("a.avi", "GRN-777", "final", 2)]
    assert sink.hits[0].passage.event_id == sink.hits[1].passage.event_id
    assert sink.hits[1].passage.posterior is not None
    assert summary.watch_hits == {"stolen": 1}


def test_cameras_report_to_the_sink_that_they_share(tmp_path: Path) -> None:
    write_video(tmp_path / "a.avi", drive(12, colour=GREEN))
    cameras = {name: {"url": str(tmp_path / "a.avi")} for name in ("gate", "yard")}
    config = config_of(tmp_path, cameras=cameras)
    config = config.model_copy(update={"watch": (config.watch[0].model_copy(update={"cameras": ("gate",)}),)})
    from streamer.pipeline.engines import Engines

    sink = Reports()
    summary = run_site(config, [sink], engines=Engines(FakeDetector(), FakeReader(), 0.5))
    assert {hit.stream for hit in sink.hits} == {"gate"}
    assert told(sink.hits)[-1][2] == "final"
    assert summary.watch_hits == {"stolen": 1}


@settings(max_examples=60)
@given(
    st.sampled_from([".csv", ".tsv", ".txt", ".yaml"]), st.binary(max_size=60) | st.text(max_size=60).map(str.encode)
)
def test_any_file_is_a_list_or_a_fault(suffix: str, data: bytes) -> None:
    lines: tuple[str, ...] = ()
    try:
        found = parse_list(Path(f"any{suffix}"), data).entries
    except ConfigError as error:
        found, lines = (), error.messages
    assert all(line.startswith(f"any{suffix}:") and "\n" not in line for line in lines)
    assert all(entry.text or entry.pattern for entry in found)
