"""The kernel's clock source, the hypervisor and its tools, and timedatectl."""

from __future__ import annotations

import pytest

from seventh.localkit.seen import Process, Seen
from seventh.model.localfacts import Cause, Unread
from seventh.protocols.ntp.local import machine

VM, CONTAINER = "systemd-detect-virt --vm", "systemd-detect-virt --container"


def files(**texts: str) -> Seen:
    return Seen(files={getattr(machine, n): {getattr(machine, n): t} for n, t in texts.items()})


def test_the_clock_source() -> None:
    seen = files(CURRENT="tsc\n", AVAILABLE="tsc kvm-clock acpi_pm \n")
    assert machine.clock_source(seen) == ("tsc", "tsc", "kvm-clock", "acpi_pm")
    assert machine.clock_source(Seen()) == ("",)


@pytest.mark.parametrize(("said", "kind"), [("kvm\n", "kvm"), ("none\n", "")])
def test_systemd_knows_the_hypervisor(said: str, kind: str) -> None:
    assert machine.hypervisor(Seen(outputs={VM: said})) == kind
    assert machine.container(Seen(outputs={CONTAINER: said})) == kind


@pytest.mark.parametrize(
    ("vendor", "product", "kind"),
    [
        ("QEMU\n", "Standard PC (Q35 + ICH9, 2009)\n", "kvm"),
        ("VMware, Inc.\n", "VMware7,1\n", "vmware"),
        ("innotek GmbH\n", "VirtualBox\n", "oracle"),
        ("Microsoft Corporation\n", "Virtual Machine\n", "microsoft"),
        ("Microsoft Corporation\n", "Surface Pro\n", ""),
        ("Xen\n", "HVM domU\n", "xen"),
        ("Amazon EC2\n", "m5.large\n", "amazon"),
        ("Google\n", "Google Compute Engine\n", "google"),
        ("Dell Inc.\n", "PowerEdge R640\n", ""),
    ],
)
def test_firmware_names_the_hypervisor(vendor: str, product: str, kind: str) -> None:
    assert machine.hypervisor(files(VENDOR=vendor, PRODUCT=product)) == kind


def test_an_unknown_machine() -> None:
    assert machine.hypervisor(Seen()) is None
    assert machine.container(Seen()) == ""


def test_guest_tools() -> None:
    processes = tuple(
        Process(name=name, pid=pid)
        for pid, name in enumerate(("vmtoolsd", "chronyd", "qemu-ga", "VBoxService", "vmtoolsd"))
    )
    driver = {machine.HYPER_V: {machine.HYPER_V: ""}}
    assert machine.guest_tools(Seen(processes=processes, files=driver)) == (
        "open-vm-tools", "qemu-ga", "VBoxService", "hv_utils",
    )  # fmt: skip
    hidden = Unread(name="/proc", cause=Cause.NOT_PERMITTED)
    assert machine.guest_tools(Seen(processes=hidden, files={machine.HYPER_V: {}})) == ()


@pytest.mark.parametrize(
    ("said", "known"),
    [
        ("LocalRTC=no\nNTPSynchronized=yes\n", (True, False)),
        ("Timezone=Etc/UTC\nLocalRTC=yes\nCanNTP=yes\nNTP=no\nNTPSynchronized=no\n", (False, True)),
        ("Timezone=Etc/UTC\n", (None, None)),
    ],
)
def test_timedatectl(said: str, known: tuple[bool | None, bool | None]) -> None:
    assert machine.timedatectl(Seen(outputs={"timedatectl": said})) == known
    assert machine.timedatectl(Seen()) == (None, None)
