"""The plate reader: a network after MaskOCR with a convolutional stem, and its losses."""
