"""SNMP's rules."""
