"""The offline queue on disk: what it keeps over crashes, damage and a full disk."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import Failed, Reason, UsageError
from seventh.protocols.mqtt.verbs import spool as module
from seventh.protocols.mqtt.verbs.queue import Memory, Message, Progress, Queue
from seventh.protocols.mqtt.verbs.spool import Spool, framed, unframed

BIG = 1 << 20


def message(number: int, payload: bytes = b"x", qos: int = 1) -> Message:
    return Message(number=number, at=100.0, topic="a/b/c", payload=payload, qos=qos,
                   properties=(("k", str(number)),))  # fmt: skip


def added(spool: Queue, count: int, payload: bytes = b"x", qos: int = 1) -> None:
    first = spool.last + 1
    spool.add([message(number, payload, qos) for number in range(first, first + count)])


def numbers(spool: Queue) -> list[int]:
    found, at = [], 0
    while (one := spool.after(at)) is not None:
        at = one.number
        found.append(at)
    return found


def opened(folder: Path, size: int = BIG) -> Spool:
    return Spool(folder, size)


def test_messages_survive_the_process(tmp_path: Path) -> None:
    first = opened(tmp_path / "s")
    added(first, 3)
    first.progress.end(1)
    first.close()
    again = opened(tmp_path / "s")
    assert (again.id, again.last, again.waiting) == (first.id, 3, 2)
    assert [again.after(n) for n in (0, 2)] == [message(2), message(3)]
    assert again.after(3) is None
    assert again.found == (0, 0)
    again.close()


def test_a_crash_loses_no_message_and_no_synced_progress(tmp_path: Path) -> None:
    first = opened(tmp_path)
    added(first, 4, qos=2)
    first.progress.received.add(2)
    first.progress.end(1)
    first.record(at_once=True)
    first.progress.end(2)  # not recorded
    os.close(first._lock)  # as the kernel does for a process that is killed
    again = opened(tmp_path)
    assert (again.progress.done, again.progress.received) == (1, {2})
    assert (numbers(again), again.exactly_once) == ([2, 3, 4], True)
    again.close()


@pytest.mark.parametrize("cut", [1, 7, 8, 9, 30])
def test_a_message_that_was_not_stored_whole_is_cut(tmp_path: Path, cut: int) -> None:
    first = opened(tmp_path)
    added(first, 2)
    first.close()
    (path,) = tmp_path.glob("*.messages")
    whole = path.read_bytes()
    path.write_bytes(whole + framed(b"x" * 40)[:cut])
    again = opened(tmp_path)
    assert again.found == (0, cut)
    assert path.read_bytes() == whole
    added(again, 1)
    again.close()
    last = opened(tmp_path)
    assert (numbers(last), last.found) == ([1, 2, 3], (0, 0))
    last.close()


def test_damage_in_the_middle_costs_one_message(tmp_path: Path) -> None:
    first = opened(tmp_path)
    added(first, 5)
    first.close()
    (path,) = tmp_path.glob("*.messages")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    again = opened(tmp_path)
    assert again.found == (1, 0)
    assert numbers(again) == [1, 2, 4, 5]
    again.close()


@pytest.mark.parametrize("slots", [(0,), (1,), (0, 1)])
def test_progress_that_was_not_written_whole(tmp_path: Path, slots: tuple[int, ...]) -> None:
    first = opened(tmp_path)
    added(first, 3)
    first.progress.end(1)
    first.record(at_once=True)
    first.progress.end(2)
    first.record(at_once=True)
    os.close(first._lock)
    path = tmp_path / "progress"
    data = bytearray(path.read_bytes())
    for slot in slots:
        data[slot * module._SLOT_BYTES + 10] ^= 1
    path.write_bytes(data)
    again = opened(tmp_path)
    assert again.last == 3
    assert 3 in numbers(again)
    assert (again.id == first.id) is (len(slots) == 1)
    again.close()


def test_progress_that_is_not_synced_spoils_none_that_is(tmp_path: Path) -> None:
    first = opened(tmp_path)
    added(first, 9)
    first.progress.end(1)
    first.record(at_once=True)
    synced = first._slot
    for number in range(2, 6):
        first.progress.end(number)
        first.record(at_once=False)
        assert first._slot == synced
    first.close()


def test_one_process_at_a_time(tmp_path: Path) -> None:
    first = opened(tmp_path)
    with pytest.raises(UsageError) as raised:
        opened(tmp_path)
    assert str(raised.value) == (
        f"--spool {tmp_path}: in use by another process; end it, or use another folder"
    )
    first.close()
    opened(tmp_path).close()


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError) as raised:
        opened(tmp_path / "file" / "s")
    assert str(raised.value) == f"--spool {tmp_path}/file/s: cannot be used: Not a directory"


def test_segments_are_removed_when_all_their_messages_have_ended(tmp_path: Path) -> None:
    spool = opened(tmp_path, 64 << 10)  # segments of 8 KiB
    for _ in range(40):
        added(spool, 1, b"x" * 1000)
    files = sorted(tmp_path.glob("*.messages"))
    assert len(files) == 5
    for number in range(1, 20):
        spool.progress.end(number)
    spool.record(at_once=False)
    assert sorted(tmp_path.glob("*.messages")) == files[2:]
    assert numbers(spool)[0] == 20
    for number in range(20, 41):
        spool.progress.end(number)
    spool.close()
    assert list(tmp_path.glob("*.messages")) == []
    again = opened(tmp_path, 64 << 10)
    assert (again.last, again.waiting) == (40, 0)
    added(again, 1)
    assert numbers(again) == [41]
    again.close()


def test_the_oldest_are_dropped_but_not_what_is_in_flight(tmp_path: Path) -> None:
    spool = opened(tmp_path, 64 << 10)
    for _ in range(40):
        added(spool, 1, b"x" * 1000, qos=2)
    first = int(sorted(tmp_path.glob("*.messages"))[1].stem)
    assert spool.drop_oldest(3) == 0
    assert spool.drop_oldest(0) == first - 1
    assert (spool.after(0), spool.renew) == (message(first, b"x" * 1000, 2), True)
    spool.close()
    again = opened(tmp_path, 64 << 10)
    assert again.renew
    again.close()


def test_a_full_disk_refuses_a_message_and_keeps_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = opened(tmp_path)
    added(spool, 2)
    write = os.write

    def full(file: int, data: bytes) -> int:
        write(file, data[:5])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as context:
        context.setattr(module.os, "write", full)
        with pytest.raises(Failed) as raised:
            added(spool, 1)
    assert (raised.value.reason, raised.value.detail) == (
        Reason.LOCAL_RESOURCE,
        (
            f"--spool {tmp_path}: No space left on device; 2 messages are stored in it, and the "
            "next run sends them"
        ),
    )
    assert (spool.last, numbers(spool)) == (2, [1, 2])
    added(spool, 1)
    spool.close()
    again = opened(tmp_path)
    assert (numbers(again), again.found) == ([1, 2, 3], (0, 0))
    again.close()


def test_what_is_refused_is_kept_aside(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    spool.keep_refused(message(7), "0x87 (not authorized)")
    spool.close()
    body = unframed((tmp_path / "refused").read_bytes(), 0)
    assert body is not None
    assert module.msgspec.msgpack.decode(body, type=module._Refused) == module._Refused(
        why="0x87 (not authorized)", message=message(7)
    )


@given(st.lists(st.integers(1, 30), unique=True))
def test_progress_is_all_that_has_ended(ended: list[int]) -> None:
    progress = Progress()
    for number in ended:
        progress.end(number)
    assert {*range(1, progress.done + 1), *progress.ended} == set(ended)
    assert progress.done + 1 not in progress.ended


@given(st.lists(st.sampled_from(["add", "end", "crash"]), max_size=25))
def test_a_spool_and_a_queue_in_memory_are_alike(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    spool, memory = opened(folder), Memory()
    for step in steps:
        if step == "add":
            added(spool, 2, b"x" * 700)
            added(memory, 2, b"x" * 700)
        elif step == "end" and (one := memory.after(0)) is not None:
            for queue in (spool, memory):
                queue.progress.end(one.number)
                queue.record(at_once=False)
        elif step == "crash":
            os.close(spool._lock)
            spool = opened(folder)
    assert numbers(spool) == numbers(memory)
    assert (spool.last, spool.waiting) == (memory.last, memory.waiting)
    spool.close()


@given(st.binary(max_size=200))
def test_any_bytes_are_records_or_none(data: bytes) -> None:
    for body, end in module._records(bytearray(data), 0):
        assert framed(body) == data[end - len(body) - 8 : end]
