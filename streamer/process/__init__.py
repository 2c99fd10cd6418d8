"""Settings of the whole process: imports of large libraries, memory, clock, loggers."""
