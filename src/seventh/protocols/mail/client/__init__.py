"""Questions to DNS."""
