"""Turns the options of the add-on into a configuration of alpr, and starts it in place of this process."""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from pathlib import Path
from typing import Any

OPTIONS, TARGET = Path("/data/options.json"), Path("/data/site.yaml")
BROKER = "http://supervisor/services/mqtt"


def configuration(options: dict[str, Any], broker: dict[str, Any] | None) -> dict[str, Any]:
    """The configuration for the options of the add-on; `broker`: what the Supervisor says of MQTT. JSON of it is
    YAML."""
    cameras = {}
    for camera in options["cameras"]:
        cameras[camera["name"]] = {key: value for key, value in camera.items() if key != "name" and value is not None}
    outputs: list[dict[str, Any]] = []
    if options.get("csv", True):
        outputs.append({"type": "csv", "path": "/config/rows/{camera}-{date}.csv"})
    if options.get("store", True):
        outputs.append({"type": "store", "path": "/config/alpr.db", "crops": True})
    if options.get("mqtt", True) and broker is not None:
        scheme = "mqtts" if broker.get("ssl") else "mqtt"
        target = {"type": "mqtt", "url": f"{scheme}://{broker['host']}:{broker['port']}", "home_assistant": True}
        if broker.get("username"):
            target |= {"username": broker["username"], "password": "${MQTT_PASSWORD}"}
        outputs.append({**target, "send": ["final", "hits"], "crop": True, "outbox": "/data/mqtt.db"})
    made: dict[str, Any] = {
        "cameras": cameras,
        "countries": options.get("countries", []),
        "vote": {"rejoin_s": options.get("rejoin_s", 60)},
        "outputs": outputs,
    }
    if options.get("watch"):
        made["watch"] = [{"name": Path(options["watch"]).stem, "file": options["watch"]}]
    return made


def command(options: dict[str, Any]) -> list[str]:
    """What is started; `extra` has further options, like `--set cameras.gate.cadence=auto`."""
    extra = str(options.get("extra") or "").split()
    return ["alpr", "run", "--config", str(TARGET), "--metrics", "0.0.0.0:9464", *extra]


def broker_of(token: str) -> dict[str, Any] | None:
    """What the Supervisor says of the MQTT broker; None without one."""
    request = urllib.request.Request(BROKER, headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            found = json.load(answer).get("data")
    except (OSError, ValueError) as error:
        print(f"no MQTT broker: {error}", file=sys.stderr)
        return None
    return found if isinstance(found, dict) and found.get("host") else None


def main() -> None:
    options = json.loads(OPTIONS.read_text(encoding="utf-8"))
    token = os.environ.get("SUPERVISOR_TOKEN", "")
    broker = broker_of(token) if token and options.get("mqtt", True) else None
    if broker is not None:
        os.environ["MQTT_PASSWORD"] = str(broker.get("password", ""))
    TARGET.write_text(json.dumps(configuration(options, broker), ensure_ascii=False, indent=1), encoding="utf-8")
    TARGET.chmod(0o600)
    Path("/config/rows").mkdir(parents=True, exist_ok=True)
    os.execv("/opt/alpr/bin/alpr", command(options))


if __name__ == "__main__":
    main()
