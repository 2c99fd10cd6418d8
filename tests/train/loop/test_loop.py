"""The training loop: schedule, moving average, log, and resuming where a kill left off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from streamer.errors import ConfigError
from train.loop.config import DetectorTrainConfig, ReaderTrainConfig, TrainConfig, load_config
from train.loop.fit import Checkpoint, Ema, MetricLog, fit, learning_rate, parameter_groups

CPU = torch.device("cpu")


class Lines(Dataset[Tensor]):
    """Points of a line, drawn from their number."""

    def __getitem__(self, i: int) -> Tensor:
        x = torch.randn(2, generator=torch.Generator().manual_seed(i))
        return torch.stack([x[0], 3 * x[0] + 0.1 * x[1]])


def config(**changes: Any) -> TrainConfig:
    base = {"name": "line", "samples": 96, "batch": 4, "lr": 0.05, "workers": 0, "bf16": False, "log_steps": 4}
    return TrainConfig(**{**base, "checkpoint_seconds": 1e-6, **changes})


def square(model: nn.Module, batch: Tensor) -> dict[str, Tensor]:
    error = (model(batch[:, :1])[:, 0] - batch[:, 1]).square().mean()
    return {"error": error, "total": error}


def train(out: Path, loss: Any = square, resume: bool = True, **changes: Any) -> Path:
    torch.manual_seed(0)
    model, ema = nn.Linear(1, 1), nn.Linear(1, 1)
    return fit(model, ema, Lines(), torch.stack, loss, config(**changes), out, CPU, resume)


def weights(path: Path) -> dict[str, Tensor]:
    found: dict[str, Tensor] = torch.load(path, weights_only=True)["model"]
    return found


class Killed(Exception):
    pass


def dies_at(step: int) -> Any:
    calls = 0

    def loss(model: nn.Module, batch: Tensor) -> dict[str, Tensor]:
        nonlocal calls
        calls += 1
        if calls > step:
            raise Killed
        return square(model, batch)

    return loss


@pytest.mark.parametrize("step", [1, 7, 23])
def test_a_killed_run_ends_where_a_whole_one_does(tmp_path: Path, step: int) -> None:
    whole = weights(train(tmp_path / "whole"))
    with pytest.raises(Killed):
        train(tmp_path / "broken", dies_at(step))
    resumed = weights(train(tmp_path / "broken"))
    assert all(torch.equal(whole[k], resumed[k]) for k in whole)


def test_the_loss_falls_and_is_logged(tmp_path: Path) -> None:
    train(tmp_path, samples=1600)
    rows = list(MetricLog(tmp_path / "metrics.jsonl").read())
    assert rows[-1]["total"] < 0.2 * rows[0]["total"]
    assert {"step", "samples", "per_second", "lr", "error", "total"} <= rows[0].keys()
    assert rows[-1]["step"] == 400


def test_a_compiled_training_ends_with_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[nn.Module] = []
    monkeypatch.setattr(nn.Module, "compile", lambda module: compiled.append(module))
    plain, other = weights(train(tmp_path / "plain")), weights(train(tmp_path / "compiled", compile=True))
    assert len(compiled) == 1
    assert plain.keys() == other.keys()
    assert all(torch.equal(plain[k], other[k]) for k in plain)


def test_a_torn_last_line_of_the_log_is_left_out(tmp_path: Path) -> None:
    log = MetricLog(tmp_path / "m.jsonl")
    log.write(step=1, total=2.0)
    with log.path.open("a") as out:
        out.write('{"step": 2, "to')
    assert [r["step"] for r in log.read()] == [1]


def test_another_configuration_is_not_resumed(tmp_path: Path) -> None:
    train(tmp_path)
    with pytest.raises(ConfigError, match="another lr: use --fresh"):
        train(tmp_path, lr=0.01)
    train(tmp_path, lr=0.01, resume=False)


def test_what_does_not_change_the_result_may_differ(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        train(tmp_path, dies_at(5))
    train(tmp_path, log_steps=2, checkpoint_seconds=60.0)


def test_other_data_is_not_resumed(tmp_path: Path) -> None:
    def run(data: str) -> None:
        model, ema = nn.Linear(1, 1), nn.Linear(1, 1)
        info = {"data_hash": data}
        fit(model, ema, Lines(), torch.stack, square, config(), tmp_path, CPU, info=info)

    run("a")
    run("a")
    with pytest.raises(ConfigError, match="made from other data"):
        run("b")


def test_a_training_starts_from_another_ones_weights(tmp_path: Path) -> None:
    first = train(tmp_path / "first", samples=800)
    model, ema = nn.Linear(1, 1), nn.Linear(1, 1)
    still = config(samples=4, lr=1e-9)
    second = fit(model, ema, Lines(), torch.stack, square, still, tmp_path / "second", CPU, initial=first)
    assert all(torch.allclose(weights(first)[k], weights(second)[k], atol=1e-6) for k in weights(first))
    (tmp_path / "bad.pt").write_bytes(b"no weights")
    for bad in (tmp_path / "bad.pt", tmp_path / "nowhere.pt"):
        with pytest.raises(ConfigError, match=f"--init {bad}: is not the weights.pt"):
            fit(model, ema, Lines(), torch.stack, square, still, tmp_path / "third", CPU, initial=bad)


def test_a_loss_that_is_not_finite_stops(tmp_path: Path) -> None:
    def broken(model: nn.Module, batch: Tensor) -> dict[str, Tensor]:
        return {"total": square(model, batch)["total"] * float("nan")}

    with pytest.raises(FloatingPointError, match="step 0: the loss is not finite; lower lr"):
        train(tmp_path, broken)


def test_a_checkpoint_is_replaced_whole(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "c.pt")
    assert checkpoint.load() is None
    checkpoint.save({"step": 1})
    (tmp_path / "c.tmp").write_bytes(b"half a fil")  # a kill while the next one was written
    loaded = checkpoint.load()
    assert loaded is not None
    assert loaded["step"] == 1


@pytest.mark.parametrize(("step", "factor"), [(0, 0.1), (9, 1.0), (10, 1.0), (55, 0.5), (100, 0.0)])
def test_learning_rate(step: int, factor: float) -> None:
    assert learning_rate(step, 100, 0.1) == pytest.approx(factor, abs=1e-9)


@pytest.mark.parametrize(
    ("step", "spent", "factor"),
    [
        (50, 0.0, 0.5868240888),  # the steps lead
        (50, 0.9, 0.0244717418),  # the time leads
        (50, 1.0, 0.0),
        (50, 7.0, 0.0),
        (4, 0.5, 0.25),  # within the warm-up
    ],
)
def test_learning_rate_follows_the_time(step: int, spent: float, factor: float) -> None:
    assert learning_rate(step, 100, 0.1, spent) == pytest.approx(factor, abs=1e-9)


def test_a_training_by_the_clock_ends_decayed_and_resumes_what_is_left(tmp_path: Path, monkeypatch) -> None:
    now = [100.0]

    def clock() -> float:
        now[0] += 9.0
        return now[0]

    monkeypatch.setattr("train.loop.fit.time.monotonic", clock)
    train(tmp_path, samples=400000, hours=0.1, checkpoint_seconds=100)
    state = Checkpoint(tmp_path / "checkpoint.pt").load()
    assert state is not None
    assert 4 < state["step"] < 40
    assert state["seconds"] >= 360
    assert (tmp_path / "weights.pt").exists()
    train(tmp_path, samples=400000, hours=0.2, checkpoint_seconds=100)
    longer = Checkpoint(tmp_path / "checkpoint.pt").load()
    assert longer is not None
    assert state["step"] < longer["step"] <= 2 * state["step"]


def test_the_average_follows_quickly_at_first() -> None:
    model, slow = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    nn.init.zeros_(slow.weight)
    nn.init.ones_(model.weight)
    ema = Ema(slow, 0.999)
    ema.update(model)
    assert slow.weight.item() == pytest.approx(9 / 11)


def test_only_matrices_decay() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))
    decayed, free = parameter_groups(model, 0.1)
    assert [p.ndim for p in decayed["params"]] == [4, 2]
    assert {p.ndim for p in free["params"]} == {1}
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.1, 0.0)


@pytest.mark.parametrize("file", ["detector/s.yaml", "reader/base.yaml"])
def test_shipped_configurations_are_good(repo: Path, file: str) -> None:
    schema = DetectorTrainConfig if file.startswith("detector") else ReaderTrainConfig
    assert load_config(repo / "configs" / file, schema).name.startswith("plate-")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "name: a\nsamples: 1\nbatch: 1\nlr: 1\nepochs: 3\n",
            ":5: epochs: unknown key: expected one of name, samples, ",
        ),
        ("name: a\nsamples: 0\nbatch: 1\nlr: 1\n", "samples: "),
        ("name: a\nbatch: 1\nlr: 1\n", "samples: "),
        ("name: [a", ":1: not valid YAML: "),
        ("name: 007\nsamples: 1e\nbatch: 1\nlr: 1e-3\n", ":2: samples: expected a whole number"),
        ("", ":1: name: is missing"),
    ],
)
def test_bad_configurations_name_file_and_key(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=says) as caught:
        load_config(file, TrainConfig)
    assert str(file) in str(caught.value)
