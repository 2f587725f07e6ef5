"""The verbs of MQTT: pub, sub, tree."""

from seventh.protocols.mqtt.verbs.pub import pub
from seventh.protocols.mqtt.verbs.sub import sub
from seventh.protocols.mqtt.verbs.tree import tree

__all__ = ["pub", "sub", "tree"]
