"""/api/v1 against its own description: random and hostile requests, none of which may be a fault of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from storekit import row
from webkit import served

from streamer.pipeline.status import Streams
from streamer.serve.web.live.recent import PageSink
from streamer.sink.events import PassageFinal
from streamer.source.health import Health
from streamer.store.sink import StoreSink
from streamer.types import RunSummary

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed (extra test)")
CASES = 8  # of each operation
# Answers that go on until the client leaves are tested elsewhere (test_web_live.py).
ENDLESS = {"/api/v1/events", "/api/v1/cameras/{camera}/stream"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    store = tmp_path_factory.mktemp("api") / "plates.db"
    sink = StoreSink(str(store))
    for k in range(1, 6):
        sink.write(PassageFinal("gate", row(k, f"AB12{k}")))
    sink.close()
    one = served(store)
    site: Any = one.site  # type: ignore[attr-defined]
    site.streams = Streams()
    site.streams.watch("gate", RunSummary(), Health())
    site.streams.onlookers.append(PageSink(site.feed))
    return one


def test_the_description_is_whole(client: TestClient) -> None:
    schema = client.get("/api/v1/openapi.json").json()
    names = [op["operationId"] for path in schema["paths"].values() for op in path.values()]
    assert len(names) == len(set(names))
    assert all(op.get("description") for path in schema["paths"].values() for op in path.values())
    assert schema["servers"] == [{"url": "/"}]
    assert set(schema["paths"]) >= ENDLESS


def test_no_request_is_a_fault_of_the_server(client: TestClient, record_property: Any) -> None:
    """Every operation gets requests that its description allows, and ones that it does not."""
    from hypothesis import HealthCheck, Phase, given, settings
    from schemathesis import GenerationMode
    from schemathesis.config import SchemathesisConfig
    from webkit import csrf

    app: Any = client.app._app  # type: ignore[attr-defined]
    schema = schemathesis.openapi.from_dict(app.openapi(), config=SchemathesisConfig())
    token = csrf(client)
    count = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path in ENDLESS:
            continue
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            if mode is GenerationMode.NEGATIVE and not _may_be_wrong(operation):
                continue
            strategy = operation.as_strategy(generation_mode=mode)

            @settings(
                max_examples=CASES, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            @given(case=strategy)
            def send(case: Any) -> None:
                nonlocal count
                count += 1
                kwargs = case.as_transport_kwargs(base_url="http://localhost")
                kwargs["headers"] = {**(kwargs.get("headers") or {}), "x-csrf-token": token}
                kwargs = {
                    k: v for k, v in kwargs.items() if k in ("method", "url", "headers", "params", "json", "data")
                }
                answer = client.request(**kwargs)
                assert answer.status_code < 500, f"{case.method} {case.path}: {answer.status_code} {answer.text[:300]}"
                if answer.status_code >= 400:
                    assert answer.headers["content-type"] == "application/problem+json"
                    assert set(answer.json()) == {"type", "title", "status", "detail"}

            send()
    record_property("cases", count)
    assert count > 100


def _may_be_wrong(operation: Any) -> bool:
    """Whether there is anything in a request that could be wrong."""
    return bool(operation.body or operation.query or operation.path_parameters)


def test_users_by_the_interface(tmp_path: Path) -> None:
    from webkit import PASSWORD, csrf

    client = served(tmp_path / "plates.db", users={"ann": "admin"})
    client.site.login = False  # type: ignore[attr-defined]
    head = {"x-csrf-token": csrf(client)}
    new = {"name": "otto", "password": PASSWORD, "role": "operator", "cameras": ["gate"]}
    assert client.post("/api/v1/users", json=new, headers=head).status_code == 201
    assert client.post("/api/v1/users", json=new, headers=head).status_code == 422
    change = {"role": "viewer", "cameras": None, "password": "another password"}
    assert client.put("/api/v1/users/otto", json=change, headers=head).status_code == 204
    found = {one["name"]: one for one in client.get("/api/v1/users").json()["items"]}
    assert (found["otto"]["role"], found["otto"]["cameras"]) == ("viewer", None)
    assert client.delete("/api/v1/users/otto", headers=head).status_code == 204
    assert client.delete("/api/v1/users/otto", headers=head).status_code == 422


def test_the_system_by_the_interface(tmp_path: Path) -> None:
    from dataclasses import dataclass

    from streamer.config.models import load_config

    @dataclass
    class Finding:
        what: str
        found: str
        remedy: str = ""
        bad: bool = False

    path = tmp_path / "site.yaml"
    path.write_text(
        "cameras:\n  gate: {url: 'rtsp://ann:sesame@10.0.0.1/live'}\n"
        "outputs:\n  - {type: webhook, url: 'https://x.example/?key=sesame2'}\n"
    )
    client = served(
        config=load_config(path), config_path=path, doctor=lambda: [Finding("disk", "full", "free some space")]
    )
    text = client.get("/api/v1/system/configuration").json()
    assert "gate" in text["yaml"]
    assert "sesame" not in text["yaml"]
    assert "sesame" not in client.get("/system/configuration").text
    assert text["faults"] == []
    path.write_text("cameras:\n  gate: {ulr: x}\n")
    assert any("ulr" in one for one in client.get("/api/v1/system/configuration").json()["faults"])
    assert client.get("/api/v1/system/checks").json()["items"][0]["fault"] is True
    assert "free some space" in client.get("/system/checks").text
    assert {one["use"] for one in client.get("/api/v1/system/models").json()["items"]} == {
        "detector",
        "reader",
        "refiner",
    }
    assert "alpr-streamer" in client.get("/api/v1/system").json()["versions"]


def test_log_lines_have_no_secrets(tmp_path: Path) -> None:
    import logging

    client = served()
    log: Any = client.site.log  # type: ignore[attr-defined]
    logger = logging.getLogger("streamer.trial")
    log.begin()
    try:
        logger.warning("camera=%s lost: rtsp://ann:sesame@10.0.0.1/live?key=abc", "gate")
        try:
            raise OSError("https://ann:sesame@x.example failed")
        except OSError:
            logger.exception("not sent")
        log.emit(logging.LogRecord("streamer", 30, "", 1, "%d", ("no number",), None))
    finally:
        log.end()
    items = client.get("/api/v1/system/log", params={"level": "warning"}).json()["items"]
    assert len(items) == 3
    assert not any("sesame" in one["text"] or "key=abc" in one["text"] for one in items)
    page = client.get("/system/log?level=error")
    assert "not sent" in page.text
    assert "camera=gate" not in page.text
    assert "<html" not in client.get("/system/log", headers={"hx-request": "true"}).text


def test_plots_of_samples() -> None:
    client = served()
    site: Any = client.site  # type: ignore[attr-defined]
    site.streams = Streams()
    summary, health = RunSummary(), Health()
    site.streams.watch("gate", summary, health)
    for k in range(3):
        site.history._before = site.history._before and (site.history._before[0] - 5.0, *site.history._before[1:])
        summary.frames += 100
        health.done(0.02)
        health.dropped += k
        site.history.sample(site)
    plot = client.get("/system/plots/rate.json").json()
    assert len(plot["x"]) == 2
    assert plot["series"][0]["label"] == "gate"
    assert all(value > 0 for value in plot["series"][0]["values"])
    assert client.get("/system/plots/delay.json").json()["series"][0]["values"] == [20.0, 20.0]
    assert client.get("/system/plots/dropped.json").json()["series"][0]["values"] == [1.0, 2.0]
    assert client.get("/system/plots/none.json").status_code == 404
    assert set(client.get("/api/v1/system/plots").json()["plots"]) == {"rate", "delay", "dropped", "memory", "cores"}
