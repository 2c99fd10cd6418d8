from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from models.reader.ctc import CtcReaderNet
from models.reader.loss import ReaderTargets, ctc_loss, known_cross_entropy, reader_loss
from models.reader.network import PlateReaderNet, ReaderSize

CLASSES = 95
pytestmark = pytest.mark.slow


def batch(n: int, rows: list[int] | None = None) -> ReaderTargets:
    slots = torch.full((n, 16), CLASSES - 1)
    slots[:, :7] = torch.randint(0, 36, (n, 7), generator=torch.Generator().manual_seed(0))
    unknown = torch.full((n,), -1)
    return ReaderTargets(
        slots, torch.full((n,), 7), unknown, torch.tensor(rows if rows is not None else [0] * n), unknown
    )


@pytest.mark.parametrize("n", [1, 3])
def test_shapes(n: int) -> None:
    net = PlateReaderNet(CLASSES).eval()
    with torch.no_grad():
        characters, colour, rows, region, one, two = net(torch.zeros(n, 3, 48, 128))
        _, taught_one, taught_two = net.forward_training(torch.zeros(n, 3, 48, 128))
    assert characters.shape == (n, 16, CLASSES)
    assert (colour.shape, rows.shape, region.shape) == ((n, 5), (n, 2), (n, 6))
    assert (one.shape, two.shape) == ((n, 32, CLASSES + 1), (n, 96, CLASSES + 1))
    torch.testing.assert_close((one, two), (taught_one, taught_two))


@pytest.mark.parametrize("network", [PlateReaderNet, CtcReaderNet])
def test_what_is_trained_is_the_compiled_network(network: type[PlateReaderNet] | type[CtcReaderNet]) -> None:
    net, graphs = network(CLASSES), []
    names = list(net.state_dict())
    net.compile(backend=lambda graph, _: graphs.append(graph) or graph.forward)
    net.forward_training(torch.zeros(2, 3, 48, 128))
    assert graphs
    assert list(net.state_dict()) == names


def test_alone_and_in_a_batch_alike() -> None:
    net = PlateReaderNet(CLASSES).eval()
    images = torch.randn(5, 3, 48, 128, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        together = net(images)[0]
        alone = torch.cat([net(x[None])[0] for x in images])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


def test_size_is_the_stated_one() -> None:
    parameters = sum(p.numel() for p in PlateReaderNet(CLASSES, ReaderSize()).parameters())
    assert 1.7e6 < parameters < 2.0e6


@pytest.mark.parametrize("rows", [[0, 0], [1, 1], [0, 1], [-1, -1]])
def test_loss_is_finite_whatever_the_rows(rows: list[int]) -> None:
    torch.manual_seed(0)
    net = PlateReaderNet(CLASSES).train()
    losses = reader_loss(net.forward_training(torch.randn(2, 3, 48, 128)), batch(2, rows))
    assert all(torch.isfinite(v) for v in losses.values())
    losses["total"].backward()
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in net.parameters())


def test_ctc_takes_the_rows_of_each_sample_and_the_easier_where_unknown() -> None:
    generator = torch.Generator().manual_seed(0)
    one = torch.randn(2, 16, CLASSES + 1, generator=generator)
    two = torch.randn(2, 48, CLASSES + 1, generator=generator)
    as_one, as_two, unknown = (float(ctc_loss(one, two, batch(2, [r] * 2))) for r in (0, 1, -1))
    assert float(ctc_loss(one, two, batch(2, [0, 1]))) not in (as_one, as_two)
    assert 0 < unknown <= min(as_one, as_two)


def test_a_text_longer_than_the_tokens_costs_nothing() -> None:
    targets = batch(1, [0])
    same = replace(targets, slots=torch.full((1, 12), 3), length=torch.tensor([11]))
    short, long = torch.randn(1, 16, CLASSES + 1), torch.randn(1, 48, CLASSES + 1)
    assert float(ctc_loss(short, short, same)) == 0  # eleven times the same needs 21 steps
    unknown = replace(same, rows=torch.tensor([-1]))
    assert float(ctc_loss(short, long, unknown)) > 0  # then it is read as two rows


def test_unknown_kinds_cost_nothing() -> None:
    assert float(known_cross_entropy(torch.randn(3, 5), torch.tensor([-1, -1, -1]))) == 0


def test_it_can_learn_a_handful_by_heart() -> None:
    torch.manual_seed(0)
    net = PlateReaderNet(CLASSES).train()
    images, targets = torch.randn(8, 3, 48, 128), batch(8)
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3)
    first = last = 0.0
    for _ in range(60):
        loss = reader_loss(net.forward_training(images), targets)["total"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        last = float(loss.detach())
        first = first or last
    assert last < 0.6 * first


@pytest.mark.parametrize("taught", [0.0, 0.3, 1.0])
def test_teachers_have_their_share_of_the_characters_loss(taught: float) -> None:
    torch.manual_seed(0)
    outputs, targets = PlateReaderNet(CLASSES).eval().forward_training(torch.randn(2, 3, 48, 128)), batch(2)
    answers = torch.rand(2, 16, CLASSES).softmax(-1)
    alone = reader_loss(outputs, targets)["characters"]
    learned = -(answers * outputs[0][0].log_softmax(-1)).sum(-1).mean()
    found = reader_loss(outputs, targets, answers=answers, taught=taught)
    torch.testing.assert_close(found["characters"], (1 - taught) * alone + taught * learned)
    torch.testing.assert_close(found["total"], found["characters"] + found["ctc"] + found["kind"])


def test_a_teacher_that_knows_the_texts_teaches_them() -> None:
    torch.manual_seed(0)
    outputs, targets = PlateReaderNet(CLASSES).eval().forward_training(torch.randn(2, 3, 48, 128)), batch(2)
    answers = torch.nn.functional.one_hot(targets.slots, CLASSES).float()
    plain = reader_loss(outputs, targets, smoothing=0.0)["characters"]
    torch.testing.assert_close(reader_loss(outputs, targets, smoothing=0.0, answers=answers)["characters"], plain)
