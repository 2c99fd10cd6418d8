"""The identity of the networks that a process would use, so that no two nodes mix different ones."""

from __future__ import annotations

from streamer.engine.detector import split_input
from streamer.engine.runtime import resolve_device, resolve_precision
from streamer.engine.zoo import find_model, sha256


def identity_of(detector: str, reader: str, precision: str, device: str = "CPU") -> str:
    """Precision, and the first digits of the weights of detector, refiner and reader; ModelError where one is missing
    or altered."""
    chosen = resolve_precision(precision, resolve_device(device))
    found = find_model(split_input(detector)[0], chosen, "detector")
    files = [found, find_model(reader, chosen, "reader")]
    refiner = found.card.get("refiner")
    if refiner and refiner != "none":
        files.append(find_model(refiner, resolve_precision(precision), "refiner"))
    return "-".join([chosen, *(sha256(one.xml.with_suffix(".bin"))[:8] for one in files)])
