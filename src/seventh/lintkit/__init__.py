"""What linters of configuration files are built from: bounded reading, and what reading gives."""
