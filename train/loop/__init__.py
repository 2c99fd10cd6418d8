"""The training loop: configuration, checkpoints, weights, several processes."""
