"""What an nginx.conf says of its sites."""
