"""Metrics of what waits to be sent to other programs, by target."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

_LABELS = ["target"]


def targets(sinks: Iterable[Any], now: float | None = None) -> Iterator[Metric]:
    """Of the sinks that have an outbox. One that cannot be read at the moment tells only what this run did."""
    moment = time.time() if now is None else now
    waiting = GaugeMetricFamily("alpr_notify_waiting", "Messages that wait in the outbox", labels=_LABELS)
    oldest = GaugeMetricFamily("alpr_notify_oldest_seconds", "Age of the oldest of them, 0 for none", labels=_LABELS)
    letters = GaugeMetricFamily("alpr_notify_dead_letters", "Dead letters in the outbox", labels=_LABELS)
    sent = CounterMetricFamily("alpr_notify_sent", "Messages that the target took", labels=_LABELS)
    dead = CounterMetricFamily("alpr_notify_dead", "Messages that became dead letters", labels=_LABELS)
    lost = CounterMetricFamily("alpr_notify_lost", "Messages dropped as the outbox was full", labels=_LABELS)
    for sink in sinks:
        totals = getattr(sink, "totals", None)
        if not isinstance(totals, tuple):
            continue
        for family, value in zip((sent, dead, lost), totals, strict=True):
            family.add_metric([sink.name], value)
        counts = sink.counts()
        if counts is not None:
            waiting.add_metric([sink.name], counts.waiting)
            letters.add_metric([sink.name], counts.dead)
            oldest.add_metric([sink.name], 0.0 if counts.oldest is None else max(0.0, moment - counts.oldest))
    if sent.samples:
        yield from (waiting, oldest, letters, sent, dead, lost)
