"""What the law and the archive say: plain Python, no I/O, no clock, no third-party library."""
