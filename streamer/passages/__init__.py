"""From readings to rows: reading policy, vote, passages, zones and lines."""
