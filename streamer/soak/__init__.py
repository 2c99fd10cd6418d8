"""A long run on looped clips, faster than real time and with broken connections: memory growth and leaks."""
