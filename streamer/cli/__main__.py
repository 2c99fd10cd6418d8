"""`python -m streamer.cli` is `alpr`."""

from streamer.cli import main

main()
