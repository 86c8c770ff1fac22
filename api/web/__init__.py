"""What every page and every answer of the server has in common."""
