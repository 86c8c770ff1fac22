"""From original to readable: the worker and its stages (5 and 6 in the life of a page)."""
