"""The signed journal: envelopes, disclosures, keys, and the event store over `eventsourcing`."""
