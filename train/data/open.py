"""Opens the data sets named on a command line: a manifest folder, or `ccpd:DIR` for CCPD as downloaded."""

from __future__ import annotations

from collections.abc import Sequence

from train.data.ccpd import open_dataset
from train.data.manifest import Sample


def open_datasets(specs: Sequence[str], split: str, protocol: str = "2019") -> list[Sample]:
    """All samples of a split of all data sets, in order. Unusable CCPD names are logged and counted."""
    return [sample for spec in specs for sample in open_dataset(spec, split, protocol=protocol)]
