"""Header fields, URLs and Alt-Svc as values. Pure."""
