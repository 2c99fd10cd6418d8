"""Weights that are shipped, and found again by name."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from models.detector.network import PlateDetector
from streamer.errors import ConfigError, ModelError
from train.loop import weights as shipped
from train.loop.weights import average, build, kind_of, load_weights, require_detector, save_shipped, weights_path


@pytest.fixture
def state() -> dict[str, object]:
    return {"model": PlateDetector().state_dict(), "config": {"name": "mine", "size": "s"}, "info": {"pictures": 3}}


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(shipped, "zoo_folder", lambda: tmp_path)
    (tmp_path / "mine").mkdir()
    return tmp_path


def test_a_name_and_a_path_give_the_file(zoo: Path, state: dict[str, object]) -> None:
    written = save_shipped(state, zoo / "mine")
    assert weights_path("mine") == weights_path(str(written)) == written
    with pytest.raises(ConfigError, match=r"yours: there is no such file.*\(mine\)"):
        weights_path("yours")


def test_shipped_weights_are_half_as_large_and_nearly_the_same(zoo: Path, state: dict[str, object]) -> None:
    whole = zoo / "weights.pt"
    torch.save(state, whole)
    written = save_shipped(state, zoo / "mine")
    assert written.stat().st_size < 0.6 * whole.stat().st_size
    again = load_weights(written)
    assert kind_of(again) == "detector"
    assert (again["config"], again["info"]) == (state["config"], state["info"])
    picture = torch.randn(1, 3, 96, 96)
    with torch.no_grad():
        for a, b in zip(build(load_weights(whole))(picture), build(again)(picture), strict=True):
            torch.testing.assert_close(a, b, atol=2e-2, rtol=1e-2)
    assert all(p.dtype == torch.float32 for p in build(again).parameters())


@pytest.mark.parametrize("content", [b"", b"no weights"])
def test_broken_files_are_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "w.pt").write_bytes(content)
    with pytest.raises(ModelError, match=r"w\.pt: cannot be read as weights"):
        load_weights(tmp_path / "w.pt")


def test_other_content_is_refused(tmp_path: Path) -> None:
    torch.save({"model": {}}, tmp_path / "w.pt")
    with pytest.raises(ModelError, match="no model and config"):
        load_weights(tmp_path / "w.pt")
    torch.save({"model": {}, "config": {"name": "reader"}}, tmp_path / "r.pt")
    with pytest.raises(ConfigError, match=r"--init .*holds the weights of a reader, expected a detector's"):
        require_detector(tmp_path / "r.pt", "--init")


def test_the_mean_of_two_is_between_them(tmp_path: Path, state: dict[str, object]) -> None:
    torch.manual_seed(1)
    other = {**state, "model": PlateDetector().state_dict(), "config": {"name": "later", "size": "s"}}
    torch.save(state, tmp_path / "a.pt")
    torch.save(other, tmp_path / "b.pt")
    mean = average([tmp_path / "a.pt", tmp_path / "b.pt"])
    assert (mean["config"], mean["info"]["averaged"]) == (other["config"], 2)
    for key, value in mean["model"].items():
        a, b = state["model"][key], other["model"][key]  # type: ignore[index]
        torch.testing.assert_close(value, (a + b) / 2 if value.is_floating_point() else b)
    alone = average([tmp_path / "a.pt"])
    assert all(torch.equal(v, state["model"][k]) for k, v in alone["model"].items())  # type: ignore[index]


def test_only_weights_of_one_network_are_averaged(tmp_path: Path, state: dict[str, object]) -> None:
    torch.save(state, tmp_path / "a.pt")
    torch.save({"model": {"x": torch.zeros(1)}, "config": {"name": "x"}}, tmp_path / "b.pt")
    with pytest.raises(ConfigError, match=r"a\.pt: holds another network than .*b\.pt"):
        average([tmp_path / "a.pt", tmp_path / "b.pt"])
