"""Cameras over many nodes: who reads which (placement.py, leases in the store), the process that reads them (shard.py),
and the supervisor that keeps both together."""
