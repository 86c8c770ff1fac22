"""Where the bytes lie: the adapters of the port ObjectStore."""
