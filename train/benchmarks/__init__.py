"""Every figure that README.md and the model cards state: the command that measures it, and the place that states it."""
