"""What the linters of the clocks' programs share: lines, the shapes of directives, settings."""
