"""What the kernel, systemd and the hypervisor say of the clock."""

from __future__ import annotations

import re

from seventh.localkit.seen import Seen
from seventh.model.localfacts import Unread

_CLOCKS = "/sys/devices/system/clocksource/clocksource0"
CURRENT = f"{_CLOCKS}/current_clocksource"
AVAILABLE = f"{_CLOCKS}/available_clocksource"
VENDOR = "/sys/class/dmi/id/sys_vendor"
PRODUCT = "/sys/class/dmi/id/product_name"
HYPER_V = "/sys/module/hv_utils"
_HYPERVISORS = (
    (r"vmware", "vmware"), (r"innotek|virtualbox", "oracle"), (r"qemu|kvm", "kvm"), (r"xen", "xen"),
    (r"microsoft corporation.*virtual machine", "microsoft"), (r"amazon ec2", "amazon"),
    (r"google compute engine", "google"),
)  # fmt: skip
"""Patterns of a vendor and a product, and the name that systemd-detect-virt has for it."""
_TOOLS = {"vmtoolsd": "open-vm-tools", "VBoxService": "VBoxService", "qemu-ga": "qemu-ga"}


def clock_source(seen: Seen) -> tuple[str, ...]:
    """Return the clock source in use, then those that are available."""
    current, available = seen.file(CURRENT), seen.file(AVAILABLE)
    return (
        "" if isinstance(current, Unread) else current.strip(),
        *(() if isinstance(available, Unread) else available.split()),
    )


def hypervisor(seen: Seen) -> str | None:
    """Return the hypervisor; empty on real hardware, None if unknown."""
    said = seen.output("systemd-detect-virt --vm")
    if not isinstance(said, Unread):
        return said.strip().removeprefix("none")
    names = [seen.file(VENDOR), seen.file(PRODUCT)]
    known = " ".join(name.strip() for name in names if isinstance(name, str)).lower()
    if not known:
        return None
    return next((kind for pattern, kind in _HYPERVISORS if re.search(pattern, known)), "")


def container(seen: Seen) -> str:
    """Return the kind of container; empty outside of one, and where it is unknown."""
    said = seen.output("systemd-detect-virt --container")
    return "" if isinstance(said, Unread) else said.strip().removeprefix("none")


def guest_tools(seen: Seen) -> tuple[str, ...]:
    """Return the hypervisor's programs and drivers that may set the clock."""
    running = () if isinstance(seen.processes, Unread) else seen.processes
    tools = [_TOOLS[process.name] for process in running if process.name in _TOOLS]
    found = seen.files.get(HYPER_V, {})
    return tuple(
        dict.fromkeys([*tools, *(["hv_utils"] if found and isinstance(found, dict) else [])])
    )


def timedatectl(seen: Seen) -> tuple[bool | None, bool | None]:
    """Return whether the kernel's clock is synchronised, and the hardware clock in local time."""
    text = seen.output("timedatectl")
    values = {} if isinstance(text, Unread) else dict(
        line.split("=", 1) for line in text.splitlines() if "=" in line
    )  # fmt: skip
    words = {"yes": True, "no": False}
    return words.get(values.get("NTPSynchronized", "")), words.get(values.get("LocalRTC", ""))
