"""OpenSSH's configuration files, as ssh and sshd read them."""
