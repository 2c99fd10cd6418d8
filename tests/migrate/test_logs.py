"""Rows of other programs as rows of this one: each format, what is left out, and that the store takes the result."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from streamer.cli import cli
from streamer.errors import InputError
from streamer.migrate.logs import Converted, convert_logs
from streamer.store.records import records_of

_ROW = [
    "2026-03-01 08:00:05.500000+01:00", "ab12cde", "0.91", "0.8", "/gate_screenshots/26-03-01/08.jpg",
    "{'xmin': 10, 'ymin': 20, 'xmax': 90, 'ymax': 40}", "[{'make': 'Fiat'}]", "", "", "{'code': 'gb', 'score': 0.4}",
    "[{'plate': 'ab12cde', 'score': 0.91}, {'plate': 'a812cde', 'score': 0.3}, {'plate': 'x'}]", "90",
]  # fmt: skip
PR_CSV = (
    "timestamp,plate,score,dscore,file,box,model_make,color,vehicle,region,candidates,direction\n"
    + ",".join(f'"{cell}"' for cell in _ROW)
    + """
2026-03-01 08:00:01,zz99zzz,0.5,0.6,a.jpg,,,,,,,
2026-03-01 08:00:09+01:00,,0.5,0.6,a.jpg,,,,,,,
yesterday,q1,0.5,0.6,a.jpg,,,,,,,
"""
)
PR_RESULT = {"plate": "ab12cde", "score": 0.9, "dscore": 0.7, "box": {"xmin": 1, "ymin": 2, "xmax": 30, "ymax": 9}}
PR_BODY = {"camera_id": "gate", "timestamp": "2026-03-01T07:00:05.500000Z", "results": [PR_RESULT]}
PR_VEHICLE = {
    "vehicle": {"type": "Sedan"},
    "plate": {"score": 0.8, "box": {"xmin": 1, "ymin": 2, "xmax": 30, "ymax": 9},
              "props": {"plate": [{"value": "ab12cde", "score": 0.9}, {"value": "ab12cd", "score": 0.2}]}},
}  # fmt: skip
GROUP = {
    "data_type": "alpr_group", "epoch_start": 1772352005500, "epoch_end": 1772352007000, "frame_start": 5,
    "frame_end": 20, "camera_id": 7, "site_id": "yard", "best_plate_number": "ab12cde", "best_confidence": 92.5,
    "best_region": "gb", "best_uuid": "u-1", "plate_indexes": [1, 2, 3], "travel_direction": 12.0,
    "candidates": [{"plate": "AB12CDE", "confidence": 92.5}, {"plate": "A812CDE", "confidence": 80.0}],
    "best_plate": {"coordinates": [{"x": 10, "y": 20}, {"x": 90, "y": 22}, {"x": 90, "y": 42}, {"x": 10, "y": 40}]},
}  # fmt: skip
RESULTS = {
    "data_type": "alpr_results", "epoch_time": 1772352005500, "camera_id": 7, "uuid": "u-2",
    "results": [{"plate": "AA1", "confidence": 80.0, "region": "gb", "coordinates": []},
                {"plate": "BB2", "confidence": 70}],
}  # fmt: skip
EVENT = {
    "id": "1772352005.5-abc", "camera": "gate", "label": "car", "start_time": 1772352005.5, "end_time": 1772352007.0,
    "zones": ["street", "drive"], "sub_label": "My car",
    "data": {"recognized_license_plate": "ab12cde", "recognized_license_plate_score": 0.97, "box": [0.1, 0.2, 0.3, 0]},
}  # fmt: skip


def convert(tmp_path: Path, program: str, content: Any) -> Converted:
    path = tmp_path / "rows"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return convert_logs(program, path)


def test_platerecognizer_csv(tmp_path: Path) -> None:
    found = convert(tmp_path, "platerecognizer", PR_CSV)
    first, second = found.records
    assert (first["plate"], first["camera"], first["track_id"]) == ("AB12CDE", "gate", 1)
    assert first["first_seen"] == "2026-03-01T07:00:05.500000+00:00"
    assert first["box"] == [10, 20, 90, 40]
    assert (first["confidence"], first["score"], first["direction_deg"]) == (0.91, 0.8, 90)
    assert first["alternatives"] == [["A812CDE", 0.3]]
    assert (second["plate"], second["camera"], second["first_seen"]) == (
        "ZZ99ZZZ", "camera", "2026-03-01T08:00:01.000000+00:00"
    )  # fmt: skip
    assert dict(found.notes) == {"model_make": 1, "region": 1}
    assert [line.split(": ")[0].rsplit(":")[-1] for line in found.broken] == ["4", "5"]


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        (PR_BODY, ["AB12CDE"]),
        ({"hook": {"id": "gate"}, "data": PR_BODY}, ["AB12CDE"]),
        ([PR_BODY, {**PR_BODY, "results": [{**PR_RESULT, "plate": "x1"}]}], ["AB12CDE", "X1"]),
        (json.dumps(PR_BODY) + "\n\nnot json\n" + json.dumps({**PR_BODY, "results": []}) + "\n", ["AB12CDE"]),
        ({**PR_BODY, "results": [PR_VEHICLE]}, ["AB12CDE"]),
    ],
)
def test_platerecognizer_json(tmp_path: Path, content: Any, texts: list[str]) -> None:
    found = convert(tmp_path, "platerecognizer", content)
    assert sorted(r["plate"] for r in found.records) == texts
    record = found.records[0]
    assert (record["camera"], record["box"]) == ("gate", [1, 2, 30, 9])
    assert record["first_seen"] == "2026-03-01T07:00:05.500000+00:00"
    assert len(found.broken) == ("not json" in str(content))


def test_frigate_events_and_messages(tmp_path: Path) -> None:
    found = convert(tmp_path, "frigate", [EVENT, {**EVENT, "id": "b", "data": {}}])
    (record,) = found.records
    assert (record["plate"], record["zone"], record["confidence"], record["dwell_s"]) == (
        "AB12CDE",
        "street",
        0.97,
        1.5,
    )
    assert record["box"] == [0, 0, 0, 0]  # Frigate's box is of the object
    assert dict(found.notes) == {"sub_label": 1, "further zones": 1}
    early = {**EVENT, "end_time": None, "entered_zones": [], "recognized_license_plate": ["ab12c", 0.6], "data": None}
    late = {**EVENT, "recognized_license_plate": ["ab12cde", 0.9], "data": None}
    lines = "\n".join(json.dumps({"type": "update", "before": None, "after": e}) for e in (early, late))
    (told,) = convert(tmp_path, "frigate", lines).records
    assert (told["plate"], told["confidence"], told["event_id"]) == ("AB12CDE", 0.9, record["event_id"])


def test_frigate_database(tmp_path: Path) -> None:
    path = tmp_path / "frigate.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE event (id, label, camera, start_time, end_time, zones, sub_label, data)")
        cells = [json.dumps(v) if isinstance(v, dict | list) else v for v in EVENT.values()]
        marks = ",".join(EVENT)
        database.execute(f"INSERT INTO event ({marks}) VALUES ({','.join('?' * len(cells))})", cells)
    database.close()
    before = path.read_bytes()
    (record,) = convert_logs("frigate", path).records
    assert (record["plate"], record["zone"]) == ("AB12CDE", "street")
    assert path.read_bytes() == before
    (tmp_path / "other.db").write_bytes(before[:100])
    with pytest.raises(InputError, match=r"other\.db: is no database of frigate"):
        convert_logs("frigate", tmp_path / "other.db")
    with pytest.raises(InputError, match="is a database: expected JSON"):
        convert_logs("openalpr", path)


def test_openalpr(tmp_path: Path) -> None:
    lines = [GROUP, RESULTS, {"data_type": "heartbeat"}, {"data_type": "other"}]
    found = convert(tmp_path, "openalpr", "\n".join(map(json.dumps, lines)))
    by_text = {r["plate"]: r for r in found.records}
    assert set(by_text) == {"AB12CDE", "AA1", "BB2"}
    group = by_text["AB12CDE"]
    assert (group["confidence"], group["n_reads"], group["camera"]) == (0.925, 3, "yard/7")
    assert (group["first_frame"], group["last_frame"], group["dwell_s"]) == (5, 20, 1.5)
    assert group["box"] == [10, 20, 90, 42]
    assert group["alternatives"] == [["A812CDE", 0.8]]
    assert group["first_seen"] == "2026-03-01T08:00:05.500000+00:00"
    assert dict(found.notes) == {
        "best_region": 1, "travel_direction": 1, "pictures without a group: a row each": 2, "region": 1
    }  # fmt: skip
    assert len(found.broken) == 1
    assert "data_type 'other'" in found.broken[0]


@pytest.mark.parametrize("program", ["platerecognizer", "frigate", "openalpr"])
@pytest.mark.parametrize(
    "content", ["null", "3", "[[]]", '{"a": 1}', '{"results": 1, "data": 2}', "[1, null, {}]", '"x"']
)
def test_odd_entries_are_left_out(tmp_path: Path, program: str, content: str) -> None:
    try:
        found = convert(tmp_path, program, content)
    except InputError:
        return  # no JSON of objects, and no CSV of that program
    assert not found.records


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_the_store_takes_the_result(tmp_path: Path, suffix: str) -> None:
    source, target, store = tmp_path / "rows.csv", tmp_path / f"ours{suffix}", tmp_path / "plates.db"
    source.write_text(PR_CSV, encoding="utf-8")
    words = ["migrate", "platerecognizer", str(source), "--logs", "--to", str(target)]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    assert "2 rows in" in done.stderr
    assert "model_make: has no counterpart (1 rows)" in done.stderr
    assert [r["plate"] for _, r in records_of(target)] == ["AB12CDE", "ZZ99ZZZ"]
    for wanted in ("2 of them new", "0 of them new"):
        assert wanted in CliRunner().invoke(cli, ["store", "import", str(store), str(target)]).stderr
    assert "AB12CDE" in CliRunner().invoke(cli, ["find", "AB12CDE", "--store", str(store)]).stdout
    again = CliRunner().invoke(cli, words, standalone_mode=False)
    assert "is there already" in str(again.exception)


def test_faults_of_usage(tmp_path: Path) -> None:
    source = tmp_path / "rows.csv"
    source.write_text("a,b\n1,2\n", encoding="utf-8")
    words = ["migrate", "platerecognizer", str(source), "--logs"]
    assert CliRunner().invoke(cli, words).exit_code == 2
    assert CliRunner().invoke(cli, [*words, "--to", str(tmp_path / "x.txt")]).exit_code == 2
    with pytest.raises(InputError, match="expected its CSV"):
        convert_logs("platerecognizer", source)
    with pytest.raises(InputError, match="cannot be read"):
        convert_logs("frigate", tmp_path / "none")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(InputError, match="no text in UTF-8"):
        convert_logs("openalpr", tmp_path / "bytes")
    (tmp_path / "empty.json").write_text("[]", encoding="utf-8")
    done = CliRunner().invoke(
        cli,
        ["migrate", "frigate", str(tmp_path / "empty.json"), "--logs", "--to", str(tmp_path / "o.csv")],
        standalone_mode=False,
    )
    assert "holds no row with a plate" in str(done.exception)
