"""The files of deploy/ray, as far as they can be checked without a cluster: keys, commands, configuration."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner

from streamer.cli import cli
from streamer.cli.fleet import load_fleet
from streamer.cluster.ray_engine import NEEDED

RAY = Path(__file__).parents[2] / "deploy" / "ray"
HEALTH = {
    "RAY_health_check_initial_delay_ms": "1000", "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "1000", "RAY_health_check_failure_threshold": "5",
}  # fmt: skip


def documents(name: str) -> list[Any]:
    return [*yaml.safe_load_all((RAY / name).read_text(encoding="utf-8"))]


def check_fleet_command(words: list[str]) -> None:
    """The verb's options exist, and its address is one of a cluster."""
    assert words[0] == "fleet"
    done = CliRunner().invoke(cli, [*words, "--help"])
    assert done.exit_code == 0, done.output
    assert words[words.index("--address") + 1].startswith("ray://")


def test_the_example_is_a_fleet(tmp_path: Path) -> None:
    config = load_fleet(RAY / "fleet.yaml")
    assert list(config.cameras) == ["gate", "yard"]
    assert config.store.path.startswith("postgresql://")
    (config_map, *_) = documents("kuberay.yaml")
    (tmp_path / "fleet.yaml").write_text(config_map["data"]["fleet.yaml"], encoding="utf-8")
    assert load_fleet(tmp_path / "fleet.yaml").fleet.state == config.fleet.state == "/data/fleet"


def test_the_launchers_file_starts_head_and_workers() -> None:
    (file,) = documents("cluster.yaml")
    assert file["provider"]["type"] == "local"
    assert file["min_workers"] == len(file["provider"]["worker_ips"])
    assert Path(RAY.parents[1] / file["file_mounts"]["/etc/alpr/fleet.yaml"]).is_file()
    head = shlex.split(file["head_start_ray_commands"][-1])
    assert dict(word.split("=", 1) for word in head if word.startswith("RAY_")) == HEALTH
    assert {"--head", "--dashboard-host=127.0.0.1"} <= set(head)
    assert f"--address={file['provider']['head_ip']}:6379" in file["worker_start_ray_commands"][-1]
    assert "alpr-streamer[cluster,postgres]" in " ".join(file["setup_commands"])


def test_the_manifest_of_kuberay_closes_rays_ports() -> None:
    _, policy, cluster = documents("kuberay.yaml")
    spec = cluster["spec"]
    assert (cluster["apiVersion"], cluster["kind"]) == ("ray.io/v1", "RayCluster")
    assert tuple(map(int, spec["rayVersion"].split(".")[:2])) >= NEEDED
    head, supervisor = spec["headGroupSpec"]["template"]["spec"]["containers"]
    assert {one["name"]: one["value"] for one in head["env"]} == HEALTH
    assert spec["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    check_fleet_command(supervisor["args"])
    (worker,) = spec["workerGroupSpecs"]
    pod = worker["template"]["spec"]
    assert pod["containers"][0]["volumeMounts"][0]["mountPath"] == "/data"
    assert "hostPath" in pod["volumes"][0]  # rows outlive the pod
    inside, metrics = policy["spec"]["ingress"]
    assert inside["from"][0]["podSelector"] == policy["spec"]["podSelector"]
    assert metrics == {"ports": [{"port": 9464}]}


def test_the_compose_file_has_a_head_workers_and_a_supervisor() -> None:
    (file,) = documents("compose.yaml")
    services = file["services"]
    assert {"head", "worker", "supervisor", "postgres"} == set(services)
    check_fleet_command(services["supervisor"]["command"])
    assert HEALTH.items() <= services["head"]["environment"].items()
    assert "cluster" in services["worker"]["build"]["args"]["EXTRAS"].split(",")
    assert services["worker"]["volumes"] == ["rows:/data"]
    assert set(file["volumes"]) == {"rows", "postgres"}
    for one in services.values():
        for address in one.get("ports", []):
            assert address.startswith("127.0.0.1:")
