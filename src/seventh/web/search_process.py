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
    """Read pattern, texts, encoding, seconds; write the index of the first match, or -1."""
    pattern, texts, encoding, seconds = marshal.load(sys.stdin.buffer)  # noqa: S302 - our parent's
    # It ends also where its parent was killed and cannot end it.
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    warnings.simplefilter("ignore")
    search = re.compile(pattern).search
    matching = (i for i, text in enumerate(texts) if search(str(text, encoding, "replace")))
    marshal.dump(next(matching, -1), sys.stdout.buffer)


if __name__ == "__main__":
    main()
