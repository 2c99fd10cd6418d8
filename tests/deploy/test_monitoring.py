"""The dashboard and the alert rules ask for metrics and labels that a run has."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics_core import Metric

from streamer.notify.queue import Counts
from streamer.serve.metrics import Metrics
from streamer.sink.delivery import Delivery
from streamer.sink.policy import RECORDING
from streamer.sink.sink import BaseSink
from streamer.source.health import Health
from streamer.types import RunSummary

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "deploy" / "grafana" / "alpr.json"
RULES = ROOT / "deploy" / "prometheus" / "alpr.rules.yml"
FROM_PROMETHEUS = {"instance", "job"}  # labels that it adds itself


class Target(BaseSink):
    """One that sends rows to another program."""

    totals = (1, 0, 0)

    def counts(self) -> Counts:
        return Counts(1, 0, 0, 1.0)


def samples() -> dict[str, set[str]]:
    """The names of all samples that a run with a camera and an output serves, each with its labels."""
    metrics = Metrics()
    metrics.watch("gate", RunSummary(rejected={"nothing legible": 1}), Health(faults={"silent": 1}, wakes={"plate": 1}))
    delivery = Delivery(BaseSink(), RECORDING)
    metrics.add_deliveries([delivery, Delivery(Target(), RECORDING)])
    families: list[Metric] = list(metrics.collect())
    delivery.close()
    return {sample.name: set(sample.labels) for family in families for sample in family.samples}


def expressions() -> dict[str, str]:
    """The expressions of the dashboard's panels and of the rules, by title."""
    found: dict[str, str] = {}
    for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]:
        for target in panel["targets"]:
            found[f"panel {panel['title']} {target['refId']}"] = target["expr"]
    for rule in rules():
        found[f"rule {rule['alert']}"] = rule["expr"]
    return found


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return list(group["rules"])


@pytest.mark.parametrize("title", expressions())
def test_metrics_and_labels_are_those_of_a_run(title: str) -> None:
    expression, known = expressions()[title], samples()
    names = re.findall(r"\balpr_\w+", expression)
    assert names or expression.startswith("up{")
    assert [name for name in names if name not in known] == []
    for name, selector in re.findall(r"\b(alpr_\w+)\{([^}]*)\}", expression):
        labels = set(re.findall(r'(\w+)\s*[=!]~?\s*"', selector))
        assert labels <= known[name] | FROM_PROMETHEUS, f"{name} has no label {labels - known[name]}"
    grouped = {label.strip() for by in re.findall(r"\b(?:by|on) \(([^)]*)\)", expression) for label in by.split(",")}
    assert grouped <= set().union(*(known[name] for name in names)) | FROM_PROMETHEUS
    assert expression.count("(") == expression.count(")")


def test_the_names_of_a_rejection_are_those_of_the_program() -> None:
    from typing import get_args

    from streamer.types import Reason

    quoted = re.findall(r'reason=~"([^"]+)"', RULES.read_text(encoding="utf-8"))
    assert quoted
    assert {reason for text in quoted for reason in text.split("|")} <= set(get_args(Reason))


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_a_rule_says_what_and_what_to_do(rule: dict[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in ("info", "warning", "critical")
    assert set(rule["annotations"]) == {"summary", "description"}
    page = (ROOT / "docs" / "how-to" / "monitor.md").read_text(encoding="utf-8")
    assert f"`{rule['alert']}`" in page


def test_panels_do_not_overlap_and_every_metric_is_used() -> None:
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + i, place["y"] + j) for i in range(place["w"]) for j in range(place["h"])}
        assert not cells & taken
        assert place["x"] + place["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    text = " ".join(expressions().values())
    unused = {name for name in samples() if name not in text}
    assert unused <= {"alpr_tracks_total", "alpr_delay_seconds_count", "alpr_delay_seconds_sum",
                      "alpr_output_skipped_frames_total"}  # fmt: skip
