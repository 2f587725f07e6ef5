"""Configurations of other monitors, read and written as ``seventh.toml``."""
