"""How it is done: one file per adapter, named by its technology."""
