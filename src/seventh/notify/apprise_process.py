"""One notification by Apprise, in a process that can be killed: see :mod:`.apprise`.

Run as a file, without the package; the URL, which has secrets, comes by standard input.
"""

from __future__ import annotations

import json
import logging
import sys


def main() -> int:
    """Read the task and send it; write Apprise's warnings."""
    import apprise

    task = json.load(sys.stdin)
    logging.basicConfig(stream=sys.stdout, level=logging.WARNING, format="%(message)s")
    made = apprise.Apprise()
    if not made.add(task["url"]):
        return 2
    sent = made.notify(title=task["title"], body=task["body"], notify_type=task["type"])
    return 0 if sent else 1


if __name__ == "__main__":
    sys.exit(main())
