"""The clock of the testing kit, by the name that the tests use."""

from streamer.testing import ManualClock

__all__ = ["ManualClock"]
