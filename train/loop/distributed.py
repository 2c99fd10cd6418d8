"""Several processes, one training: what torchrun started, seen from one of them.

Each process learns from its share of every batch; gradients are averaged after each step by one message (the networks
are small), so that all hold the same weights. Without torchrun everything here does nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn

from streamer.errors import ConfigError


def join(device: torch.device) -> torch.device:
    """Joins the processes that torchrun started, if it did; gives the device of this one."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2 or dist.is_initialized():
        return device
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    # The others wait while the first decodes pictures and draws plates: hours, on a large set.
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=timedelta(hours=12))
    return device


def leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()


def world() -> int:
    """How many processes there are."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """The number of this one, from 0; number 0 writes the files."""
    return dist.get_rank() if dist.is_initialized() else 0


@contextmanager
def first_alone() -> Iterator[None]:
    """Process 0 does the body first, the others after it: they find its caches made."""
    if world() > 1 and rank() > 0:
        dist.barrier()
    yield
    if world() > 1 and rank() == 0:
        dist.barrier()


def share_of(batch: int) -> int:
    """The samples of each batch that this process gets; ConfigError where they do not divide evenly."""
    if batch % world():
        raise ConfigError(f"batch: {batch} does not divide among {world()} processes; choose a multiple")
    return batch // world()


def same_start(module: nn.Module) -> None:
    """All processes take the weights of process 0."""
    if world() > 1:
        for tensor in module.state_dict().values():
            dist.broadcast(tensor, 0)


def average_gradients(module: nn.Module) -> None:
    """The mean of every gradient over the processes, in one message."""
    if world() < 2:
        return
    grads = [p.grad for p in module.parameters() if p.grad is not None]
    flat = torch.cat([g.flatten() for g in grads])
    dist.all_reduce(flat)
    flat /= world()
    for g, part in zip(grads, flat.split([g.numel() for g in grads]), strict=True):
        g.copy_(part.view_as(g))


def mean_over_processes(value: Tensor) -> Tensor:
    """The mean of a scalar that carries no gradient."""
    if world() < 2:
        return value
    value = value.clone()
    dist.all_reduce(value)
    return value / world()
