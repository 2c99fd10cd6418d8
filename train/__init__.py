"""Training and evaluation of the networks: data, synthetic plates, training loop, measures, export."""
