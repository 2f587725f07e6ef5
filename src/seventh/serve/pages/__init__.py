"""The dashboard: pages that a browser shows, complete without scripts."""
