"""Where passages and annotated frames go: one file a sink, one interface (base.py)."""
