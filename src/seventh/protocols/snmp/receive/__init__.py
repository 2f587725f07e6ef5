"""The receiver's side of notifications (RFC 3413 §3.4): what is known, and what each one is."""
