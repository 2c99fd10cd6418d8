"""Archives: recordings cut into segments that are read anywhere, and put together as if they were read in one go."""
