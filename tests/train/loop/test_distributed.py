"""Two processes learn as one: torchrun on the CPU, by gloo."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from datakit import drawn_folder

from train.loop.config import DetectorTrainConfig
from train.loop.distributed import average_gradients, first_alone, mean_over_processes, rank, share_of, world
from train.loop.fit import MetricLog
from train.loop.weights import load_weights

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]

WORKER = """
import sys
from pathlib import Path
import torch
from torch.utils.data import Dataset
from train.loop.config import TrainConfig
from train.loop.distributed import join, leave, mean_over_processes, rank
from train.loop.fit import fit

class Numbers(Dataset):
    def __len__(self): return 64
    def __getitem__(self, i): return torch.tensor([float(i)])

seen = []
def step_loss(model, batch):
    x = torch.stack(batch) if isinstance(batch, list) else batch
    seen.extend(int(v) for v in x.flatten())
    return {"total": ((model(x / 64) - x / 32) ** 2).mean()}

device = join(torch.device("cpu"))
torch.manual_seed(rank())  # each begins elsewhere: the first one's weights must win
model, ema = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)
config = TrainConfig(name="n", samples=64, batch=8, lr=0.05, workers=0, log_steps=2, bf16=False)
out = Path(sys.argv[1])
fit(model, ema, Numbers(), torch.stack, step_loss, config, out, device)
mean = mean_over_processes(torch.tensor(float(rank()))).item()
(out / f"seen{rank()}").write_text(repr((seen, model.weight.item(), mean)))
leave()
"""


def test_alone_nothing_changes() -> None:
    model = torch.nn.Linear(2, 1)
    model(torch.ones(1, 2)).sum().backward()
    before = model.weight.grad.clone()  # type: ignore[union-attr]
    average_gradients(model)
    assert torch.equal(before, model.weight.grad)  # type: ignore[arg-type]
    assert (rank(), world(), share_of(7)) == (0, 1, 7)
    assert mean_over_processes(torch.tensor(3.0)) == 3
    with first_alone():
        pass


def torchrun(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, text=True, timeout=240, env=environment, cwd=ROOT
    )


def test_two_processes_share_the_samples_and_end_with_the_same_weights(tmp_path: Path) -> None:
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    done = torchrun(script, tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    (one, w1, mean), (two, w2, _) = (eval((tmp_path / f"seen{k}").read_text()) for k in (0, 1))
    assert one == list(range(0, 64, 2))
    assert two == list(range(1, 64, 2))
    assert w1 == w2
    assert mean == 0.5
    rows = list(MetricLog(tmp_path / "metrics.jsonl").read())
    assert [r["samples"] for r in rows] == [16, 32, 48, 64]


def test_the_detector_by_torchrun(tmp_path: Path) -> None:
    folder = drawn_folder(tmp_path / "data")
    config = tmp_path / "d.yaml"
    settings = {"name": "two", "samples": 48, "batch": 4, "lr": 0.002, "image": 128, "synthetic": 6}
    config.write_text(yaml.safe_dump({**settings, "workers": 0, "log_steps": 2, "bf16": False}))
    out = tmp_path / "run"
    alpr = Path(sys.executable).parent / "alpr"
    done = torchrun("--no-python", alpr, "train", "detector", "--config", config, "--data", folder, "--out", out)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("weights:") == 1
    rows = list(MetricLog(out / "metrics.jsonl").read())
    assert rows[-1]["samples"] == 48
    assert rows[-1]["total"] < rows[0]["total"]
    state = load_weights(out / "weights.pt")
    assert DetectorTrainConfig.model_validate(state["config"]).name == "two"
    assert state["info"]["data_hash"]
