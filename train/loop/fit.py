"""The training loop both networks share: schedule, EMA, bf16 autocast, checkpoints that survive a kill, log,
progress."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, TypeVar

import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from streamer.engine.zoo import sha256
from streamer.errors import ConfigError, ModelError
from train.loop.config import TrainConfig
from train.loop.distributed import average_gradients, mean_over_processes, rank, same_start, share_of, world
from train.loop.weights import Weights, load_weights

M = TypeVar("M", bound=nn.Module)
S = TypeVar("S")  # a sample
B = TypeVar("B")  # a batch

StepLoss = Callable[[M, B], dict[str, Tensor]]
Collate = Callable[[Sequence[S]], B]
Adapt = Callable[[nn.Module, Weights], dict[str, Tensor]]  # model, content of a weights.pt -> its parameters


class TrainingState(TypedDict):
    """What a checkpoint.pt holds: all that a training needs to be resumed."""

    step: int
    seconds: float
    config: dict[str, Any]
    info: dict[str, Any]
    model: dict[str, Tensor]
    ema: dict[str, Tensor]
    ema_steps: int
    optimiser: dict[str, Any]


@dataclass
class Ema:
    """Exponential moving average of all floating tensors of a module, with a warm start."""

    module: nn.Module
    decay: float
    steps: int = 0

    @torch.no_grad()
    def update(self, source: nn.Module) -> None:
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        mine, theirs = self.module.state_dict(), source.state_dict()
        for key, value in mine.items():
            if value.dtype.is_floating_point:
                value.lerp_(theirs[key], 1 - decay)
            else:
                value.copy_(theirs[key])


def channels_last(model: nn.Module) -> None:
    """Stores the weights of convolutions with the channels innermost, which is faster."""
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # PyTorch's overloads leave it out


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weights of two and more dimensions decay; norms, biases and positions do not."""
    matrices = [
        p
        for n, p in model.named_parameters()
        if p.ndim >= 2 and not any(w in n for w in ("position", "queries", "mask_query"))
    ]
    chosen = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in chosen]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": rest, "weight_decay": 0.0}]


def learning_rate(step: int, steps: int, warmup: float, spent: float = 0.0) -> float:
    """Linear warm-up, then cosine to zero, as a factor of the peak.

    `spent`: the share of the allowed time that is used up; the decay follows it where it is ahead of the steps, so that
    a run that ends by its time has decayed all the same.
    """
    rise = max(1, round(steps * warmup))
    if step < rise:
        return (step + 1) / rise * (1.0 - min(1.0, spent))
    done = max((step - rise) / max(1, steps - rise), min(1.0, spent))
    return 0.5 * (1 + float(np.cos(np.pi * done)))


def batches(dataset: Dataset[S], config: TrainConfig, start: int, collate: Collate[S, B]) -> Iterable[B]:
    """Batches of the samples from `start` on, in order: a sample is drawn from its number, so order is no matter."""
    loader: Iterable[B] = DataLoader(
        dataset,
        batch_size=share_of(config.batch),
        # Of each batch every process takes every so many-th sample; a rest at the end is left out.
        sampler=range(start + rank(), config.samples // config.batch * config.batch, world()),
        num_workers=config.workers,
        collate_fn=collate,
        drop_last=True,
        prefetch_factor=4 if config.workers else None,
        worker_init_fn=quiet_worker,
        # Spawned, not forked: OpenCV's and OpenMP's threads do not survive a fork, and the child would wait for ever.
        multiprocessing_context="spawn" if config.workers else None,
    )
    return loader


def loader_rate(dataset: Dataset[S], config: TrainConfig, collate: Collate[S, B], count: int = 4000) -> float:
    """Samples a second that the loader alone makes with the configuration's workers, start-up left out."""
    wanted = max(2, min(count, config.samples) // config.batch)
    loaded = iter(batches(dataset, config.model_copy(update={"samples": wanted * config.batch}), 0, collate))
    next(loaded)
    began = time.perf_counter()
    seen = sum(1 for _ in loaded)
    return seen * config.batch / (time.perf_counter() - began)


def quiet_worker(_: int) -> None:
    """One thread a loader process, at low priority: the cores are the network's."""
    import cv2

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    os.nice(5)


class Checkpoint:
    """One file, replaced whole, so that a kill leaves either the old or the new one."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def save(self, state: Mapping[str, object]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".tmp")
        torch.save(dict(state), partial)
        partial.replace(self.path)

    def load(self) -> TrainingState | None:
        if not self.path.exists():
            return None
        state: TrainingState = torch.load(self.path, map_location="cpu", weights_only=True)
        return state


class MetricLog:
    """Appends one JSON line a record to a file; `read` gives them back for the plots."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, **record: float | str) -> None:
        with self.path.open("a", encoding="utf-8") as out:
            out.write(json.dumps(record) + "\n")

    def clear(self) -> None:
        """Starts an empty log."""
        self.path.unlink(missing_ok=True)

    def read(self) -> Iterator[dict[str, Any]]:
        if self.path.exists():
            with self.path.open(encoding="utf-8") as lines:
                for line in lines:
                    with suppress(json.JSONDecodeError):  # a kill may have torn a line
                        yield json.loads(line)


def fit(
    model: M,
    ema_model: M,
    dataset: Dataset[S],
    collate: Collate[S, B],
    step_loss: StepLoss[M, B],
    config: TrainConfig,
    out: Path,
    device: torch.device,
    resume: bool = True,
    info: dict[str, Any] | None = None,
    initial: Path | None = None,
    adapt: Adapt = lambda _, state: state["model"],
) -> Path:
    """Trains `model`, writes `out/checkpoint.pt`, `out/metrics.jsonl` and at the end `out/weights.pt` (the EMA).

    Resumes from the checkpoint when there is one of the same configuration and data; ConfigError when it is of others.
    `initial`: the weights.pt of another training to start from, which `adapt` makes fit the model. Of several processes
    (see train.loop.distributed) the first writes; all read its checkpoint.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    steps = config.samples // config.batch
    model.to(device).train()
    ema_model.to(device).eval()
    if initial is not None:
        load_initial(model, initial, adapt)
        info = {**(info or {}), "init_sha256": sha256(initial)}
    same_start(model)
    optimiser = torch.optim.AdamW(parameter_groups(model, config.weight_decay), lr=config.lr)
    ema = Ema(ema_model, config.ema)
    ema_model.load_state_dict(model.state_dict())
    checkpoint, log = Checkpoint(out / "checkpoint.pt"), MetricLog(out / "metrics.jsonl")
    settings = config.model_dump(mode="json")
    start, elapsed = 0, 0.0
    if resume and (state := checkpoint.load()):
        elapsed = float(state.get("seconds", 0.0))
        start = restore(state, settings, info or {}, model, ema, optimiser, checkpoint.path)
    elif rank() == 0:
        log.clear()
    last_save = last_log = time.monotonic()
    began = time.monotonic() - (elapsed if start else 0.0)
    sums: dict[str, float] = {}
    if config.compile:
        model.compile()  # in place: what calls the model runs the compiled one, and names of parameters stay
    with progress(config.name) as bar:
        task = bar.add_task(config.name, total=steps, completed=start, loss="")
        for step, batch in enumerate(batches(dataset, config, start * config.batch, collate), start):
            spent = share_of_time(time.monotonic() - began, config.hours, device)
            factor = learning_rate(step, steps, config.warmup, spent)
            for group in optimiser.param_groups:
                group["lr"] = config.lr * factor
            torch.manual_seed(config.seed + step)  # what drops out: the same in a run that was broken
            with torch.autocast(device.type, torch.bfloat16, enabled=config.bf16):
                losses = step_loss(model, batch)
            if not bool(torch.isfinite(losses["total"])):
                raise FloatingPointError(f"step {step}: the loss is not finite; lower lr or set bf16: false")
            optimiser.zero_grad(set_to_none=True)
            losses["total"].backward()
            average_gradients(model)
            nn.utils.clip_grad_norm_(model.parameters(), config.clip)
            optimiser.step()
            ema.update(model)
            for key, value in losses.items():
                sums[key] = sums.get(key, 0.0) + float(value.detach())
            done = step + 1
            last = done == steps or spent >= 1.0
            bar.update(task, completed=done, loss=f"loss {float(losses['total'].detach()):.3f}")
            if rank():
                if last:
                    break
                continue
            if done % config.log_steps == 0:
                now = time.monotonic()
                rate = config.log_steps * config.batch / (now - last_log)
                means = {k: round(v / config.log_steps, 5) for k, v in sums.items()}
                log.write(
                    step=done, samples=done * config.batch, per_second=round(rate, 1), lr=config.lr * factor, **means
                )
                sums, last_log = {}, now
            if time.monotonic() - last_save > config.checkpoint_seconds or last:
                before = time.monotonic()
                checkpoint.save(pack(done, settings, info or {}, model, ema, optimiser, before - began))
                last_save = time.monotonic()
                last_log += last_save - before  # saving is no part of the rate
            if last:
                break
    weights = out / "weights.pt"
    if rank() == 0:
        Checkpoint(weights).save({"model": ema_model.state_dict(), "config": settings, "info": info or {}})
    return weights


def share_of_time(seconds: float, hours: float | None, device: torch.device) -> float:
    """The share of `hours` that is over, 0 where there is no limit; the same in all processes."""
    if hours is None:
        return 0.0
    return float(mean_over_processes(torch.tensor(seconds / (3600 * hours), device=device)))


def load_initial(model: nn.Module, weights: Path, adapt: Adapt) -> None:
    """Puts the weights of another training into the model; ConfigError where they are of another network."""
    try:
        model.load_state_dict(adapt(model, load_weights(weights)))
    except (ModelError, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"--init {weights}: is not the weights.pt of such a network ({reason})") from None


def pack(
    step: int,
    settings: dict[str, Any],
    info: dict[str, Any],
    model: nn.Module,
    ema: Ema,
    optimiser: torch.optim.Optimizer,
    seconds: float = 0.0,
) -> TrainingState:
    return {
        "step": step,
        "seconds": seconds,
        "config": settings,
        "info": info,
        "model": model.state_dict(),
        "ema": ema.module.state_dict(),
        "ema_steps": ema.steps,
        "optimiser": optimiser.state_dict(),
    }


def restore(
    state: TrainingState,
    settings: dict[str, Any],
    info: dict[str, Any],
    model: nn.Module,
    ema: Ema,
    optimiser: torch.optim.Optimizer,
    path: Path,
) -> int:
    """Restores everything and returns the step to resume from."""
    free = {"samples", "hours", "workers", "threads", "bf16", "compile", "checkpoint_seconds", "log_steps"}
    differ = sorted(k for k in settings if k not in free and settings[k] != state["config"].get(k))
    if differ:
        raise ConfigError(
            f"{path} was made with another {', '.join(differ)}: use --fresh to start over or another --out to keep it"
        )
    for key, what in (
        ("data_hash", "from other data"),
        ("init_sha256", "from another --init"),
        ("hard_sha256", "with another --hard-from"),
    ):
        if state.get("info", {}).get(key) != info.get(key):
            raise ConfigError(f"{path} was made {what}: use --fresh to start over or another --out to keep it")
    model.load_state_dict(state["model"])
    ema.module.load_state_dict(state["ema"])
    ema.steps = state["ema_steps"]
    optimiser.load_state_dict(state["optimiser"])
    return int(state["step"])


def progress(name: str) -> Progress:
    """The bar of the first process; the others' is hidden."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[loss]}"),
    )
    return Progress(*columns, refresh_per_second=2, disable=rank() > 0)
