"""``seventh listen snmp``: notifications received, judged, stored, and sent on."""
