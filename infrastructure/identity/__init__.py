"""Who signs in: passwords, second factors, sessions and tokens, in a database beside the keys."""
