"""From sources to sinks: one stream, many cameras, and their status."""
