"""The reader's losses: cross-entropy over the character queries, an auxiliary CTC loss on the encoder, and the kind.

The queries alone sit on a plateau before they find which token belongs to which character; a linear CTC head on the
tokens breaks it within minutes. At run time its columns are weighed against the queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

EMPTY = 8


@dataclass(frozen=True)
class ReaderTargets:
    """`slots` (N, S) int64 classes padded with EOS; `length` (N,) int64; `colour`, `rows` and `region` (N,) int64
    with -1 where unknown (`rows` 0 for one row, 1 for two)."""

    slots: Tensor
    length: Tensor
    colour: Tensor
    rows: Tensor
    region: Tensor


def ctc_loss(one_row: Tensor, two_rows: Tensor, targets: ReaderTargets) -> Tensor:
    """CTC of the tokens read as one row (N, T, C + 1) and as two (N, T', C + 1), blank last: of each sample the one
    that its rows call for, the smaller one where they are unknown."""
    one, two = (_ctc_each(logits, targets) for logits in (one_row, two_rows))
    # What does not fit the tokens is no choice, and has no loss where it is the only one.
    either = torch.where(_fits(one_row, targets) & (one < two), one, two)
    return torch.where(targets.rows == 0, one, torch.where(targets.rows == 1, two, either)).mean()


def _fits(logits: Tensor, targets: ReaderTargets) -> Tensor:
    """(N,) bool: whether the text, with a blank between equal neighbours, fits the steps."""
    slots = targets.slots
    inside = torch.arange(1, slots.shape[1], device=slots.device) < targets.length[:, None]
    twice = ((slots[:, 1:] == slots[:, :-1]) & inside).sum(1)
    return targets.length + twice <= logits.shape[1]


def _ctc_each(logits: Tensor, targets: ReaderTargets) -> Tensor:
    """(N,) loss a character of each sample."""
    steps = torch.full_like(targets.length, logits.shape[1])
    blank = logits.shape[-1] - 1
    chosen = logits.float().log_softmax(-1).transpose(0, 1)
    loss = F.ctc_loss(chosen, targets.slots, steps, targets.length, blank=blank, reduction="none", zero_infinity=True)
    # A picture without a text has a blank in every step: as much as a text of usual length, not one for each.
    return loss / torch.where(targets.length > 0, targets.length, EMPTY)


def known_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy over the rows whose target is not -1; zero where there is none."""
    known = target >= 0
    if not bool(known.any()):
        return logits.sum() * 0
    return F.cross_entropy(logits[known].float(), target[known])


def kind_loss(kind: Sequence[Tensor], targets: ReaderTargets) -> Tensor:
    """Cross-entropy of colour, rows and region, each where it is known."""
    known = zip(kind, (targets.colour, targets.rows, targets.region), strict=True)
    return torch.stack([known_cross_entropy(logits, target) for logits, target in known]).sum()


def reader_loss(
    outputs: tuple[tuple[Tensor | None, Tensor, Tensor, Tensor], Tensor, Tensor],
    targets: ReaderTargets,
    ctc_weight: float = 1.0,
    kind_weight: float = 0.1,
    smoothing: float = 0.05,
    answers: Tensor | None = None,
    taught: float = 0.5,
) -> dict[str, Tensor]:
    """Dict of weighted scalar losses with their sum as `total`. A network without character queries gives None for
    their logits and learns by CTC alone. `answers` (N, S, C): what teachers hold likely in each place; the share
    `taught` of the characters' loss is the cross-entropy with them (distillation, arXiv 1503.02531, temperature 1)."""
    (characters, *kind), ctc_one, ctc_two = outputs
    losses = {
        "ctc": ctc_weight * ctc_loss(ctc_one, ctc_two, targets),
        "kind": kind_weight * kind_loss(kind, targets),
    }
    if characters is not None:
        logits = characters.flatten(0, 1).float()
        losses["characters"] = F.cross_entropy(logits, targets.slots.flatten(), label_smoothing=smoothing)
        if answers is not None:
            learned = F.cross_entropy(logits, answers.flatten(0, 1))
            losses["characters"] = (1 - taught) * losses["characters"] + taught * learned
    losses["total"] = torch.stack(list(losses.values())).sum()
    return losses
