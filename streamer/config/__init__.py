"""Settings: their models, the files they come from, and what is said of a wrong one."""
