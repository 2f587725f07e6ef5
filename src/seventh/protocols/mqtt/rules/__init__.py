"""The rules of MQTT."""
