"""Digital signatures that files bring along."""
