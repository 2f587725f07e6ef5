"""The verbs of MQTT: pub, sub, tree."""

from seventh.protocols.mqtt.work.pub import pub
from seventh.protocols.mqtt.work.sub import sub
from seventh.protocols.mqtt.work.tree import tree

__all__ = ["pub", "sub", "tree"]
