"""What ``seventh watch --listen`` serves: metrics, probes, an API, and its own health."""
