"""The fleet as it is: for the store (`alpr fleet status`), for Prometheus and for health checks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from streamer.cluster.fleet.control import Control, ShardState
from streamer.store.leases import Node

_READY_S = 15.0


def nodes_of(control: Control, at: int) -> list[Node]:
    """The nodes with their shards as one record each."""
    by_node: dict[str, list[ShardState]] = {}
    for shard in control.shards.values():
        by_node.setdefault(shard.node, []).append(shard)
    nodes = []
    for name, shards in sorted(by_node.items()):
        reports = [s.report for s in shards if s.report is not None]
        details: dict[str, Any] = {
            "state": state_of(control, shards),
            "cores": round(sum(s.cores for s in shards), 2),
            "load": round(sum(control.placement.load(s.name) for s in shards if control.placement.knows(s.name)), 2),
            "reason": next((s.refused for s in shards if s.refused), ""),
            "version": next((r.version for r in reports), ""),
            "waiting": sum(r.outbox.waiting for r in reports),
            "waiting_s": max((r.outbox.oldest_s for r in reports), default=0.0),
            "refused": sum(r.outbox.refused for r in reports),
            "dead": sum(r.outbox.dead for r in reports),
            "cameras": [one for s in shards for one in _cameras_of(control, s)],
        }
        nodes.append(Node(name, at, name in control.draining, details))
    return nodes


def state_of(control: Control, shards: Sequence[ShardState]) -> str:
    """One word for a node."""
    if all(s.refused for s in shards):
        return "refused"
    if all(s.dead for s in shards):
        return "dead"
    if all(s.dead or s.silent for s in shards):
        return "silent"
    if shards[0].node in control.draining:
        left = any(g.holder == s.process for s in shards for g in control.grants.values())
        return "draining" if left else "drained"
    return "behind" if any(control.placement.is_behind(s.name) for s in shards) else "up"


def _cameras_of(control: Control, shard: ShardState) -> Iterator[dict[str, Any]]:
    if shard.report is None or shard.dead:
        return
    for name, one in sorted(shard.report.cameras.items()):
        cost = control.placement.cost(name) if name in control.placement.where else None
        yield {
            "name": name, "state": one.state, "cost": None if cost is None else round(cost, 3), "age_s": one.age_s,
            "frames": one.frames, "dropped": one.dropped, "rows": one.rows, "silent_s": one.silent_s,
            "reconnects": one.reconnects, "error": one.error,
        }  # fmt: skip


class Board:
    """What is served at /metrics, /healthz and /readyz."""

    def __init__(self) -> None:
        self._nodes: Sequence[Node] = ()
        self._unread: list[str] = []
        self._short = 0.0
        self._store_error = ""
        self._moves = 0
        self._tokens: dict[str, int] = {}

    def show(self, control: Control, nodes: Sequence[Node], now_s: float, store_error: str) -> None:
        """The state after a step."""
        for name, grant in control.grants.items():
            if grant.token != self._tokens.get(name):
                self._moves += 1
                self._tokens[name] = grant.token
        reading = {c["name"] for n in nodes for c in n.details["cameras"] if c["state"] == "reading"}
        self._nodes, self._store_error = nodes, store_error
        self._unread = [name for name in control.placement.cameras if name not in reading]
        self._short = control.placement.short(now_s)

    def readiness(self) -> tuple[bool, str]:
        """Ready while every camera is read; with a text that says what is not."""
        parts = []
        if self._unread:
            parts.append(f"not read: {', '.join(self._unread[:20])}")
        if self._store_error:
            parts.append(f"store: {self._store_error}")
        if not parts:
            return True, "ready"
        return not self._unread, "; ".join(parts)

    def collect(self) -> Iterator[Metric]:
        """Called by prometheus_client."""
        states = GaugeMetricFamily("alpr_fleet_nodes", "Nodes by state", labels=["state"])
        for state in sorted({n.details["state"] for n in self._nodes}):
            states.add_metric([state], sum(n.details["state"] == state for n in self._nodes))
        yield states
        yield GaugeMetricFamily("alpr_fleet_unread_cameras", "Cameras without frames now", value=len(self._unread))
        yield GaugeMetricFamily("alpr_fleet_short_cores", "Cores that all nodes together lack", value=self._short)
        yield CounterMetricFamily("alpr_fleet_grants", "Times a camera was given to a process", value=self._moves)
        yield GaugeMetricFamily("alpr_fleet_store_up", "1 while the store answers", value=float(not self._store_error))
        of_nodes = {
            "cores": "Cores of a node", "load": "Cores that its cameras take", "waiting": "Entries not stored yet",
            "waiting_s": "Age of the oldest of them in seconds",
        }  # fmt: skip
        for key, text in of_nodes.items():
            name = "alpr_node_waiting_seconds" if key == "waiting_s" else f"alpr_node_{key}"
            gauge = GaugeMetricFamily(name, text, labels=["node"])
            for node in self._nodes:
                gauge.add_metric([node.name], node.details[key])
            yield gauge
        up = GaugeMetricFamily("alpr_camera_up", "1 while frames arrive, else 0", labels=["camera", "node"])
        age = GaugeMetricFamily("alpr_frame_age_seconds", "Age of the last frames when done", labels=["camera", "node"])
        cost = GaugeMetricFamily("alpr_camera_cores", "Cores that a camera takes", labels=["camera", "node"])
        dropped = CounterMetricFamily("alpr_dropped_frames", "Frames dropped to keep up", labels=["camera", "node"])
        rows = CounterMetricFamily("alpr_rows", "Final rows", labels=["camera", "node"])
        for node in self._nodes:
            for one in node.details["cameras"]:
                labels = [one["name"], node.name]
                up.add_metric(labels, float(one["state"] == "reading"))
                age.add_metric(labels, one["age_s"])
                cost.add_metric(labels, one["cost"] or 0.0)
                dropped.add_metric(labels, one["dropped"])
                rows.add_metric(labels, one["rows"])
        yield from (up, age, cost, dropped, rows)
