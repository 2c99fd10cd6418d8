"""Configuration: defaults documented, errors that name file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from streamer.config import RunConfig, load_config
from streamer.errors import ConfigError


def test_default_yaml_is_the_models_defaults(repo: Path) -> None:
    path = repo / "configs" / "stream" / "default.yaml"
    assert load_config(path) == RunConfig()

    def keys(model: type[BaseModel]) -> dict[str, object]:
        fields = {name: field.annotation for name, field in model.model_fields.items()}
        named = {name for name, field in model.model_fields.items() if field.default == {}}  # mappings by name
        return {
            n: keys(a) if isinstance(a, type) and issubclass(a, BaseModel) else {} if n in named else None
            for n, a in fields.items()
        }

    def given(values: object) -> object:
        return {k: given(v) for k, v in values.items()} if isinstance(values, dict) else None

    assert given(yaml.safe_load(path.read_text(encoding="utf-8"))) == keys(RunConfig), "every key is documented"


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}", "track:\n  max_gap_s: 1\n", "track: {}\n"])
def test_a_part_is_enough(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    assert load_config(path).read == RunConfig().read


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("camra: gate\n", r"c\.yaml:1: camra: unknown key: did you mean 'camera'\?"),
        ("camera: x\ntrack:\n  max_gap: 1\n", r"c\.yaml:3: track\.max_gap: unknown key: did you mean 'max_gap_s'\?"),
        ("zzz: 1\n", r"c\.yaml:1: zzz: unknown key: expected one of camera, "),
        (
            "\nvote:\n  min_reads: many\n",
            r"c\.yaml:3: vote\.min_reads: input should be a valid integer.* \(got 'many'\)",
        ),
        ("min_score: 1.5\n", r"c\.yaml:1: min_score: input should be less than 1 \(got 1\.5\)"),
        ("precision: int4\n", r"c\.yaml:1: precision: input should be 'auto', 'int8', 'bf16' or 'f32' \(got 'int4'\)"),
        ("track: 5\n", r"c\.yaml:1: track: input should be a valid dictionary"),
        ("min_score: .nan\n", r"c\.yaml:1: min_score: "),
        ("start_time: 2026-01-31T08:00:00\n", r"c\.yaml:1: start_time: input should have timezone"),
        ("queue: 4\nqueue: 5\n", r"c\.yaml:2: queue: already given in line 1"),
        (
            "zones:\n  lane: {polygon: [[0, 0], [1, 1]]}\n",
            r"c\.yaml:2: zones\.lane\.polygon: tuple should have at least 3",
        ),
        (
            "zones:\n  lane:\n    polygon: [[0, 0], [1, 0], [1, 2]]\n",
            r"c\.yaml:3: zones\.lane\.polygon\.2\.1: input should be less than or equal to 1 \(got 2\)",
        ),
        (
            "zones:\n  lane:\n    polygn: []\n",
            r"c\.yaml:3: zones\.lane\.polygn: unknown key: did you mean 'polygon'\?",
        ),
        ("- a\n- b\n", r"c\.yaml:1: expected a mapping"),
        ("camera: [\n", r"c\.yaml:2: not valid YAML: "),
        ("camera: !!python/object:os.system x\n", r"c\.yaml:1: not valid YAML: "),
        ("on: 1\n", r"c\.yaml:1: .*unknown key"),
        ("countries: DE\n", r"c\.yaml:1: countries: expected a list of countries, like \[DE\] \(got 'DE'\)"),
        ("countries: [SE, NO]\n", r'c\.yaml:1: countries\.1: put NO in quotes, "NO": YAML'),
        ("countries: [49]\n", r"c\.yaml:1: countries\.0: expected the two letters .* \(got 49\)"),
        (
            "cameras:\n  gate:\n    url: x\n    countries: NO\n",
            r"c\.yaml:4: cameras\.gate\.countries: .*tuple",
        ),
    ],
)
def test_errors_name_file_line_and_key(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(path)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_missing_file_and_one_that_is_not_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such configuration file"):
        load_config(tmp_path / "c.yaml")
    (tmp_path / "c.yaml").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(ConfigError, match="cannot be read as UTF-8"):
        load_config(tmp_path / "c.yaml")


def test_times_keep_their_offset(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("start_time: 2026-01-31T08:00:00+08:00\n")
    start = load_config(tmp_path / "c.yaml").start_time
    assert start is not None
    assert start.isoformat() == "2026-01-31T08:00:00+08:00"


def test_options_win_and_are_checked() -> None:
    config = RunConfig(camera="gate", min_score=0.3).with_options(min_score=0.5, threads=None)
    assert (config.camera, config.min_score, config.threads) == ("gate", 0.5, None)
    assert RunConfig().with_options(countries=("de", "At")).countries == ("DE", "AT")
    with pytest.raises(ConfigError, match=r"option --country: expected the two letters .*\(got 'Germany'\)"):
        config.with_options(countries=("Germany",))
    with pytest.raises(ConfigError, match="option --min-score: "):
        config.with_options(min_score=2.0)


def test_frozen_and_closed() -> None:
    with pytest.raises(ValidationError):
        RunConfig().camera = "x"  # type: ignore[misc]
    with pytest.raises(ValidationError):
        RunConfig.model_validate({"nonsense": 1})
