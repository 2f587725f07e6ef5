"""Records of ``seventh listen`` sent on: to files, syslog and HTTP, each at least once."""
