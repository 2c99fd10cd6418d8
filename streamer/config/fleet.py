"""Settings of `alpr fleet`: those of a run with many cameras, and the section `fleet`."""

from __future__ import annotations

from pydantic import Field, model_validator

from streamer.config.load import Loc
from streamer.config.messages import raised
from streamer.config.models import RunConfig
from streamer.config.outputs import StoreOutput
from streamer.config.section import Section, unit


class FleetSettings(Section):
    """How cameras are spread over nodes."""

    state: str = Field(
        default="~/.local/state/alpr-fleet",
        min_length=1,
        description="folder on a local disk of every node: rows wait there until the store has them",
    )
    nodes: int = Field(
        default=1,
        ge=1,
        le=256,
        description="with --address local: processes on this machine, which share its cores",
        json_schema_extra=unit("processes"),
    )
    shard_cores: float | None = Field(
        default=None,
        gt=0,
        description="cores of one process; null: all cores of a node in one process",
        json_schema_extra=unit("cores"),
    )
    fill: float = Field(
        default=0.85,
        gt=0,
        le=1,
        description="share of a process's cores that cameras may take",
        json_schema_extra=unit("share"),
    )
    gap: float = Field(
        default=0.25,
        gt=0,
        le=1,
        description="difference of two processes' load from which a camera is moved (share of the cores)",
        json_schema_extra=unit("share"),
    )
    cost: float = Field(
        default=0.5,
        gt=0,
        description="cores that a camera is taken to need before it was measured",
        json_schema_extra=unit("cores"),
    )
    silent_s: float = Field(default=3.0, gt=0, description="seconds without an answer after which a process is gone")
    lease_s: float = Field(
        default=5.0, gt=0, description="seconds after which a camera of a process that does not answer is another's"
    )


class FleetConfig(RunConfig):
    """A run of many cameras on many nodes."""

    fleet: FleetSettings = FleetSettings()

    @model_validator(mode="after")
    def _outputs(self) -> FleetConfig:
        faults: list[tuple[Loc, str]] = []
        stores = [one for one in self.outputs if one.type == "store"]
        if len(stores) != 1:
            faults.append((("outputs",), "a fleet keeps its rows in one store: give one output of type store"))
        for number, one in enumerate(self.outputs):
            if one.type != "store":
                told = f"{one.type} is an output of one machine: of a fleet only store (take rows from there)"
                faults.append((("outputs", number, "type"), told))
        for one in stores:
            number = self.outputs.index(one)
            for name in ("crops", "snapshots"):
                if getattr(one, name):
                    told = "pictures are files of one machine: a fleet keeps none"
                    faults.append((("outputs", number, name), told))
        for name, camera in self.cameras.items():
            if camera.outputs:
                faults.append((("cameras", name, "outputs"), "a fleet has one store for all cameras: leave this out"))
        if self.fleet.lease_s < self.fleet.silent_s:
            faults.append((("fleet", "lease_s"), f"expected at least silent_s ({self.fleet.silent_s:g})"))
        if faults:
            raise raised(faults)
        return self

    @property
    def store(self) -> StoreOutput:
        """The output of all rows."""
        found = next(one for one in self.outputs if one.type == "store")
        assert isinstance(found, StoreOutput)
        return found
