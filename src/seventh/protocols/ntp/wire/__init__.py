"""NTP's packets and records, samples and source selection. Sans-IO: instants are passed in."""
