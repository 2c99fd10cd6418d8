"""Readers that teach another one by their answers (distillation)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from streamer.errors import ConfigError
from train.loop.weights import kind_of, load_weights, reader_of, weights_path


class Teachers:
    """Some readers' weights, by file or by name in the zoo. ConfigError for those of another kind of network, of one
    without a query for each place, or of one with another number of places."""

    def __init__(self, weights: Sequence[str], slots: int, device: torch.device) -> None:
        self._networks = []
        for one in weights:
            state = load_weights(weights_path(one))
            if kind_of(state) != "reader":
                raise ConfigError(f"teachers: {one}: holds the weights of a {kind_of(state)}, expected a reader's")
            network = reader_of(state)
            if network.slots != slots or not network.decoded_by.startswith("slots"):
                mine = f"{network.slots} places, {network.decoded_by}"
                raise ConfigError(f"teachers: {one}: answers in {mine}; expected {slots} places, slots")
            self._networks.append(network.to(device))

    @torch.no_grad()
    def answers(self, images: Tensor) -> Tensor:
        """What they hold likely together: normalised pictures (N, 3, 48, 128) -> (N, S, C), the mean of theirs."""
        each = [network(images)[0].float().softmax(-1) for network in self._networks]
        return torch.stack(each).mean(0)
