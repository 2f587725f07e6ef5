"""SSH's rules."""
