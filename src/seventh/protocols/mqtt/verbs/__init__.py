"""What the verbs of MQTT do."""
