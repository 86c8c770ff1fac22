"""People and machines come in here: the command line now, pages and HTTP with their first user."""
