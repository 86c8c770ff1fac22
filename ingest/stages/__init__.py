"""The stages of a reading, in order: fetch, judge, assemble, read, store, record.

They do not know each other, but that what is judged again is fetched again.
"""
