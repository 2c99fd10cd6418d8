"""The base of all entries of `outputs:`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from streamer.config.delivery import DeliveryConfig
from streamer.config.section import Section


@dataclass(frozen=True)
class Writes:
    """What the outputs of a type leave behind, as `writes` of their settings says.

    `rows`: the user gets the rows by it; where no output has any they are printed. `files`: of the places it writes to,
    "rows" are row files (CSV with the column camera, or JSON lines) and name templates, replaced where they hold the
    same sources only; "whole" is made anew, so that one that is there is asked about; "kept" adds to what is there.
    `per_stream`: one file (or one sink) for each camera; `joins`: one takes several recordings, one after the other;
    `folder`: a folder may be given for many files; `frames`: it needs pictures, which a recording of readings has not.
    """

    rows: bool = True
    files: Literal["rows", "whole", "kept"] = "whole"
    per_stream: bool = False
    joins: bool = True
    folder: bool = False
    frames: bool = False


class Output(Section):
    """An output; the settings of an installed package's sink begin with it too."""

    writes: ClassVar[Writes] = Writes()
    short: ClassVar[str] = "path"  # the key that TEXT of `--output TYPE:TEXT` stands for

    type: str = Field(min_length=1, description="which kind of output it is")
    delivery: DeliveryConfig = DeliveryConfig()

    def places(self) -> list[Path]:
        """The files, folders and name templates it was given to write to: its `path`, where it has one."""
        path = getattr(self, "path", None)
        return [Path(path)] if isinstance(path, str | Path) else []

    def replaced(self) -> list[Path]:
        """The files (name templates) that a run makes anew, beside row files."""
        return [] if self.writes.files != "whole" else [path for path in self.places() if not self.is_folder(path)]

    def is_folder(self, path: Path) -> bool:
        """Whether a place is a folder for many files: an existing one, or a name without a suffix."""
        return self.writes.folder and (path.is_dir() or not path.suffix)

    @property
    def can_continue(self) -> bool:
        """Whether it can keep what is there (`append`)."""
        return self.writes.files != "whole" or "append" in type(self).model_fields
