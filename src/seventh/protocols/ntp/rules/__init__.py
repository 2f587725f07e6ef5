"""NTP's rules."""
