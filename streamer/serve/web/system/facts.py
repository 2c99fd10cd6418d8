"""What the page of the system shows: configuration in force, versions, models with their cards, plots, checks."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from streamer.config.models import RunConfig
from streamer.config.secrets import Secrets, shown
from streamer.engine.zoo import find_model, read_card, zoo_folder
from streamer.errors import AlprError, ConfigError
from streamer.serve.web.faults import Unavailable
from streamer.serve.web.system.history import Sample

if TYPE_CHECKING:
    from streamer.serve.web.context import Site

_PACKAGES = (
    "alpr-streamer", "openvino", "av", "opencv-python", "opencv-python-headless", "numpy", "pydantic", "SQLAlchemy",
    "fastapi", "uvicorn",
)  # fmt: skip
_LONG = {"files", "pytorch", "training"}  # of a card, shown folded


@dataclass(frozen=True)
class Model:
    """A network: `facts` of its card in short, `card` whole as YAML; `fault` where it cannot be read."""

    use: str
    name: str
    facts: dict[str, str]
    card: str = ""
    fault: str = ""


def versions() -> dict[str, str]:
    """Of the packages that matter, and of the system."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found | {"Python": platform.python_version(), "system": f"{platform.system()} {platform.release()}"}


def machine() -> dict[str, str]:
    """Where this process runs."""
    from streamer.engine.runtime import available_cores

    return {"host": platform.node(), "process": str(os.getpid()), "cores": str(available_cores())}


def config_text(config: RunConfig) -> str:
    """The configuration in force as YAML: what differs from the defaults, without secrets."""
    values = config.model_dump(mode="json", exclude_defaults=True)
    text = yaml.safe_dump(_hidden(values), sort_keys=False, allow_unicode=True, width=110) if values else ""
    return shown(Secrets.of_settings(config).hidden(text))


def config_faults(site: Site) -> list[str]:
    """What is wrong with the configuration file as it is now; empty where nothing is, or there is none."""
    if site.config_path is None:
        return []
    from streamer.config.models import load_config

    try:
        load_config(site.config_path)
    except ConfigError as error:
        return [shown(one) for one in (error.messages or (str(error),))]
    return []


def models(config: RunConfig) -> list[Model]:
    """The networks that the configuration names."""
    found = [_model("detector", config.detector), _model("reader", config.reader)]
    refiner = next((one.facts.get("refiner") for one in found if one.use == "detector"), None)
    return [*found, *([_model("refiner", refiner)] if refiner else [])]


def plots(samples: Sequence[Sample]) -> dict[str, dict[str, Any]]:
    """The samples as plots.js draws them, by name."""
    x = [round(one.at, 1) for one in samples]
    names = sorted({name for one in samples for name in one.rate})

    def by_camera(key: str, unit: str) -> dict[str, Any]:
        series = [{"label": n, "values": [_rounded(getattr(s, key).get(n)) for s in samples]} for n in names]
        return {"x": x, "x_kind": "time", "unit": unit, "series": series}

    def one(key: str, unit: str) -> dict[str, Any]:
        values = [_rounded(getattr(s, key)) for s in samples]
        return {"x": x, "x_kind": "time", "unit": unit, "series": [{"label": "", "values": values}]}

    return {
        "rate": by_camera("rate", "fps"), "delay": by_camera("delay_ms", "ms"), "dropped": by_camera("dropped", ""),
        "memory": one("memory_mb", "MB"), "cores": one("cores", ""),
    }  # fmt: skip


def checks(site: Site) -> Iterator[dict[str, Any]]:
    """The findings of the checks of this machine."""
    for one in () if site.doctor is None else site.doctor():
        fault = bool(one.bad or one.remedy)
        yield {"what": one.what, "found": shown(one.found), "remedy": shown(one.remedy), "fault": fault}


@dataclass(frozen=True)
class FleetNode:
    """A node as its fleet's supervisor saw it `seen_s` seconds ago."""

    name: str
    state: str
    seen_s: float
    draining: bool
    cores: float
    load: float
    waiting: int
    cameras: list[dict[str, Any]]


def fleet(site: Site) -> list[FleetNode]:
    """The nodes of the fleet that writes to the store; none without one. A store that cannot be used is told of by the
    pages of its rows."""
    if site.store is None:
        return []
    from streamer.store.leases import Leases

    try:
        found = Leases(site.database()).nodes()
    except (Unavailable, AlprError):
        return []
    now = time.time()
    return [
        FleetNode(
            one.name, str(one.details.get("state", "")), round(max(0.0, now - one.seen_at / 1e6), 1), one.draining,
            float(one.details.get("cores", 0)), float(one.details.get("load", 0)),
            int(one.details.get("waiting", 0)), list(one.details.get("cameras", [])),
        )
        for one in found
    ]  # fmt: skip


def _model(use: str, name: str) -> Model:
    try:
        card = find_model(name, "f32").card if name.endswith(".xml") else read_card(zoo_folder() / name / "card.yaml")
    except (AlprError, OSError) as error:
        return Model(use, Path(name).name, {}, fault=shown(str(error)))
    facts = {key: str(value) for key, value in card.items() if key not in _LONG and not isinstance(value, dict | list)}
    facts.pop("name", None)
    text = yaml.safe_dump(card, sort_keys=False, allow_unicode=True, width=110)
    return Model(use, Path(name).name, facts, text)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _hidden(value: Any) -> Any:
    """The value with every address redacted."""
    if isinstance(value, dict):
        return {key: _hidden(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_hidden(one) for one in value]
    return shown(value) if isinstance(value, str) else value
