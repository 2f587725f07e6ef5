"""The network's rules: paths, and what listens on the machine itself."""
