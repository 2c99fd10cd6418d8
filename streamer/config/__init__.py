"""Settings: their models, the files they come from, and the messages for wrong ones."""
