"""The stages of a reading, in order: fetch, assemble, read, store, record.

They do not know each other.
"""
