"""`alpr notify`, and `alpr run` with targets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from brokerkit import Listener, broker
from notifykit import Receiver, message, receiver, until
from storekit import row
from streamkit import alpr

from streamer.config.models import load_config
from streamer.notify.outbox import Outbox
from streamer.sink.events import PassageFinal
from streamer.sink.registry import OutputPlace, open_outputs
from streamer.store.database import open_database

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: object) -> tuple[int, str, str]:
        code = alpr(*map(str, arguments))
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


def config(folder: Path, server: Receiver, more: str = "") -> Path:
    path = folder / "site.yaml"
    entry = f"{{type: webhook, name: gate, url: '{server.url}', attempts: {{first_s: 0.01, most_s: 0.02, tries: 2}}}}"
    path.write_text(f"outputs:\n  - {entry}\n{more}")
    return path


@pytest.fixture(autouse=True)
def states(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ALPR_STATE", str(tmp_path / "state"))
    return tmp_path / "state" / "outbox"


def test_a_target_is_tried(server: Receiver, tmp_path: Path, run: Run, states: Path) -> None:
    path = config(tmp_path, server)
    code, out, _ = run("notify", "test", "gate", "--config", path)
    assert (code, out.startswith("gate: took the row ")) == (0, True)
    body = json.loads(server.taken[0].body)
    assert (body["plate"], body["camera"], body["test"]) == ("TEST123", "test", True)
    assert run("notify", "test", "webhook", "--config", path)[0] == 0
    server.answers = [(403, {})]
    code, _, err = run("notify", "test", "gate", "--config", path)
    assert (code, "gate: did not take the row: HTTP 403: check url" in err) == (4, True)
    code, _, err = run("notify", "test", "yard", "--config", path)
    assert (code, "no target yard: it has gate" in err) == (2, True)
    assert not states.exists()


def test_dead_letters_are_listed_sent_again_and_dropped(
    server: Receiver, tmp_path: Path, run: Run, states: Path
) -> None:
    path = config(tmp_path, server)
    assert "no outbox" in run("notify", "list")[1]
    server.answers = [(422, {})]
    box = Outbox(states / "gate.db")
    box.put([message(number) for number in range(3)])
    code, out, _ = run("notify", "send", "--config", path)
    assert (code, out) == (0, "gate: 0 sent, 0 wait, 3 dead letters\n")
    code, out, _ = run("notify", "list")
    assert code == 0
    assert out.count("HTTP 422") == 3
    assert "gate2.final" in out
    assert "皖A12345" in out
    code, out, err = run("notify", "drop", "gate", "gate2.final", "none")
    assert (code, out) == (0, "gate: 1 removed\n")
    assert "1 of the ids are not there" in err
    assert run("notify", "resend", "gate", "--config", path)[1] == "gate: 2 wait again\n"
    assert "gate0.final" in run("notify", "list", "--waiting")[1]
    server.answers = [(200, {})]
    assert run("notify", "send", "gate", "--config", path)[1] == "gate: 2 sent, 0 wait, 0 dead letters\n"
    assert server.ids() == ["gate0.final", "gate1.final"]
    box.put([message(5)])
    assert run("notify", "drop", "gate", "--waiting")[1] == "gate: 1 removed\n"
    code, _, err = run("notify", "resend", "yard")
    assert (code, "no target yard: there are gate" in err) == (2, True)


def test_what_still_waits_is_an_error(server: Receiver, tmp_path: Path, run: Run, states: Path) -> None:
    path = config(tmp_path, server)
    assert run("notify", "send", "--config", path)[1] == "gate: nothing waits\n"
    Outbox(states / "gate.db").put([message(1)])
    server.answers = [(503, {"Retry-After": "100"})]
    code, out, err = run("notify", "send", "--config", path, "--wait", "1")
    assert (code, out) == (4, "gate: 0 sent, 1 wait, 0 dead letters\n")
    assert "1 messages could not be sent" in err
    assert "HTTP 503" in run("notify", "list", "--config", path, "--waiting")[1]


def test_check_names_what_a_target_lacks(server: Receiver, tmp_path: Path, run: Run) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "outputs:\n"
        "  - {type: webhook, url: 'https://${NO_SUCH}/x'}\n"
        "  - {type: mqtt, url: mqtts://broker, ca_file: none.pem}\n"
        "  - {type: webhook, url: https://h, secret: '${file:none}'}\n"
    )
    code, _, err = run("check", path)
    assert code == 2
    assert "c.yaml:2: outputs.0: url: ${NO_SUCH} is not set in the environment" in err
    assert "c.yaml:3: outputs.1: ca_file: none.pem: no such file" in err
    assert "c.yaml:4: outputs.2: secret: ${file:none}: cannot be read" in err
    code, out, _ = run("check", config(tmp_path, server))
    assert (code, "outputs.0" in out) == (0, True)


def test_a_run_sends_its_rows(server: Receiver, tmp_path: Path, run: Run, repo: Path) -> None:
    clip = repo / "tests" / "clips" / "demo.mp4"
    code, _, err = run(
        "run", clip, "--csv", tmp_path / "p.csv", "--output", f"webhook:{server.url}/x", "--threads", "2"
    )
    assert code == 0, err
    rows = (tmp_path / "p.csv").read_text().splitlines()[1:]
    bodies = [json.loads(one.body) for one in server.taken]
    assert [one["plate"] for one in bodies] == [line.split(",")[2] for line in rows]
    assert len({one["id"] for one in bodies}) == len(rows) > 0
    assert f"{len(rows)} messages to webhook-127.0.0.1-" in err


def test_mqtt_is_tried_without_telling_that_the_program_is_gone(tmp_path: Path, run: Run) -> None:
    with broker(tmp_path) as served, Listener(served.port) as listener:
        path = tmp_path / "site.yaml"
        path.write_text(f"outputs:\n  - {{type: mqtt, url: '{served.url}', home_assistant: true, frigate: f}}\n")
        assert run("notify", "test", "mqtt", "--config", path)[0] == 0
        until(lambda: listener.topics())
        assert listener.topics() == ["alpr/test/provisional"]


def test_a_store_names_targets_that_took_everything(server: Receiver, tmp_path: Path, run: Run) -> None:
    store = tmp_path / "plates.db"
    path = config(tmp_path, server, f"  - {{type: store, path: {store}}}\n")
    open_database(str(store), create=True).close()
    assert "no target: no run with outputs of type webhook" in run("notify", "list", "--store", store)[1]
    settings = load_config(path)
    sinks = open_outputs(settings.outputs, OutputPlace(settings, None, live=False))
    for sink in sinks:
        sink.write(PassageFinal("gate", row(1)))
    until(lambda: len(server.taken) == 1)
    for sink in sinks:
        sink.close()
    by_store, by_config = run("notify", "list", "--store", store)[1], run("notify", "list", "--config", path)[1]
    assert ("gate" in by_store, by_store) == (True, by_config)
