"""The store: what was acknowledged survives kill -9 and a full disk, and damage is found."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest
import zstandard

from seventh.model.failure import UsageError
from seventh.watch import folder, records, schema
from seventh.watch.alerts import VANTAGE, Alert, Notice
from seventh.watch.config import typed_targets
from seventh.watch.fleet import Fleet, Seen, Snapshot, Watched
from seventh.watch.records import Batch, Silence
from seventh.watch.samples import Pulse
from seventh.watch.store import FILE, WATCH, Kind, Store, StoreError
from seventh.watch.verdict import Condition, Fired, Policy, State, Threshold
from tests.watch.made import REFUSED, SECOND, pulse

T = TypeVar("T")
EAGER = Policy(down=Threshold(bad=1, of=1, good=1, good_of=1))
DOWN = Condition.DOWN
INCIDENT = "id, target, kind, phase, since_ns, fired_ns, sent_ns, resolved_ns, given_up, cause"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path)
    yield opened
    opened.close()


def ran(store: Store, job: Callable[[sqlite3.Connection], T]) -> T:
    return store.run(job).result(10)


def write(store: Store, batch: Batch) -> None:
    ran(store, lambda database: records.write(database, batch))


def all_of(store: Store, query: str) -> list[tuple[object, ...]]:
    return ran(store, lambda database: database.execute(query).fetchall())


def replay(store: Store, seq: int = 0) -> list[Pulse]:
    """The pulses of the journal after ``seq``."""
    found: list[Pulse] = []
    while (part := ran(store, lambda db: records.journal_after(db, seq))) is not None:  # noqa: B023
        found += part.pulses
        seq = part.seq
    return found


def numbers(pulses: list[Pulse]) -> list[int]:
    return [pulse.target for pulse in pulses]


def commits(path: Path, acknowledge: int) -> None:
    """Write batches of three pulses until killed; say which are committed."""
    store = Store(path)
    number = 0
    for (last,) in ran(store, lambda db: db.execute("SELECT coalesce(max(seq), 0) FROM journal")):
        number = last
    while True:
        number += 1
        write(store, Batch(pulses=[pulse(number, target=number)] * 3))
        os.write(acknowledge, number.to_bytes(4, "big"))


def killed(path: Path, after: int) -> int:
    """Fork a process that commits, kill it, and return the last number that it acknowledged."""
    read, acknowledge = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        commits(path, acknowledge)
        os._exit(1)
    os.close(acknowledge)
    with os.fdopen(read, "rb") as acknowledged:
        data = acknowledged.read(4 * after)
        os.kill(child, signal.SIGKILL)
        data += acknowledged.read()
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    return int.from_bytes(data[-4:], "big")


def test_nothing_that_was_acknowledged_is_lost_by_kill_9(tmp_path: Path) -> None:
    last = 0
    for after in range(1, 21):
        acknowledged = killed(tmp_path, after)
        assert acknowledged >= last + after
        store = Store(tmp_path)
        found = numbers(replay(store))
        assert store.moved is None
        store.close()
        # All that was acknowledged, at most one more, in order, and every batch whole.
        last = found[-1]
        assert last in {acknowledged, acknowledged + 1}
        assert found == [number for number in range(1, last + 1) for _ in range(3)]


def limited(path: Path, write_end: int) -> None:
    """Write with a limit on the size of files, then without it; say what happened."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    store = Store(path)
    many = Batch(pulses=[pulse(n, target=n, connect=n * 7919) for n in range(1000)])
    write(store, many)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
    fitted, refused = 1, ""
    try:
        while True:
            write(store, many)
            fitted += 1
    except StoreError as error:
        refused = str(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    write(store, many)
    kept = len(replay(store))
    store.close()
    os.write(write_end, msgspec.json.encode([refused, kept - 1000 * (fitted + 1)]))
    os._exit(0)


def test_a_full_disk_is_an_error_and_no_loss(tmp_path: Path) -> None:
    read, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        limited(tmp_path, write_end)
    os.close(write_end)
    with os.fdopen(read, "rb") as answer:
        refused, difference = msgspec.json.decode(answer.read())
    os.waitpid(child, 0)
    assert refused in {f"{tmp_path / FILE}: {why}" for why in (
        "disk I/O error", "database or disk is full")}  # fmt: skip
    assert difference == 0


def test_a_batch_that_fails_leaves_nothing(store: Store) -> None:
    fired = Fired(at_ns=1, since_ns=1, kind=DOWN)
    twice = Seen(log=[(1, fired), (1, fired)])
    with pytest.raises(StoreError) as caught:
        write(store, Batch(pulses=[pulse(1)], seen=twice))
    assert str(caught.value) == (
        f"{store.folder / FILE}: UNIQUE constraint failed: incident.target, incident.kind, "
        "incident.phase"
    )

    def job(database: sqlite3.Connection) -> int:
        database.execute("INSERT INTO journal VALUES (9, 0, 1, 1, 1, x'00')")
        return 1 // 0

    with pytest.raises(ZeroDivisionError):
        ran(store, job)
    assert (replay(store), ran(store, records.stored).firing) == ([], [])
    write(store, Batch(pulses=[pulse(1)], seen=Seen(log=[(1, fired)])))  # it goes on
    assert len(ran(store, records.stored).firing) == 1


@pytest.mark.parametrize("damage", ["header", "page", "garbage"])
def test_a_damaged_database_is_moved_aside(tmp_path: Path, damage: str) -> None:
    store = Store(tmp_path)
    write(store, Batch(pulses=[pulse(n, target=n, connect=n**3) for n in range(2000)]))
    store.close()
    path = tmp_path / FILE
    data = bytearray(path.read_bytes())
    if damage == "page":
        data[4096:] = b"\xa5" * (len(data) - 4096)
    else:
        data[:100] = b"\x00" * 100 if damage == "header" else os.urandom(100)
    path.write_bytes(data)
    store = Store(tmp_path)
    assert store.moved is not None
    assert store.moved.read_bytes() == data
    assert replay(store) == []
    write(store, Batch(pulses=[pulse(1)]))
    store.close()
    store = Store(tmp_path)
    assert store.moved is None
    assert numbers(replay(store)) == [1]
    store.close()


def test_a_damaged_blob_costs_its_own_pulses_alone(store: Store) -> None:
    for number in (1, 2, 3):
        write(store, Batch(pulses=[pulse(number, target=number)]))
    ran(store, lambda db: db.execute("UPDATE journal SET data = substr(data, 2) WHERE seq = 2"))
    part = ran(store, lambda database: records.journal_after(database, 0))
    assert part is not None
    assert (numbers(part.pulses), part.damaged, part.seq) == ([1, 3], 1, 3)


def test_the_journal_is_read_in_parts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_BLOBS", 2)
    for number in (1, 2, 3):
        write(store, Batch(pulses=[pulse(number, target=number)]))
    assert numbers(replay(store)) == [1, 2, 3]
    assert numbers(replay(store, 2)) == [3]
    assert replay(store, 3) == []


@pytest.mark.parametrize("data", [b"x", zstandard.compress(b"\xc1")])
def test_a_damaged_snapshot_means_a_replay_of_everything(store: Store, data: bytes) -> None:
    write(store, Batch(pulses=[pulse(1)], snapshot=Snapshot(states={1: State()})))
    ran(store, lambda database: database.execute("UPDATE snapshot SET data = ?", (data,)))
    assert ran(store, records.stored) == records.Stored(
        snapshot=Snapshot(), seq=0, firing=[], damaged=1
    )


def refusal(path: Path, kind: Kind = WATCH) -> str:
    with pytest.raises(UsageError) as caught:
        Store(path, kind)
    return str(caught.value)


def test_two_processes_on_one_store_are_refused(store: Store, tmp_path: Path) -> None:
    assert refusal(tmp_path) == (
        f"{tmp_path}: another Seventh process uses it; stop that, or choose another with --state"
    )


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    assert refusal(path / "deeper") == (
        f"{path / 'deeper'}: cannot be written: Not a directory; choose another with --state"
    )


@pytest.fixture
def without_rights() -> Iterator[Path]:
    """A folder with a store that this process may read and not write."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        Store(path).close()
        for each in (*path.iterdir(), path):
            each.chmod(0o555)
        if os.geteuid() == 0:
            os.seteuid(65534)
        yield path
        if os.getuid() == 0:
            os.seteuid(0)
        path.chmod(0o700)


def test_a_read_only_folder(without_rights: Path) -> None:
    assert refusal(without_rights) == (
        f"{without_rights}: cannot be written: Permission denied; choose another with --state"
    )


def test_a_database_of_a_later_version_is_not_touched(tmp_path: Path) -> None:
    store = Store(tmp_path)
    ran(store, lambda database: database.execute("PRAGMA user_version"))
    store.close()
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    database.close()
    before = (tmp_path / FILE).read_bytes()
    assert refusal(tmp_path) == (
        f"{tmp_path / FILE}: made by a later Seventh (version {schema.VERSION + 1}, this one knows "
        f"{schema.VERSION}); use that one, or choose another folder with --state"
    )
    assert (tmp_path / FILE).read_bytes() == before


def test_migrations_are_whole_or_not_at_all(tmp_path: Path) -> None:
    store = Store(tmp_path)
    write(store, Batch(pulses=[pulse(1)]))
    store.close()
    broken = (*schema.MIGRATIONS, "CREATE TABLE later (id); INSERT INTO nowhere VALUES (1);")
    assert refusal(tmp_path, Kind(migrations=broken)) == (
        f"{tmp_path / FILE}: no such table: nowhere; choose another folder with --state"
    )
    good = (*schema.MIGRATIONS[:-1], "CREATE TABLE later (id);")
    store = Store(tmp_path, Kind(migrations=good))
    assert all_of(store, "PRAGMA user_version") == [(len(good),)]
    assert numbers(replay(store)) == [1]
    store.close()


MOUNTS = r"""22 1 254:0 / / rw - ext4 /dev/vda rw
30 22 0:26 / /srv rw shared:1 - nfs4 server:/x rw
31 30 0:27 / /srv/local\040disk rw - xfs /dev/vdb rw
32 22 0:28 / /srvx rw - tmpfs none rw
33 22 0:29 / /twice rw - ext4 /dev/vdc rw
34 33 0:30 / /twice rw - cifs //a/b rw
short
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"), ("/home/x", "ext4"), ("/srv", "nfs4"), ("/srv/a/b", "nfs4"),
        ("/srv/local disk/a", "xfs"), ("/srvx/a", "tmpfs"), ("/twice/a", "cifs"),
    ],
)  # fmt: skip
def test_the_file_system_of_a_folder(path: str, kind: str) -> None:
    assert folder.file_system(Path(path), MOUNTS) == kind


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("30 22 0:26 / / rw - nfs4 server:/x rw\n", encoding="utf-8")
    monkeypatch.setattr(folder, "_MOUNTS", mounts)
    assert refusal(tmp_path / "s") == (
        f"{tmp_path / 's'}: is on nfs4, where a database is damaged sooner or later; choose a "
        "local folder with --state"
    )
    monkeypatch.setattr(folder, "_MOUNTS", tmp_path / "none")
    Store(tmp_path / "s").close()


def test_the_folder_is_in_the_users_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/h")
    for given, expected in [("/s", "/s/seventh"), ("s", "/h/.local/state/seventh"),
                            ("", "/h/.local/state/seventh")]:  # fmt: skip
        monkeypatch.setenv("XDG_STATE_HOME", given)
        assert str(folder.default_folder()) == expected


def test_targets_keep_their_numbers(store: Store) -> None:
    def register(*urls: str, now: int) -> dict[str, int]:
        targets = typed_targets(urls, {}, 5).targets
        return ran(store, lambda database: records.register(database, targets, now))

    first = register("ssh://a", "ssh://b", now=1)
    assert first == {"ssh://a:22": 1, "ssh://b:22": 2}
    assert register("ssh://b", "ssh://c", now=2) == {"ssh://b:22": 2, "ssh://c:22": 3}
    query = "SELECT name, since_ns, until_ns FROM target ORDER BY id"
    assert all_of(store, query) == [
        ("ssh://a:22", 1, 2), ("ssh://b:22", 1, None), ("ssh://c:22", 2, None),
    ]  # fmt: skip
    assert register("ssh://a", now=3) == {"ssh://a:22": 1}
    assert [row[2] for row in all_of(store, query)] == [None, 3, 3]


def play(store: Store, fleet: Fleet, pulses: list[Pulse]) -> None:
    """Observe and write pulses one by one."""
    for each in pulses:
        write(store, Batch(pulses=[each], seen=fleet.observe(each)))


def test_a_restart_finds_what_a_replay_gives(tmp_path: Path) -> None:
    watched = [Watched(target=1, policy=EAGER), Watched(target=2, policy=EAGER)]
    store = Store(tmp_path)
    fleet = Fleet(watched)
    play(store, fleet, [pulse(1), pulse(2, REFUSED), pulse(3, REFUSED, 2)])
    write(store, Batch(snapshot=fleet.snapshot()))
    play(store, fleet, [pulse(4), pulse(5, None, 2), pulse(6, REFUSED)])
    store.close()
    store = Store(tmp_path)
    found = ran(store, records.stored)
    pulses = replay(store, found.seq)
    assert [each.at_ns // SECOND for each in pulses] == [4, 5, 6]
    again = Fleet(watched, found.snapshot)
    for each in pulses:
        again.observe(each)
    assert again.begin(found.firing, 7 * SECOND) == Seen()
    assert (again.states, again.alerts) == (fleet.states, fleet.alerts)
    store.close()


def test_a_snapshot_of_nothing(store: Store) -> None:
    write(store, Batch(snapshot=Snapshot(states={5: State(since_ns=3)})))
    found = ran(store, records.stored)
    assert (found.snapshot, found.seq) == (Snapshot(states={5: State(since_ns=3)}), 0)
    write(store, Batch(pulses=[pulse(1)]))
    assert numbers(replay(store)) == [1]


def test_incidents_and_conditions_are_recorded(store: Store) -> None:
    fleet = Fleet([Watched(target=1, policy=EAGER)])
    play(store, fleet, [pulse(1), pulse(2, REFUSED), pulse(3), pulse(4, REFUSED)])
    assert all_of(store, "SELECT * FROM condition") == [
        (1, 0, SECOND, "up", None, None, None),
        (1, 0, 2 * SECOND, "down", "connect-refused", "connect", "peer"),
        (1, 0, 3 * SECOND, "up", None, None, None),
        (1, 0, 4 * SECOND, "down", "connect-refused", "connect", "peer"),
    ]
    cause = '{"reason":"connect-refused","phase":"connect","blame":"peer"}'
    assert all_of(store, f"SELECT {INCIDENT} FROM incident") == [  # noqa: S608
        (1, 1, "down", "", 2 * SECOND, 2 * SECOND, 2 * SECOND, 3 * SECOND, 0, cause),
        (2, 1, "down", "", 4 * SECOND, 4 * SECOND, 4 * SECOND, None, 0, cause),
    ]
    write(store, Batch(seen=fleet.reload([], 9)))
    assert all_of(store, "SELECT resolved_ns, given_up FROM incident WHERE id = 2") == [(9, 1)]


def test_several_ends_in_one_batch_belong_to_their_own_incidents(store: Store) -> None:
    fleet = Fleet([Watched(target=1, policy=EAGER)])
    seen = Seen()
    for number, cause in enumerate([REFUSED, None] * 2):
        seen.log += fleet.observe(pulse(number, cause)).log
    write(store, Batch(seen=seen))
    assert all_of(store, "SELECT id, sent_ns, resolved_ns FROM incident") == [
        (1, 0, SECOND), (2, 2 * SECOND, 3 * SECOND),
    ]  # fmt: skip


def test_trouble_of_this_machine_is_an_incident_too(store: Store) -> None:
    fired = Fired(at_ns=1, since_ns=1, kind=Condition.UNKNOWN)
    alert = Alert(target=VANTAGE, kind=Condition.UNKNOWN, since_ns=1, fired_ns=1, sent_ns=1)
    seen = Seen(log=[(VANTAGE, fired), Notice(alert=alert, at_ns=1)])
    write(store, Batch(seen=seen))
    assert ran(store, records.stored).firing == [alert]


def test_silences_end(store: Store) -> None:
    silence = Silence(match={"a": "b"}, from_ns=1, until_ns=10, by="me", why="work")
    assert ran(store, lambda database: records.add_silence(database, silence)) == 1
    assert ran(store, lambda database: records.silences(database, 9)) == {1: silence}
    assert ran(store, lambda database: records.silences(database, 10)) == {}
    ran(store, lambda database: records.end_silence(database, 1, 5))
    assert ran(store, lambda database: records.silences(database, 4)) == {
        1: msgspec.structs.replace(silence, until_ns=5)
    }
    ran(store, lambda database: records.end_silence(database, 1, 8))
    assert ran(store, lambda database: records.silences(database, 5)) == {}
