"""Connecting to a cluster: one line for everything that can be wrong. No Ray is started here."""

from __future__ import annotations

import socket

import pytest

from streamer.cluster import ray_engine
from streamer.cluster.networks import identity_of
from streamer.cluster.ray_engine import NodeReport, check_report, connect, report_here, report_of_node
from streamer.errors import ConfigError, ModelError

HERE = NodeReport("here", "1.2.0", "3.11.1", "int8-aa-bb")


def test_a_cluster_that_does_not_answer_is_named_with_what_to_do() -> None:
    pytest.importorskip("ray", reason="ray is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for address in (f"127.0.0.1:{port}", f"ray://127.0.0.1:{port}"):
        with pytest.raises(ConfigError) as error:
            connect(address)
        assert f"--address {address}: no cluster answers at 127.0.0.1:{port}" in str(error.value)
        assert "ray start --head" in str(error.value)
        assert "\n" not in str(error.value)


def test_what_ray_takes_for_another_address_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray would look for 127.0.0.1 at the machine's network address, for a minute."""
    pytest.importorskip("ray", reason="ray is not installed")
    monkeypatch.setattr(ray_engine, "_network_address", lambda: "127.0.0.3")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ConfigError) as error:
            connect(f"localhost:{port}")
    assert "Ray takes localhost for 127.0.0.3, where nothing listens: start the head with" in str(error.value)
    assert f"--address {ray_engine.LOOPBACK}:{port}" in str(error.value)
    assert ray_engine._network_address


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(ray_engine, "import_module", missing)
    with pytest.raises(ConfigError, match=r"alpr-streamer\[cluster\].*--address local"):
        connect("auto")


def test_an_old_ray_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Old:
        __version__ = "2.9.3"

    monkeypatch.setattr(ray_engine, "import_module", lambda name: Old)
    with pytest.raises(ConfigError, match=r"ray 2\.9\.3 is too old, needed is 2\.60"):
        connect("auto")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "Version mismatch: The cluster was started with:\n    Ray: 2.61.0\n    Python: 3.12.3\nThis process on "
            "node was started with:\n    Ray: 2.60.0\n    Python: 3.11.2\n",
            "has Ray 2.61.0 and Python 3.12.3, this process Ray 2.60.0 and Python 3.11.2",
        ),
        ("Could not find any running Ray instance. Please specify", "no Ray runs on this machine"),
        ("something\nelse", "cannot be used (something else)"),
    ],
)
def test_what_ray_says_becomes_one_line(said: str, told: str) -> None:
    line = ray_engine._reason(said, "auto")
    assert told in line
    assert "\n" not in line


def test_nodes_of_another_version_or_with_other_networks_are_refused() -> None:
    check_report(NodeReport("there", "1.2.0", "3.11.1", "int8-aa-bb"), HERE)
    with pytest.raises(ConfigError, match=r"node there: has alpr-streamer 1\.3\.0, this process 1\.2\.0"):
        check_report(NodeReport("there", "1.3.0", "3.11.1", "int8-aa-bb"), HERE)
    with pytest.raises(ModelError, match="node there: has networks f32-aa-bb, this process int8-aa-bb"):
        check_report(NodeReport("there", "1.2.0", "3.11.1", "f32-aa-bb"), HERE)
    with pytest.raises(ModelError, match="node there: model 'x' is not in"):
        check_report(NodeReport("there", "1.2.0", "3.11.1", "", "model 'x' is not in /a"), HERE)


def test_a_process_reports_its_version_and_networks() -> None:
    networks = {"detector": "plate-detector-s", "reader": "plate-reader", "precision": "f32"}
    report = report_here(networks)
    assert report.networks == identity_of(**networks)
    assert report.networks.startswith("f32-")
    assert report.networks.count("-") == 3  # the precision, then detector, reader and refiner
    assert report.fault == ""
    missing = NodeReport(*report_of_node({**networks, "reader": "nobody"}))
    assert "'nobody' is not in" in missing.fault
    assert report_here().networks == ""
