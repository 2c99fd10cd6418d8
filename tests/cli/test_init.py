"""`alpr init`: a configuration that `alpr check` accepts, by options and by questions."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import pytest
from click.testing import CliRunner, Result

from streamer.cli import cli, init
from streamer.cli.init_text import Answers, configuration
from streamer.config.models import load_config
from streamer.errors import ConfigError, OutputError

DEMO = Path(__file__).parents[1] / "clips" / "demo.mp4"


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["init", *arguments], input=given, catch_exceptions=False)


def test_by_options_with_a_look_at_the_camera() -> None:
    Path("wanted.csv").write_text("plate\nAB 123\n", encoding="utf-8")
    result = run("site.yaml", "--camera", str(DEMO), "--name", "yard", "--country", "cn,us", "--csv", "rows.csv",
                 "--store", "alpr.db", "--watch", "wanted.csv", "--still", "still.jpg")  # fmt: skip
    assert result.exit_code == 0
    assert "camera:  1280x720, 25 frames/s\n" in result.stdout
    # Which picture is the best depends on how many are looked at in the time.
    assert re.search(r"^plates:  .*(津PN638M|9SDB273|渝EH57614) \(", result.stdout, re.M)
    assert "next:    alpr check site.yaml && alpr run --config site.yaml" in result.stdout
    still = cv2.imread("still.jpg")
    assert still is not None
    assert still.shape == (720, 1280, 3)
    config = load_config("site.yaml")
    assert config.cameras["yard"].url == str(DEMO)
    assert config.countries == ("CN", "US")
    assert [(o.type, getattr(o, "path", "")) for o in config.outputs] == [("csv", "rows.csv"), ("store", "alpr.db")]
    assert [(w.name, w.file) for w in config.watch] == [("wanted", "wanted.csv")]
    checked = CliRunner().invoke(cli, ["check", "site.yaml"], catch_exceptions=False)
    assert checked.exit_code == 0
    assert "site.yaml: valid" in checked.output


def test_by_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(init, "_interactive", lambda: True)
    answers = ["rtsp://me:s3cret@192.0.2.1/live", "XX", "DE, AT", "", "-", "gone.csv", "-"]
    result = run("--no-try", given="\n".join(answers) + "\n")
    assert result.exit_code == 0
    assert "XX" in result.stderr  # said to be no country, and asked again
    assert "gone.csv" in result.stderr
    config = load_config("alpr.yaml")
    assert config.cameras["gate"].url == "rtsp://me:${GATE_PASSWORD}@192.0.2.1/live"
    assert config.countries == ("DE", "AT")
    assert [getattr(o, "path", "") for o in config.outputs] == ["plates-{date}.csv"]
    assert config.watch == ()
    env = Path("alpr.env")
    assert env.read_text(encoding="utf-8") == 'GATE_PASSWORD="s3cret"\n'
    assert env.stat().st_mode & 0o077 == 0
    assert "s3cret" not in result.stdout + Path("alpr.yaml").read_text(encoding="utf-8")
    assert "next:    set -a; . ./alpr.env; set +a\n" in result.stdout
    monkeypatch.setenv("GATE_PASSWORD", "s3cret")
    assert CliRunner().invoke(cli, ["check", "alpr.yaml"], catch_exceptions=False).exit_code == 0


def test_a_camera_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run("--yes", "--camera", "gone.mp4")
    assert result.exit_code == 0
    assert "no such file or folder: check the path; it is written nevertheless" in result.stderr
    monkeypatch.setattr(init, "_interactive", lambda: True)
    result = run("other.yaml", "--camera", "gone.mp4", given="n\n")
    assert result.exit_code != 0
    assert not Path("other.yaml").exists()


def test_wrong_answers_are_errors_where_nobody_is_asked() -> None:
    with pytest.raises(ConfigError, match="rstp://: unknown scheme"):
        run("--camera", "rstp://192.0.2.1/")
    with pytest.raises(ConfigError, match="countries: XX"):
        run("--no-try", "--camera", "a.mp4", "--country", "XX")
    with pytest.raises(ConfigError, match="two letters"):
        run("--no-try", "--camera", "a.mp4", "--country", "Germany")
    with pytest.raises(ConfigError, match=r"gone\.csv"):
        run("--no-try", "--camera", "a.mp4", "--watch", "gone.csv")
    result = run("--no-try")
    assert result.exit_code == 2
    assert "--camera ADDRESS is missing" in result.stderr
    assert not Path("alpr.yaml").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    Path("alpr.yaml").write_text("mine\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="--replace"):
        run("--no-try", "--camera", "a.mp4")
    assert Path("alpr.yaml").read_text(encoding="utf-8") == "mine\n"
    assert run("--replace", "--no-try", "--camera", "a.mp4").exit_code == 0
    Path("b.env").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"b\.env: is there already"):
        run("b.yaml", "--no-try", "--camera", "rtsp://u:p@h/")
    with pytest.raises(OutputError, match="cannot be written"):
        run("b.env/c.yaml", "--no-try", "--camera", "a.mp4")


@pytest.mark.parametrize("text", ["a: b", "#1", "é'\"", "{x}", "- y", "no", "1:30", "\\n", " "])
def test_any_text_is_read_back(text: str, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(configuration(Answers(text, text, (), text, None, f"{text}.csv"), 640, 480), encoding="utf-8")
    config = load_config(path)
    assert list(config.cameras) == [text]
    assert config.cameras[text].url == text
    assert getattr(config.outputs[0], "path", "") == text


def test_what_is_commented_out_is_valid(tmp_path: Path) -> None:
    text = configuration(Answers("gate", "a.mp4"))
    lines = text.splitlines()
    begin = next(i for i, line in enumerate(lines) if line.startswith("cameras:"))
    keys = ("cadence", "zones", "  lane", "lines", "  gate", "outputs", "- {", "watch", "  - {")
    head, body = lines[:begin], lines[begin:]
    shown = []
    for line in body:
        bare = line.lstrip()
        inner = bare.removeprefix("# ") if bare.startswith("# ") else bare
        code = bare.startswith("# ") and inner.startswith(keys)
        shown.append(line.replace("# ", "", 1) if code else line)
    path = tmp_path / "c.yaml"
    path.write_text("\n".join([*head, *shown]) + "\n", encoding="utf-8")
    config = load_config(path)
    assert config.cameras["gate"].cadence == "auto"
    assert set(config.cameras["gate"].zones) == {"lane"}
    assert set(config.cameras["gate"].lines) == {"gate"}
    assert [o.type for o in config.outputs] == ["crops", "jsonl"]
    assert config.watch[0].file == "wanted.csv"


def test_the_demo_overwrites_nothing(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["demo", "--path"], catch_exceptions=False)
    assert result.output.strip() == str(DEMO)
    rows = tmp_path / "rows.csv"
    rows.write_text("camera,plate\ngate,AB123\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"--append|--replace|rows"):
        CliRunner().invoke(cli, ["demo", "--csv", str(rows)], catch_exceptions=False)
    assert "gate,AB123" in rows.read_text(encoding="utf-8")
