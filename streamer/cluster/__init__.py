"""Past one machine: archives of recordings, and fleets of cameras. Recognition is that of `pipeline`; this room only
hands work out, and none of it is imported before a verb asks for it."""
