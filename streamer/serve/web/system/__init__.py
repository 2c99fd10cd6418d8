"""The state of the system: configuration, versions, models, plots, log, checks."""
