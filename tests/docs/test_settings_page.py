"""The page of all settings is what the models say, and they leave nothing out."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import pytest
from pydantic import BaseModel

from streamer.cli.options import SHORT_FORMS
from streamer.cli.output_options import FLAGS
from streamer.cli.run import run
from streamer.config.models import CameraConfig, RunConfig
from streamer.config.outputs import TYPES
from streamer.config.recognition import LineConfig, ZoneConfig
from streamer.config.watch import WatchConfig

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs"))
import settings_page  # noqa: E402

MODELS = [RunConfig, CameraConfig, ZoneConfig, LineConfig, WatchConfig, *dict.fromkeys(TYPES.values())]
OPTIONS = {name for option in run.params if isinstance(option, click.Option) for name in option.opts}
NO_UNIT = {"priority", "video_track", "video.crf", "crf"}


def test_the_page_is_what_the_generator_makes() -> None:
    assert settings_page.PAGE.read_text(encoding="utf-8") == settings_page.page(), (
        "a setting has changed: python docs/generate.py --settings"
    )


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_setting_is_described(model: type[BaseModel]) -> None:
    for key, field in settings_page.fields_of(model):
        assert settings_page.described(field), f"{model.__name__}.{key}: has no description"
        if settings_page.type_of(field.annotation).startswith(("number", "whole number")):
            assert settings_page.unit_of(key, field) or key in NO_UNIT, f"{model.__name__}.{key}: has no unit"


def test_every_setting_is_on_the_page() -> None:
    text = settings_page.PAGE.read_text(encoding="utf-8")
    keys = [key for key, field in settings_page.fields_of(RunConfig) if settings_page.section_of(field) is None]
    keys += ["zones.NAME.polygon", "lines.NAME.end", "cameras.NAME.url", "delivery.retry.limit_s"]
    for model in TYPES.values():
        of_type = [key for key, field in settings_page.fields_of(model) if settings_page.section_of(field) is None]
        keys += [key for key in of_type if not key.startswith("delivery.")]
    assert [key for key in keys if f"\n| `{key}` |" not in text] == []


def test_a_row_has_type_range_default_unit_camera_and_option() -> None:
    lines = settings_page.page().splitlines()
    (row,) = [line for line in lines if line.startswith("| `vote.rejoin_s` ")]
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        "`vote.rejoin_s`", "number", "`60`", "≥ 0", "s",
        "the same text again within this many seconds is the same passage", "yes", "`--rejoin`",
    ]  # fmt: skip
    (row,) = [line for line in lines if line.startswith("| `live.ready` ")]
    assert row.endswith("|  | `--ready` |")


def test_options_that_stand_for_settings_are_there() -> None:
    keys = {key for key, _ in settings_page.fields_of(RunConfig)}
    assert set(SHORT_FORMS) <= keys
    assert set(SHORT_FORMS.values()) <= OPTIONS
    assert {flag for text in FLAGS.values() for flag in text.split() if flag.startswith("--")} <= OPTIONS
    assert set(FLAGS) <= set(TYPES)
    assert "| `terminal` |  | `--output terminal` |" in settings_page.page()
