"""The tables of the store's database, and how older ones become these."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from seventh.model.failure import UsageError

MIGRATIONS = (
    """
    CREATE TABLE target (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, url TEXT NOT NULL, labels TEXT NOT NULL,
        every_ns INTEGER NOT NULL, since_ns INTEGER NOT NULL, until_ns INTEGER
    );
    CREATE TABLE journal (  -- pulses that are not yet part of the history
        seq INTEGER PRIMARY KEY AUTOINCREMENT, vantage INTEGER NOT NULL, first_ns INTEGER NOT NULL,
        last_ns INTEGER NOT NULL, pulses INTEGER NOT NULL, data BLOB NOT NULL
    );
    CREATE TABLE snapshot (  -- what the pulses up to seq led to
        id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL, data BLOB NOT NULL
    );
    CREATE TABLE condition (  -- changes only: how long a target was up, down, unknown
        target INTEGER NOT NULL, vantage INTEGER NOT NULL, at_ns INTEGER NOT NULL,
        condition TEXT NOT NULL, reason TEXT, phase TEXT, blame TEXT,
        PRIMARY KEY (target, vantage, at_ns)
    ) WITHOUT ROWID;
    CREATE TABLE incident (
        id INTEGER PRIMARY KEY, target INTEGER NOT NULL, kind TEXT NOT NULL, phase TEXT NOT NULL,
        since_ns INTEGER NOT NULL, fired_ns INTEGER NOT NULL, sent_ns INTEGER, resolved_ns INTEGER,
        given_up INTEGER NOT NULL DEFAULT 0, cause TEXT
    );
    CREATE UNIQUE INDEX incident_firing ON incident (target, kind, phase)
        WHERE resolved_ns IS NULL;
    CREATE TABLE outbox (
        id INTEGER PRIMARY KEY, incident INTEGER NOT NULL REFERENCES incident,
        resolved INTEGER NOT NULL, receiver TEXT NOT NULL, due_ns INTEGER NOT NULL,
        tries INTEGER NOT NULL DEFAULT 0, claimed_until_ns INTEGER NOT NULL DEFAULT 0,
        done_ns INTEGER, error TEXT, UNIQUE (incident, resolved, receiver)
    );
    CREATE INDEX outbox_due ON outbox (due_ns) WHERE done_ns IS NULL;
    CREATE TABLE finding (
        target INTEGER NOT NULL, rule TEXT NOT NULL, params TEXT NOT NULL, severity TEXT NOT NULL,
        first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, gone_ns INTEGER,
        PRIMARY KEY (target, rule, params, first_ns)
    ) WITHOUT ROWID;
    CREATE TABLE silence (
        id INTEGER PRIMARY KEY, match TEXT NOT NULL, from_ns INTEGER NOT NULL,
        until_ns INTEGER NOT NULL, by TEXT NOT NULL, why TEXT NOT NULL
    );
    """,
    """
    CREATE TABLE identity (id TEXT NOT NULL);  -- of this store
    INSERT INTO identity VALUES (lower(hex(randomblob(8))));
    CREATE TABLE notification (  -- alerts that are one for those who receive it
        id INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, data BLOB NOT NULL, resolved_ns INTEGER,
        given_up INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX notification_open ON notification (id) WHERE resolved_ns IS NULL;
    ALTER TABLE incident ADD COLUMN notification INTEGER REFERENCES notification;
    ALTER TABLE incident ADD COLUMN acknowledged_ns INTEGER;
    ALTER TABLE incident ADD COLUMN acknowledged_by TEXT;
    UPDATE incident SET notification = 0 WHERE sent_ns IS NOT NULL;
    CREATE INDEX incident_pending ON incident (id)
        WHERE sent_ns IS NOT NULL AND notification IS NULL;
    CREATE INDEX incident_notification ON incident (notification);
    DROP TABLE outbox;  -- nothing was ever in it
    CREATE TABLE outbox (
        id INTEGER PRIMARY KEY, notification INTEGER NOT NULL REFERENCES notification,
        resolved INTEGER NOT NULL, receiver TEXT NOT NULL, queued_ns INTEGER NOT NULL,
        due_ns INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0,
        claimed_until_ns INTEGER NOT NULL DEFAULT 0, done_ns INTEGER, error TEXT,
        UNIQUE (notification, resolved, receiver)
    );
    CREATE INDEX outbox_due ON outbox (due_ns) WHERE done_ns IS NULL;
    """,
    """
    CREATE TABLE checked (  -- the last scheduled check that was complete, and whose baseline it is
        target INTEGER PRIMARY KEY, due_ns INTEGER, version TEXT
    );
    ALTER TABLE finding ADD COLUMN announced INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE incident ADD COLUMN finding TEXT;
    """,
    """
    CREATE TABLE report (  -- the last full checks of each target
        id INTEGER PRIMARY KEY, target INTEGER NOT NULL, at_ns INTEGER NOT NULL,
        digest TEXT NOT NULL, data BLOB NOT NULL
    );
    CREATE INDEX report_target ON report (target, at_ns);
    CREATE INDEX incident_target ON incident (target, id);
    """,
    """
    CREATE TABLE series (  -- what a protocol keeps of each target
        target INTEGER NOT NULL, protocol TEXT NOT NULL, data BLOB NOT NULL,
        PRIMARY KEY (target, protocol)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE sample (  -- of looks at this machine
        target INTEGER NOT NULL, at_ns INTEGER NOT NULL, name TEXT NOT NULL, labels TEXT NOT NULL,
        value REAL NOT NULL, PRIMARY KEY (target, at_ns, name, labels)
    ) WITHOUT ROWID;
    """,
    """
    CREATE INDEX journal_first ON journal (first_ns);  -- else finding an hour reads all blobs
    """,
)
"""What makes each version of the version before; the first makes an empty database version 1."""
VERSION = len(MIGRATIONS)


def migrate(
    database: sqlite3.Connection, name: str, migrations: Sequence[str] = MIGRATIONS
) -> None:
    """Bring a database to this version; raises UsageError for one of a later version."""
    known = len(migrations)
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > known:
        raise UsageError(
            f"{name}: made by a later Seventh (version {version}, this one knows {known}); use "
            "that one, or choose another folder with --state"
        )
    for number in range(version, known):
        # One transaction: a process that is killed leaves the version before.
        database.executescript(
            f"BEGIN IMMEDIATE; {migrations[number]} PRAGMA user_version = {number + 1}; COMMIT;"
        )
