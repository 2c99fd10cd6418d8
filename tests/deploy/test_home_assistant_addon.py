"""The add-on: its options become a valid configuration."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from streamer.config.models import load_config

ADD_ON = Path(__file__).parents[2] / "deploy" / "homeassistant" / "alpr-streamer"
SPEC = importlib.util.spec_from_file_location("alpr_add_on_start", ADD_ON / "start.py")
assert SPEC is not None
assert SPEC.loader is not None
start = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(start)
BROKER = {"host": "core-mosquitto", "port": 1883, "ssl": False, "username": "addons", "password": "s3cret"}


def loaded(options: dict[str, Any], broker: dict[str, Any] | None, tmp_path: Path) -> Any:
    path = tmp_path / "site.yaml"
    text = json.dumps(start.configuration(options, broker))
    assert "s3cret" not in text
    path.write_text(text, encoding="utf-8")
    return load_config(path)


def add_on() -> dict[str, Any]:
    return dict(yaml.safe_load((ADD_ON / "config.yaml").read_text(encoding="utf-8")))


def test_the_options_that_it_comes_with(tmp_path: Path) -> None:
    config = loaded(add_on()["options"], BROKER, tmp_path)
    assert list(config.cameras) == ["gate"]
    assert [o.type for o in config.outputs] == ["csv", "store", "mqtt"]
    mqtt = config.outputs[2]
    assert (mqtt.url, mqtt.username, mqtt.password) == ("mqtt://core-mosquitto:1883", "addons", "${MQTT_PASSWORD}")
    assert mqtt.home_assistant is not None


def test_everything_set(tmp_path: Path) -> None:
    options = {
        "cameras": [{"name": "a b", "url": "rtsp://h/", "min_height": 12.0, "cadence": "auto"},
                    {"name": "c", "url": "rtsp://i/", "cadence": None}],
        "countries": ["DE"], "rejoin_s": 0, "csv": False, "store": False, "mqtt": True, "watch": "/config/wanted.csv",
        "extra": "--set cameras.c.cadence=auto",
    }  # fmt: skip
    config = loaded(options, {**BROKER, "ssl": True, "username": ""}, tmp_path)
    assert config.of_camera("a b").read.min_height == 12
    assert config.vote.rejoin_s == 0
    assert config.countries == ("DE",)
    assert [o.url for o in config.outputs] == ["mqtts://core-mosquitto:1883"]
    assert [(w.name, w.file) for w in config.watch] == [("wanted", "/config/wanted.csv")]
    assert start.command(options)[-2:] == ["--set", "cameras.c.cadence=auto"]
    assert loaded({**options, "mqtt": False}, None, tmp_path).outputs == ()


def test_every_option_has_a_schema_and_a_text() -> None:
    whole = add_on()
    texts = yaml.safe_load((ADD_ON / "translations" / "en.yaml").read_text(encoding="utf-8"))
    assert set(whole["options"]) <= set(whole["schema"]) == set(texts["configuration"])
    assert set(whole["arch"]) == set(yaml.safe_load((ADD_ON / "build.yaml").read_text(encoding="utf-8"))["build_from"])
    page = (ADD_ON.parents[2] / "docs" / "how-to" / "home-assistant.md").read_text(encoding="utf-8")
    assert [key for key in whole["schema"] if f"`{key}`" not in page] == []


def test_its_version_is_the_programs() -> None:
    project = (ADD_ON.parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{add_on()["version"]}"' in project


def test_without_a_supervisor_there_is_no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "BROKER", "http://127.0.0.1:9/services/mqtt")
    assert start.broker_of("token") is None
