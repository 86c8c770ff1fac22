"""Digital signatures that files bring along, and the one on what the archive makes."""
