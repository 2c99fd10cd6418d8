"""The page in a browser, and its REST interface."""
