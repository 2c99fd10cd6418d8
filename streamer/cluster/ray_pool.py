"""Tasks on a Ray cluster. Its workers keep what they loaded from task to task; a task whose worker or node died is
reported lost, and its turn on another comes from who submitted it."""

from __future__ import annotations

import time
from importlib import import_module
from typing import Any

from streamer.cluster.pool import Outcome, Work
from streamer.cluster.ray_engine import disconnect

_RECOUNT_S = 5.0  # nodes come and go
_AHEAD = 1  # tasks that wait for each slot, so that no worker waits for us


class RayPool:
    """The cluster that `ray` is connected to. `cores`, `memory` (bytes): what one task is given."""

    name = "ray"

    def __init__(self, ray: Any, cores: int = 1, memory: int | None = None) -> None:
        self._ray, self._cores = ray, cores
        self._tasks: dict[Any, int] = {}
        self._remote = ray.remote(num_cpus=cores, max_retries=0, **({"memory": memory} if memory else {}))(_perform)
        self._counted, self._slots = 0.0, 1

    @property
    def slots(self) -> int:
        now = time.monotonic()
        if now - self._counted > _RECOUNT_S or not self._counted:
            total = float(self._ray.cluster_resources().get("CPU", 1))
            self._counted, self._slots = now, max(1, int(total // self._cores))
        return self._slots * (1 + _AHEAD)

    def submit(self, number: int, work: Work, argument: Any) -> None:
        self._tasks[self._remote.remote(work, argument, self._cores)] = number

    def outcomes(self, timeout_s: float) -> list[Outcome]:
        if not self._tasks:
            return []
        ready, _ = self._ray.wait(list(self._tasks), num_returns=1, timeout=timeout_s)
        more, _ = self._ray.wait(list(self._tasks), num_returns=len(self._tasks), timeout=0) if ready else ([], [])
        return [self._outcome(one) for one in dict.fromkeys([*ready, *more])]

    def _outcome(self, one: Any) -> Outcome:
        number = self._tasks.pop(one)
        errors = import_module("ray.exceptions")
        try:
            state, value = self._ray.get(one)
            return Outcome(number, state, value)
        except errors.RayTaskError as error:  # our own function raised: it could not be imported there
            return Outcome(number, "failed", RuntimeError(" ".join(str(error).split())[-300:]))
        except errors.RayError as error:
            return Outcome(number, "lost", f"{type(error).__name__}: its worker or node died")

    def close(self) -> None:
        for one in self._tasks:
            self._ray.cancel(one, force=True)
        self._tasks.clear()
        disconnect()


def _perform(work: Work, argument: Any, cores: int) -> tuple[str, Any]:
    from streamer.cluster.cores import claim_cores
    from streamer.cluster.local import answered

    claim_cores(cores)
    return answered(work, argument)
