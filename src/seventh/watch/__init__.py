"""Watching targets: when each has its pulse, what is kept, and what the results mean."""
