"""Bytes ⇄ values shared by codecs. No sockets, no clock."""
