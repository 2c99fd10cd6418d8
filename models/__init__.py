"""The networks as plain PyTorch modules, their losses and their export. No training loop lives here."""
