"""What looks at the machine itself share: their table, and the one runner and reader of it."""
