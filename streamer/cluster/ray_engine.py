"""Ray: connecting to a cluster, or starting one on this machine, with one line for everything that can be wrong.

Ray's ports serve whoever reaches them: a cluster belongs into a trusted network, and what is started here listens on
the loopback address alone.
"""

from __future__ import annotations

import os
import re
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from streamer.errors import ConfigError, ModelError

# Of the addresses of this machine alone not the first: Ray takes 127.0.0.1 and localhost for its network address.
LOOPBACK = "127.0.0.2"
_TAKEN_FOR_NETWORK = ("127.0.0.1", "localhost", "::1")
NAMESPACE = "alpr"
NEEDED = (2, 60)
_REACH_S = 3.0  # for a connection to the head node
_CLIENT_PORT, _HEAD_PORT = 10001, 6379
# No statistics to anybody, no notes on accelerators, and no dashboard's agent that this program has no use for.
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "RAY_DEDUP_LOGS": "0"}


def ray_module() -> Any:
    """Ray; ConfigError where it is not installed or too old."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        ray = import_module("ray")
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise ConfigError(
            "ray is not installed: pip install 'alpr-streamer[cluster]', or use --address local for this machine alone"
        ) from None
    found = tuple(int(n) for n in re.findall(r"\d+", ray.__version__)[:2])
    if found < NEEDED:
        needed = ".".join(map(str, NEEDED))
        raise ConfigError(f"ray {ray.__version__} is too old, needed is {needed}: pip install 'ray>={needed}'")
    return ray


def connect(address: str = "auto", *, namespace: str = NAMESPACE) -> Any:
    """Connects this process to the cluster at `address` and gives the module `ray`: `auto` is the one that runs on this
    machine, `HOST[:PORT]` that of a head node, `ray://HOST[:PORT]` one through its client port. ConfigError where there
    is none or its versions differ from ours."""
    ray = ray_module()
    given = address
    if address.startswith("ray://"):
        _check_client()
        address = "ray://" + _reachable(address.removeprefix("ray://"), _CLIENT_PORT, given)
    elif address != "auto":
        address = _as_ray_takes_it(_reachable(address, _HEAD_PORT, given), given)
    try:
        with _silent():
            ray.init(
                address=address, namespace=namespace, log_to_driver=False, logging_level="error", configure_logging=True
            )
    except (ConnectionError, RuntimeError, OSError, ValueError, TimeoutError) as error:
        raise ConfigError(_reason(str(error), given)) from None
    return ray


def start_here(cores: int, *, namespace: str = NAMESPACE) -> Any:
    """Starts Ray on this machine with so many cores, on the loopback address; it ends with this process."""
    ray = ray_module()
    with _silent():
        ray.init(
            address="local", num_cpus=cores, namespace=namespace, include_dashboard=False, log_to_driver=False,
            logging_level="error", _node_ip_address=LOOPBACK, object_store_memory=128 << 20,
        )  # fmt: skip
    return ray


def disconnect() -> None:
    """Ends the connection, and what `start_here` started."""
    if "ray" in sys.modules:
        with suppress(Exception):  # a cluster that is gone needs no goodbye
            sys.modules["ray"].shutdown()


@dataclass(frozen=True)
class NodeReport:
    """What a node would work with: its address, versions, and the identity of the networks (empty: not asked)."""

    node: str
    version: str
    python: str
    networks: str = ""
    fault: str = ""  # why the networks cannot be used there


def report_here(networks: dict[str, str] | None = None) -> NodeReport:
    """The report of this process. `networks`: the settings detector, reader and precision."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        own = version("alpr-streamer")
    except PackageNotFoundError:
        own = "not installed"
    identity, fault = "", ""
    if networks is not None:
        from streamer.cluster.networks import identity_of

        try:
            identity = identity_of(**networks)
        except ModelError as error:
            fault = str(error)
    return NodeReport(socket.gethostname(), own, ".".join(map(str, sys.version_info[:3])), identity, fault)


def check_nodes(ray: Any, networks: dict[str, str] | None = None, *, wait_s: float = 60.0) -> list[NodeReport]:
    """The reports of all living nodes with cores; ConfigError names a node of another version and both versions,
    ModelError one without the model files or with others."""
    strategy = import_module("ray.util.scheduling_strategies").NodeAffinitySchedulingStrategy
    here = report_here(networks)
    if here.fault:
        raise ModelError(here.fault)
    nodes = [n for n in ray.nodes() if n["Alive"] and n["Resources"].get("CPU", 0) >= 1]
    if not nodes:
        raise ConfigError("the cluster has no living node with a core: start one (ray start --address=HEAD:6379)")
    ask = ray.remote(num_cpus=0, max_retries=2)(report_of_node)
    asked = [ask.options(scheduling_strategy=strategy(node_id=n["NodeID"], soft=False)).remote(networks) for n in nodes]
    reports: list[NodeReport] = []
    for node, one in zip(nodes, asked, strict=True):
        name = str(node["NodeManagerAddress"])
        try:
            answer = ray.get(one, timeout=wait_s)
        except Exception as error:
            raise ConfigError(f"node {name}: {_of_node(error, here.version)}") from None
        reports.append(NodeReport(name, *answer[1:]))
        check_report(reports[-1], here)
    return reports


def report_of_node(networks: dict[str, str] | None) -> tuple[str, str, str, str, str]:
    """`report_here` in plain values, so that a node of another version can answer."""
    one = report_here(networks)
    return one.node, one.version, one.python, one.networks, one.fault


def check_report(node: NodeReport, here: NodeReport) -> None:
    """Raises where a node's versions or networks are not those of this process."""
    if node.version != here.version:
        raise ConfigError(
            f"node {node.node}: has alpr-streamer {node.version}, this process {here.version}: install the same version"
        )
    if node.fault:
        raise ModelError(f"node {node.node}: {node.fault}")
    if node.networks != here.networks:
        raise ModelError(
            f"node {node.node}: has networks {node.networks}, this process {here.networks}: install the same files, "
            "and set --precision where the processors differ"
        )


def _of_node(error: Exception, version: str) -> str:
    text = " ".join(str(error).split())
    if "ModuleNotFoundError" in text or "No module named" in text:
        return f"alpr-streamer {version} is not installed there (or is another version): install the same version"
    return f"does not answer ({text[:200] or type(error).__name__}): look at ray status"


def _check_client() -> None:
    try:
        import_module("grpc")
    except ModuleNotFoundError:
        raise ConfigError("ray:// needs grpcio: pip install 'ray[client]', or give HOST:6379 from a node") from None


def _reachable(address: str, port: int, given: str) -> str:
    """HOST:PORT; ConfigError where nothing listens there, which Ray itself takes a minute to say."""
    host, _, own = address.rpartition(":")
    if not host or not own.isdigit():
        host, own = address, str(port)
    try:
        with socket.create_connection((host.strip("[]"), int(own)), timeout=_REACH_S):
            return f"{host}:{own}"
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"--address {given}: no cluster answers at {host}:{own} ({reason}): start one there (ray start --head), or "
            "use --address local"
        ) from None


def _as_ray_takes_it(address: str, given: str) -> str:
    """The address; ConfigError where Ray would look for it at this machine's network address, and nothing is there."""
    host, _, port = address.rpartition(":")
    if host.strip("[]") in _TAKEN_FOR_NETWORK:
        own = _network_address()
        try:
            _reachable(f"{own}:{port}", _HEAD_PORT, given)
        except ConfigError:
            raise ConfigError(
                f"--address {given}: Ray takes {host} for {own}, where nothing listens: start the head with "
                f"--node-ip-address={LOOPBACK} and give --address {LOOPBACK}:{port}"
            ) from None
    return address


def _network_address() -> str:
    """This machine's address on its network, as Ray finds it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect(("8.8.8.8", 80))  # of a datagram socket: nothing is sent
        return str(probe.getsockname()[0])
    return "127.0.0.1"


def _reason(text: str, given: str) -> str:
    """One line of what Ray said."""
    line = " ".join(text.split())
    if "ersion mismatch" in line:
        found = re.findall(r"Ray: ([\w.+-]+)\s+Python: ([\w.+-]+)", line)
        if len(found) >= 2:
            (theirs, python), (ours, own) = found[:2]
            return (
                f"--address {given}: the cluster has Ray {theirs} and Python {python}, this process Ray {ours} and "
                f"Python {own}: install the same versions"
            )
    if "Could not find any running Ray instance" in line or "No running Ray" in line:
        return (
            f"--address {given}: no Ray runs on this machine: start it (ray start --head), give HOST:PORT, or use "
            "--address local"
        )
    return f"--address {given}: the cluster cannot be used ({line[:300]})"


class _silent:
    """Python's warnings of Ray's start are no concern of a user's."""

    def __enter__(self) -> None:
        import warnings

        self._caught = warnings.catch_warnings()
        self._caught.__enter__()
        warnings.simplefilter("ignore")

    def __exit__(self, *error: object) -> None:
        self._caught.__exit__(None, None, None)
