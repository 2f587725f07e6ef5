"""What the linters of time daemons share: lines, the syntax of directives, settings."""
