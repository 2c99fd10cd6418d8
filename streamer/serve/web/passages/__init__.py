"""What passed: search, one passage, corrections, export."""
