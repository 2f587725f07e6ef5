"""Connections through proxies: CONNECT over HTTP or HTTPS, and SOCKS5."""
