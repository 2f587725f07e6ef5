"""SNMP's bytes: BER, messages, and the user-based security model."""
