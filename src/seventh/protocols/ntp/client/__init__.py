"""Conversations with NTP and NTS servers."""
