"""Every camera with its newest picture and state, and rows as they come."""
