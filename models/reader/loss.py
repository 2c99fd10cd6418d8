"""The reader's losses: cross-entropy over the character queries, an auxiliary CTC loss on the encoder, and the kind.

The queries alone sit on a plateau before they find which token belongs to which character; a linear CTC head on the
tokens breaks it within minutes and is thrown away at export.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class ReaderTargets:
    """`slots` (N, S) int64 classes padded with EOS; `length` (N,) int64; `colour` (N,) and `rows` (N,) int64 with -1
    where unknown (`rows` 0 for one row, 1 for two)."""

    slots: Tensor
    length: Tensor
    colour: Tensor
    rows: Tensor


def ctc_loss(logits: Tensor, targets: ReaderTargets, of: Tensor) -> Tensor:
    """CTC over the samples `of` (N,) bool, times their share: logits (N, T, C + 1), blank last. Zero where none is."""
    if not bool(of.any()):
        return logits.sum() * 0
    chosen = logits[of].float().log_softmax(-1).transpose(0, 1)
    lengths = targets.length[of]
    steps = torch.full_like(lengths, chosen.shape[0])
    blank = logits.shape[-1] - 1
    loss = F.ctc_loss(chosen, targets.slots[of], steps, lengths, blank=blank, reduction="mean", zero_infinity=True)
    return loss * of.float().mean()


def known_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy over the rows whose target is not -1; zero where there is none."""
    known = target >= 0
    if not bool(known.any()):
        return logits.sum() * 0
    return F.cross_entropy(logits[known].float(), target[known])


def reader_loss(
    outputs: tuple[tuple[Tensor, Tensor, Tensor], Tensor, Tensor],
    targets: ReaderTargets,
    ctc_weight: float = 1.0,
    kind_weight: float = 0.1,
    smoothing: float = 0.05,
) -> dict[str, Tensor]:
    """Dict of scalar losses with their weighted sum as `total`."""
    (characters, colour, rows), ctc_one, ctc_two = outputs
    losses = {
        "characters": F.cross_entropy(
            characters.flatten(0, 1).float(), targets.slots.flatten(), label_smoothing=smoothing
        ),
        "ctc": ctc_loss(ctc_one, targets, targets.rows == 0) + ctc_loss(ctc_two, targets, targets.rows == 1),
        "kind": known_cross_entropy(colour, targets.colour) + known_cross_entropy(rows, targets.rows),
    }
    losses["total"] = losses["characters"] + ctc_weight * losses["ctc"] + kind_weight * losses["kind"]
    return losses
