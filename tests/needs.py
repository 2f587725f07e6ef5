"""What a test needs of the machine; where it is missing the test is skipped and says so."""

from __future__ import annotations

import pytest

from seventh.labkit.serve import has_ipv6

IPV6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
