"""MQTT on the wire, sans-IO: packets, properties, and the state of a connection."""
