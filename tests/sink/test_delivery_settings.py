"""`delivery` of an entry of `outputs:`: what it means, for recordings and cameras, and what is refused."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from streamkit import alpr, drive, passage_of, write_video

from streamer.config.delivery import DeliveryConfig
from streamer.config.models import load_config
from streamer.errors import ConfigError, OutputError
from streamer.pipeline.fanout import Outputs
from streamer.sink.events import PassageFinal, StreamOpened
from streamer.sink.policy import CAMERA, CAMERA_PICTURES, RECORDING, Policy, Retry, policy_of
from streamer.sink.registry import OutputPlace, open_output
from streamer.sink.sink import BaseSink
from streamer.source.source import StreamInfo
from streamer.types import Passage


def row(number: int) -> PassageFinal:
    return PassageFinal("gate", passage_of(camera="gate", track_id=number, event_id=f"e{number}"))


def opened(*, live: bool) -> StreamOpened:
    return StreamOpened("gate", StreamInfo("gate", 320, 180, live=live))


class Rows(BaseSink):
    """Keeps numbers of rows; waits for `gate`, then fails while `failing` says so."""

    def __init__(self, delivery: DeliveryConfig | None = None, failing: int = 0) -> None:
        self.delivery, self.rows, self.threads = delivery, list[int](), set[str]()
        self.gate, self._failing = threading.Event(), failing

    def passage(self, passage: Passage) -> None:
        self.threads.add(threading.current_thread().name)
        self.gate.wait(20)
        self._failing -= 1
        if self._failing >= 0:
            raise OutputError("disk: full")
        self.rows.append(passage.track_id)


RETRIED = Retry(1.0, 60.0, None)


@pytest.mark.parametrize(
    ("given", "recording", "camera"),
    [
        ({}, RECORDING, CAMERA),
        ({"size": 9}, Policy(size=9), Policy("queue", 9, 4, "drop_oldest", RETRIED, 5.0)),
        ({"frames": 9}, Policy(frames=9), Policy("queue", 4000, 9, "drop_oldest", RETRIED, 5.0)),
        (
            {"when_full": "wait"},
            RECORDING,
            Policy("queue", 4000, 4, "wait", RETRIED, 5.0),
        ),
        (
            {"when_full": "drop_newest", "drain_s": 2},
            Policy(when_full="drop_newest", drain_s=2),
            Policy("queue", 4000, 4, "drop_newest", RETRIED, 2),
        ),
        ({"on_error": "retry"}, Policy(retry=RETRIED, drain_s=60), CAMERA),
        ({"on_error": "end"}, RECORDING, Policy("queue", 4000, 4, "drop_oldest", None, 5.0)),
        (
            {"retry": {"first_s": 2, "limit_s": 300}},
            Policy(retry=Retry(2, 60, 300), drain_s=60),
            Policy("queue", 4000, 4, "drop_oldest", Retry(2, 60, 300), 5.0),
        ),
        ({"mode": "inline"}, Policy("inline"), None),
    ],
    ids=str,
)
def test_settings_are_laid_over_what_holds_for_the_stream(
    given: dict[str, Any], recording: Policy, camera: Policy | None
) -> None:
    config = DeliveryConfig.model_validate(given)
    assert policy_of(config, live=False, pictures=False) == recording
    if camera is None:
        with pytest.raises(ConfigError, match="inline is for recordings"):
            policy_of(config, live=True, pictures=False)
    else:
        assert policy_of(config, live=True, pictures=False) == camera
    assert policy_of(DeliveryConfig(), live=True, pictures=True) == CAMERA_PICTURES


@pytest.mark.parametrize(
    ("delivery", "told"),
    [
        ("{size: 0}", r"delivery\.size: input should be greater than or equal to 1 \(got 0\)"),
        ("{frames: 65}", r"delivery\.frames: input should be less than or equal to 64"),
        ("{when_full: drop}", r"delivery\.when_full: .*'wait', 'drop_oldest' or 'drop_newest'"),
        ("{mode: direct}", r"delivery\.mode: .*'queue' or 'inline'"),
        ("{drain_s: -1}", r"delivery\.drain_s: input should be greater than 0"),
        ("{retries: 3}", r"delivery\.retries: unknown key: did you mean 'retry'"),
        ("{retry: {first_s: 0}}", r"delivery\.retry\.first_s: input should be greater than 0"),
        ("{retry: {first_s: 9, most_s: 3}}", r"delivery\.retry\.most_s: expected first_s \(9\) or more"),
        ("{on_error: end, retry: {limit_s: 3}}", r"delivery\.retry: on_error: end tries nothing again"),
        ("{mode: inline, size: 3}", r"delivery\.size: needs a queue"),
        ("{mode: inline, on_error: retry}", r"delivery\.on_error: needs a queue"),
        ("{mode: inline, retry: {limit_s: 3}}", r"delivery\.retry: needs a queue"),
        ("fast", r"delivery: "),
    ],
)
def test_a_wrong_setting_is_named_with_file_line_and_key(tmp_path: Path, delivery: str, told: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(f"outputs:\n  - type: csv\n    path: p.csv\n    delivery: {delivery}\n")
    with pytest.raises(ConfigError, match=rf"c\.yaml:4: outputs\.0\.{told}"):
        load_config(path)


def test_inline_is_refused_for_cameras_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(
        f"outputs: [{{type: csv, path: {tmp_path / 'p.csv'}, delivery: {{mode: inline}}}}]\n"
    )
    (output,) = load_config(tmp_path / "c.yaml").outputs
    with pytest.raises(ConfigError, match=r"outputs: csv: delivery\.mode: inline is for recordings"):
        open_output(output, OutputPlace(live=True))
    assert not (tmp_path / "p.csv").exists()


def test_inline_is_written_by_who_has_the_row() -> None:
    sink = Rows(DeliveryConfig(mode="inline"))
    sink.gate.set()
    outputs = Outputs([sink])
    outputs.put(opened(live=False))
    outputs.put(row(1))
    assert (sink.rows, sink.threads) == ([1], {threading.current_thread().name})
    outputs.close()


@pytest.mark.parametrize(("when_full", "kept"), [("drop_oldest", [1, 4, 5]), ("drop_newest", [1, 2, 3])])
def test_a_full_queue_of_a_recording_drops_where_told(when_full: Any, kept: list[int]) -> None:
    sink = Rows(DeliveryConfig(size=2, when_full=when_full))
    outputs = Outputs([sink])
    (delivery,) = outputs.deliveries
    outputs.put(opened(live=False))
    outputs.put(row(1))
    while not sink.threads:  # the first one is being written
        threading.Event().wait(0.001)
    for number in (2, 3, 4, 5):
        outputs.put(row(number))
    sink.gate.set()
    outputs.close()
    assert (sink.rows, delivery.dropped, outputs.error) == (kept, 2, None)


@pytest.mark.parametrize(
    ("given", "live", "rows", "failed"),
    [
        ({"retry": {"first_s": 0.001, "most_s": 0.002}}, False, [1, 2], False),
        ({"on_error": "end"}, True, [], True),
        ({}, False, [], True),
    ],
)
def test_what_cannot_be_written_is_tried_again_where_told(
    given: dict[str, Any], live: bool, rows: list[int], failed: bool
) -> None:
    sink = Rows(DeliveryConfig.model_validate(given), failing=3)
    sink.gate.set()
    outputs = Outputs([sink])
    outputs.put(opened(live=live))
    outputs.put(row(1))
    outputs.put(row(2))
    outputs.close()
    assert (sink.rows, outputs.error is not None) == (rows, failed)


def test_a_stopped_run_does_not_wait_for_room_for_ever() -> None:
    stop = threading.Event()
    sink = Rows(DeliveryConfig(size=1, when_full="wait", drain_s=0.01))
    outputs = Outputs([sink], stop=stop)
    outputs.put(opened(live=True))
    stop.set()
    for number in (1, 2, 3, 4):
        outputs.put(row(number))
    assert outputs.deliveries[0].dropped >= 2
    sink.gate.set()
    outputs.close()


def test_a_run_with_delivery_in_its_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import streamer.pipeline.engines as engines
    from streamer.testing import FakeDetector, FakeReader

    plain = engines.load_engines
    monkeypatch.setattr(engines, "load_engines", lambda config, *_: plain(config, FakeDetector(), FakeReader()))
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "a.avi", drive(12))
    Path("c.yaml").write_text(
        "outputs:\n  - {type: csv, path: plain.csv}\n  - {type: csv, path: inline.csv, delivery: {mode: inline}}\n"
        "  - {type: csv, path: small.csv, delivery: {size: 1, retry: {limit_s: 5}}}\n"
    )
    assert alpr("run", "a.avi", "--config", "c.yaml", "--quiet") == 0
    rows = {Path(f"{name}.csv").read_bytes() for name in ("plain", "inline", "small")}
    assert len(rows) == 1
    assert rows.pop().count(b"\n") == 2
