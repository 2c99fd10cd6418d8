"""How the networks are taught and measured: data, synthetic plates, training loops, evaluation, export."""
