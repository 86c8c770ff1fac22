"""Search engines behind the port `SearchIndex`, and the query language that they share."""
