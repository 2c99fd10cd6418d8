"""Metrics of what waits for other programs, and what they took."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from notifykit import FakeTarget, output_of, row, until
from prometheus_client.core import Metric

from streamer.config.outputs import as_output
from streamer.notify.message import Message
from streamer.notify.queue import FileBox
from streamer.notify.sink import NotifySink
from streamer.notify.target import Refused, Unavailable
from streamer.serve.metrics import Metrics
from streamer.serve.target_metrics import targets
from streamer.sink.delivery import Delivery
from streamer.store.database import open_database
from streamer.store.sink import StoreSink


def samples(metrics: list[Metric]) -> dict[str, float]:
    return {one.name: one.value for metric in metrics for one in metric.samples if one.labels == {"target": "gate"}}


def answers(message: Message) -> Exception | None:
    number = int(message.body["event_id"].removeprefix("gate"))
    return None if number == 1 else Refused("HTTP 422", final=True) if number == 2 else Unavailable("no connection")


@pytest.mark.parametrize("beside", ["a file", "a store"])
def test_waiting_dead_and_sent_are_told_by_target(tmp_path: Path, beside: str) -> None:
    output = output_of("{type: webhook, url: http://127.0.0.1:1/, attempts: {drain_s: 0.01}}")
    sink = NotifySink("gate", output, FileBox(tmp_path / "gate.outbox"), "id", FakeTarget(answers), live=True)
    store = StoreSink(str(tmp_path / "plates.db")) if beside == "a store" else None
    assert samples(list(targets([sink]))).get("alpr_notify_waiting") is None  # not open yet
    if store is not None:
        store.take_targets([sink])
    sink.begin_sending()
    for number in (1, 2, 3, 4):
        event = row(number)
        (store or sink).write(event)
    until(lambda: sink.totals == (1, 1, 0))
    told = samples(list(targets([sink, object()], now=time.time() + 50)))
    assert 50 <= told.pop("alpr_notify_oldest_seconds") < 110
    assert told == {
        "alpr_notify_waiting": 2, "alpr_notify_dead_letters": 1, "alpr_notify_sent_total": 1,
        "alpr_notify_dead_total": 1, "alpr_notify_lost_total": 0,
    }  # fmt: skip
    metrics = Metrics()
    metrics.add_deliveries([Delivery(sink)])
    assert samples(list(metrics.collect()))["alpr_notify_waiting"] == 2
    (store or sink).close()
    sink.close()
    assert "alpr_notify_waiting" not in samples(list(targets([sink])))  # closed: only what the run did


def test_runs_without_targets_tell_nothing_of_them(tmp_path: Path) -> None:
    assert list(targets([object()])) == []
    output = as_output({"type": "store", "path": str(tmp_path / "plates.db")})
    sink = StoreSink(output.path)
    assert list(targets([sink])) == []
    sink.close()
    open_database(tmp_path / "plates.db").close()
