#!/bin/sh
# Runs a command as on a bare Debian: PATH holds what the required packages bring, git and make, and
# none of the programs that the tests can do without (OpenSSH, OpenSSL's, nginx, chrony, ip, curl …).
#   tests/bare_path.sh .venv/bin/python -m pytest tests/peers
set -eu
bare=$(mktemp -d)
trap 'rm -rf "$bare"' EXIT
mkdir "$bare/bin"
required=$(dpkg-query -W -f '${Priority} ${Package}\n' | sed -n 's/^required //p')
for file in $(dpkg -L $required git make | grep -E '^(/usr)?/s?bin/[^/]+$'); do
  ln -sf "$file" "$bare/bin/"
done
status=0
PATH="$bare/bin" "$@" || status=$?
exit "$status"
