"""``seventh snmp poll``: many agents, polled at their intervals over a few sockets."""
