"""The plate detector: a network after SCRFD, its anchors, assigner, losses and decoding."""
