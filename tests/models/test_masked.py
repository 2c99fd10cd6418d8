"""The reader's pre-training: what is hidden stays hidden, and the frozen stays frozen."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.reader.masked import (
    TOKENS,
    MaskedCharacters,
    MaskedPlates,
    cells_of,
    chosen,
    filled,
    masked_character_loss,
    masked_image_loss,
)
from models.reader.network import PlateReaderNet
from train.data.masking import cells_under, hidden_cells

CLASSES = 95


def images(n: int = 2) -> torch.Tensor:
    return torch.randn(n, 3, 48, 128, generator=torch.Generator().manual_seed(0))


def hidden(n: int = 2, share: float = 0.45) -> torch.Tensor:
    return torch.stack([torch.from_numpy(hidden_cells(np.random.default_rng(k), share)) for k in range(n)])


def test_a_cell_is_filled_whole_and_alone() -> None:
    where = torch.zeros(1, TOKENS, dtype=torch.bool)
    where[0, 16 + 2] = True  # second row, third column
    image = images(1)
    out = filled(image, where)
    changed = (out != image).any(1)[0]
    assert changed[16:32, 16:24].all()
    assert int(changed.sum()) == 16 * 8
    torch.testing.assert_close(out[0, :, 20, 20], image.mean((2, 3))[0])


def test_cells_are_in_the_tokens_order() -> None:
    image = torch.zeros(1, 3, 48, 128)
    image[:, :, 16:32, 16:20] = 1.0  # the left half of the cell 16 + 2
    cells = cells_of(image)
    assert cells.shape == (1, TOKENS, 3 * 16 * 8)
    busy = cells.abs().sum(-1)[0] > 1
    assert busy.nonzero().flatten().tolist() == [18]
    assert float(cells[0, 18].mean()) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize(("share", "count"), [(0.45, 21), (0.5, 24), (0.1, 6)])
def test_as_many_cells_in_every_sample(share: float, count: int) -> None:
    drawn = [hidden_cells(np.random.default_rng(k), share) for k in range(50)]
    assert {int(h.sum()) for h in drawn} == {count}
    columns = [h.reshape(3, 16) for h in drawn]
    assert any((c.all(0) == c.any(0)).all() for c in columns)  # whole columns
    assert any((c.any(0) != c.all(0)).any() for c in columns)  # and single cells


def test_the_prediction_does_not_see_what_is_hidden() -> None:
    torch.manual_seed(0)
    net = MaskedPlates(PlateReaderNet(CLASSES)).eval()
    where, image = hidden(), images()
    mean = image.mean((2, 3), keepdim=True)
    with torch.no_grad():
        first = net(image, where)[0]
        # Other pixels under the mask, with the mean as before: the prediction must stay.
        mask = (filled(image, where) != image).float()
        other = image + mask * torch.randn_like(image)
        other = other - mask * ((other - image).sum((2, 3), keepdim=True) / mask.sum((2, 3), keepdim=True))
        torch.testing.assert_close(other.mean((2, 3), keepdim=True), mean, atol=1e-4, rtol=0)
        second = net(other, where)[0]
    torch.testing.assert_close(first, second, atol=1e-3, rtol=0)


def test_visual_phase_teaches_the_encoder() -> None:
    torch.manual_seed(0)
    net = MaskedPlates(PlateReaderNet(CLASSES)).train()
    where, image = hidden(), images()
    losses = masked_image_loss(net(image, where), image, where)
    losses["total"].backward()
    assert all(torch.isfinite(v) for v in losses.values())
    assert float(net.reader.encoder.blocks[0].ffn[0].weight.grad.abs().sum()) > 0  # type: ignore[union-attr, index]
    assert net.reader.classify.weight.grad is None


def test_language_phase_keeps_the_encoder() -> None:
    torch.manual_seed(0)
    net = MaskedCharacters(PlateReaderNet(CLASSES)).train()
    assert not net.reader.encoder.training
    assert net.reader.decoder.training
    before = {k: v.clone() for k, v in net.reader.encoder.state_dict().items()}
    slots = torch.zeros(2, 16, dtype=torch.long)
    asked = torch.zeros(2, 16, dtype=torch.bool)
    asked[:, 1] = True
    optimiser = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=1e-2)
    masked_character_loss(net(images(), hidden()), slots, asked)["total"].backward()
    optimiser.step()
    assert all(torch.equal(v, before[k]) for k, v in net.reader.encoder.state_dict().items())
    assert float(net.reader.classify.weight.grad.abs().sum()) > 0  # type: ignore[union-attr]


def test_only_hidden_characters_count() -> None:
    logits, slots = torch.randn(1, 12, CLASSES), torch.randint(0, CLASSES, (1, 12))
    asked = torch.zeros(1, 12, dtype=torch.bool)
    asked[0, 3] = True
    loss = masked_character_loss(logits, slots, asked)["total"]
    changed = logits.clone()
    changed[0, 4:] += torch.randn(8, CLASSES)
    torch.testing.assert_close(masked_character_loss(changed, slots, asked)["total"], loss)


@pytest.mark.parametrize(
    ("box", "cells"),
    [
        ([0, 0, 8, 16], [0]),
        ([0, 0, 8, 48], [0, 16, 32]),
        ([4, 0, 12, 16], [0, 1]),  # half of each
        ([7.5, 0, 16.5, 16], [1]),  # a sixteenth of its neighbours
        ([200, 0, 220, 48], []),
    ],
)
def test_cells_under_a_character(box: list[float], cells: list[int]) -> None:
    assert np.flatnonzero(cells_under(np.array(box, float))).tolist() == cells


def test_chosen_keeps_the_order() -> None:
    tokens = torch.arange(2 * TOKENS).float().view(2, TOKENS, 1)
    where = hidden()
    picked = chosen(tokens, where)
    assert picked.shape == (2, 21, 1)
    assert picked[0, :, 0].tolist() == where[0].nonzero().flatten().tolist()
