"""The manager's side of SNMP."""
