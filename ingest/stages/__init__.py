"""The stages of a reading, in order: fetch, read, store, record. They do not know each other."""
