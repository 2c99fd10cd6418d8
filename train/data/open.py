"""Opens the data sets named on a command line: a manifest folder, a CSV file of crops, `ccpd:DIR` for CCPD as
downloaded, or `openalpr:DIR` for openalpr's benchmark, which only measures."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from streamer.errors import ConfigError
from train.data.ccpd import SPLIT_NAMES, Protocol, read_ccpd
from train.data.crops_csv import read_crops_csv
from train.data.manifest import Sample, is_validation, read_manifest
from train.data.openalpr import read_openalpr

_log = logging.getLogger(__name__)


def open_datasets(specs: Sequence[str], split: str, protocol: Protocol = "2019") -> list[Sample]:
    """All samples of a split of all data sets, in order. Unusable CCPD names are logged and counted."""
    return [sample for spec in specs for sample in open_dataset(spec, split, protocol=protocol)]


def open_dataset(
    spec: str, split: str, kind: str | None = None, protocol: Protocol = "2019", quiet: bool = False
) -> list[Sample]:
    """The samples of a data set as named on the command line: a manifest folder, `FILE.csv`, `ccpd:DIR`, or
    `openalpr:DIR`, which has the split dev alone.

    `split`: `train` (what may be trained on), `validation` (held out from it) or `dev` (only measured; CCPD's test).
    `kind` scene | crop | background. Names and labels that cannot be used are warned of, unless `quiet`, and left out.
    """
    if split not in SPLIT_NAMES.values():
        raise ConfigError(f"split {split!r}: expected {', '.join(SPLIT_NAMES.values())}")
    scheme, _, folder = spec.partition(":")
    if scheme == "ccpd" and folder:
        part = next(p for p, name in SPLIT_NAMES.items() if name == split)
        samples, bad = read_ccpd(folder, protocol, part)
        for line in bad.lines() if not quiet else ():
            _log.warning("%s", line)
        return [s for s in samples if kind is None or s.kind == kind]
    if scheme == "openalpr" and folder:
        if split != "dev":
            raise ConfigError(f"{spec}: openalpr's benchmark only measures (split dev); leave it out of training")
        samples, faults = read_openalpr(folder)
        for line in faults.lines() if not quiet else ():
            _log.warning("%s", line)
        return [s for s in samples if kind is None or s.kind == kind]
    samples = read_crops_csv(Path(spec)) if spec.lower().endswith(".csv") else read_manifest(spec)
    samples = [s for s in samples if (kind is None or s.kind == kind)]
    if split == "dev":
        return [s for s in samples if s.split == "dev"]
    return [s for s in samples if s.split == "train" and is_validation(s) == (split == "validation")]
