"""How fit cameras are on the page, and zones and lines saved from it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from starlette.testclient import TestClient
from storekit import row
from webkit import as_user, csrf, served

from streamer.config.models import RunConfig, load_config
from streamer.sink.events import PassageFinal, PassageProvisional, TrackRejected
from streamer.store.sink import StoreSink
from streamer.types import Rejection

SITE = """# the site
cameras:
  gate:
    url: rtsp://x/1   # main
    zones:
      drive: {polygon: [[0, 0], [1, 0], [1, 1]]}   # the lane
  yard: rtsp://x/2
"""
ZONE = {"polygon": [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]], "use": "ignore"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sink = StoreSink(str(tmp_path / "plates.db"), crops=True, snapshots=True, rejections=True)
    picture = np.full((90, 160, 3), 120, np.uint8)
    jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
    for number in range(12):
        at = datetime.now(UTC) - timedelta(hours=number)
        passage = row(
            number, first_seen=at, last_seen=at, crop=picture, snapshot=jpeg, box=(10.0, 20.0, 60.0, 33.0), n_reads=2
        )
        sink.write(PassageFinal("gate", passage))
    rejection = Rejection(
        "gate", 1, "too small to read", "read.min_height", 6, 8, "", 0.0, 1, 2, 2, 0.1, 0.2, datetime.now(UTC),
        (1.0, 2.0, 30.0, 12.0), 0.6, 3, 1, picture,
    )  # fmt: skip
    sink.write(TrackRejected("gate", rejection))
    sink.close()
    (tmp_path / "site.yaml").write_text(SITE)
    return tmp_path


def client_of(folder: Path, users: dict[str, str] | None = None, site: str = "site.yaml") -> TestClient:
    """As `alpr serve --config FILE --set cadence=auto`."""
    path = folder / site
    return served(
        folder / "plates.db",
        config=load_config(path, ["cadence=auto"]),
        config_path=path,
        files=folder / "plates.db.files",
        users=users,
    )


def places(client: TestClient, camera: str = "gate") -> Any:
    return client.get(f"/api/v1/places?camera={camera}").json()


def test_cameras_with_verdict_and_what_to_change(folder: Path) -> None:
    client = client_of(folder)
    text = client.get("/fit").text
    assert "camera=gate" in text
    assert "camera=yard" in text
    card = client.get("/fit/card?camera=gate").text
    assert "usable" in card
    assert "1.5 times as large" in card
    assert "No vehicle was seen" in client.get("/fit/card?camera=yard").text
    page = client.get("/fit/camera?camera=gate").text
    for part in ("13 px at their best", "too small to read", "read.min_height", "/fit/rejected/1", "drive"):
        assert part in page, part
    report = client.get("/api/v1/fit?camera=gate").json()
    assert (report["rows"], report["rejected"]) == (
        12, [{"reason": "too small to read", "setting": "read.min_height", "count": 1}],
    )  # fmt: skip
    assert client.get("/api/v1/fit?camera=none").status_code == 404
    assert client.get("/api/v1/fit?camera=yard").status_code == 404
    assert client.get("/fit/camera?camera=none").status_code == 404


def test_histograms_and_pictures(folder: Path) -> None:
    client = client_of(folder)
    heights = client.get("/fit/plot/heights?camera=gate").json()
    assert sum(heights["series"][0]["values"]) == 12
    assert heights["x"][heights["series"][0]["values"].index(12)] == 14
    assert sum(client.get("/fit/plot/hours?camera=gate").json()["series"][0]["values"]) == 12
    for name in ("confidence", "reads", "edges"):
        assert client.get(f"/fit/plot/{name}?camera=gate").status_code == 200
    assert client.get("/fit/plot/other?camera=gate").status_code == 404
    assert client.get("/fit/picture?camera=gate").headers["content-type"] == "image/jpeg"
    assert client.get("/fit/picture?camera=yard").status_code == 404
    crop = client.get("/fit/rejected/1")
    assert crop.headers["content-type"] == "image/png"
    assert client.get("/fit/rejected/99").status_code == 404
    assert client.get(f"/fit/rejected/{1 << 70}").status_code == 404


def test_zones_are_saved_into_the_file_whose_comments_stay(folder: Path) -> None:
    client = client_of(folder)
    before = places(client)
    assert before["zones"] == {"drive": {"polygon": [[0, 0], [1, 0], [1, 1]], "use": "read"}}
    asked = {
        "camera": "gate", "zones": before["zones"] | {"walk": ZONE}, "digest": before["digest"],
        "lines": {"entry": {"start": [0, 0.5], "end": [1, 0.5]}},
    }  # fmt: skip
    headers = {"X-CSRF-Token": csrf(client)}
    answer = client.post("/api/v1/places", json=asked, headers=headers)
    assert answer.status_code == 200, answer.text
    text = (folder / "site.yaml").read_text()
    assert text.startswith("# the site\ncameras:\n  gate:\n    url: rtsp://x/1   # main\n")
    assert "drive: {polygon: [[0, 0], [1, 0], [1, 1]]}   # the lane" in text
    config = load_config(folder / "site.yaml")
    assert config.cameras["gate"].zones["walk"].use == "ignore"
    assert config.cameras["gate"].lines["entry"].end == (1.0, 0.5)
    assert places(client)["zones"]["walk"] == ZONE  # as the page knows it now
    assert client.site.config.cadence == "auto"  # type: ignore[attr-defined]  # an option of the command line stays
    stale = client.post("/api/v1/places", json=asked, headers=headers)
    assert stale.status_code == 422
    assert "was changed meanwhile" in stale.json()["detail"]
    asked |= {"digest": places(client)["digest"], "zones": {"walk": {"polygon": [[0, 0], [1, 7], [1, 1]]}}}
    wrong = client.post("/api/v1/places", json=asked, headers=headers)
    assert wrong.status_code == 422
    assert "cameras.gate.zones.walk.polygon" in wrong.json()["detail"]
    assert (folder / "site.yaml").read_text() == text


def test_a_run_of_one_camera_has_zones_of_its_own(folder: Path) -> None:
    (folder / "one.yaml").write_text("cadence: auto\n")
    client = client_of(folder, site="one.yaml")
    asked = {"camera": "gate", "zones": {"walk": ZONE}, "digest": places(client)["digest"]}
    answer = client.post("/api/v1/places", json=asked, headers={"X-CSRF-Token": csrf(client)})
    assert answer.status_code == 200
    assert load_config(folder / "one.yaml").zones["walk"].use == "ignore"


def test_only_administrators_save(folder: Path) -> None:
    client = client_of(folder, users={"op": "operator", "ad": "admin"})
    as_user(client, "op")
    assert "Zones can be changed by administrators" in client.get("/fit/camera?camera=gate").text
    asked = {"camera": "gate", "zones": {}, "digest": places(client)["digest"]}
    assert client.post("/api/v1/places", json=asked, headers={"X-CSRF-Token": csrf(client)}).status_code == 403
    as_user(client, "ad")
    assert "data-editable" in client.get("/fit/camera?camera=gate").text
    assert client.post("/api/v1/places", json=asked).status_code == 403  # without a token
    assert client.post("/api/v1/places", json=asked, headers={"X-CSRF-Token": csrf(client)}).status_code == 200


def test_without_a_configuration_zones_are_only_looked_at(folder: Path) -> None:
    client = served(folder / "plates.db", files=folder / "plates.db.files")
    assert "start this page with the run" in client.get("/fit/camera?camera=gate").text
    assert places(client)["digest"] is None
    asked = {"camera": "gate", "digest": ""}
    answer = client.post("/api/v1/places", json=asked, headers={"X-CSRF-Token": csrf(client)})
    assert answer.status_code == 422
    (folder / "other.yaml").write_text("cameras: {hall: rtsp://x/3}\n")
    other = client_of(folder, site="other.yaml")
    assert "not in the configuration" in other.get("/fit/camera?camera=gate").text


def test_without_a_store(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE)
    client = served(config=load_config(tmp_path / "site.yaml"), config_path=tmp_path / "site.yaml")
    assert "camera=gate" in client.get("/fit").text
    assert "No rows are kept" in client.get("/fit/camera?camera=gate").text
    assert places(client)["zones"]["drive"]["use"] == "read"
    assert "No camera yet" in served().get("/fit").text


def test_rows_that_are_not_final_and_tracks_that_are_not_stored(tmp_path: Path) -> None:
    at = datetime.now(UTC)
    sink = StoreSink(str(tmp_path / "plates.db"), provisional=True)
    for number in range(3):
        sink.write(PassageProvisional("gate", row(number, first_seen=at, last_seen=at)))
    client = served(tmp_path / "plates.db")
    for path in ("/fit/card?camera=gate", "/fit/camera?camera=gate"):
        shown = client.get(path).text
        assert ("3 vehicles have no final row yet" in shown, "No vehicle was seen" in shown) == (True, False)
    sink.write(PassageFinal("gate", row(9, first_seen=at, last_seen=at)))
    sink.close()
    client = served(tmp_path / "plates.db")
    assert "not stored: set rejections: true" in client.get("/fit/card?camera=gate").text
    settings = {"outputs": [{"type": "store", "path": str(tmp_path / "plates.db"), "rejections": True}]}
    client = served(tmp_path / "plates.db", config=RunConfig.model_validate(settings))
    assert "not stored" not in client.get("/fit/card?camera=gate").text
    assert "Every track had a row" in client.get("/fit/camera?camera=gate").text
