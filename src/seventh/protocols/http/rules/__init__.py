"""HTTP's rules."""
