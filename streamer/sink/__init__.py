"""Outputs of passages and annotated frames: one module per sink, one interface (sink.py)."""
