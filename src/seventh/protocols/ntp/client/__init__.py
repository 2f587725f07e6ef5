"""Clients of NTP and NTS servers."""
