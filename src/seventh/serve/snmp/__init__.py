"""``/snmp``: what snmp_exporter answers, by its own snmp.yml."""
