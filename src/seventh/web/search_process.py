"""One search for a regular expression, in a process that can be killed: see :mod:`.search`.

Run as a file, without the package: it starts in a hundredth of a second.
"""

from __future__ import annotations

import marshal
import re
import resource
import sys
import warnings


def main() -> None:
    """Read pattern, texts, encoding and seconds; write whether any of the texts has a match."""
    pattern, texts, encoding, seconds = marshal.load(sys.stdin.buffer)  # noqa: S302 - our parent's
    # It ends also where its parent was killed and cannot end it.
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    warnings.simplefilter("ignore")
    search = re.compile(pattern).search
    found = any(search(str(text, encoding, "replace")) for text in texts)
    marshal.dump(found, sys.stdout.buffer)


if __name__ == "__main__":
    main()
