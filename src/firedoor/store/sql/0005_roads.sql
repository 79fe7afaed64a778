-- Outside things that tool calls touched: keyed digests, never the thing. An instance's visits to one
-- thing inside a slot of ten minutes are one row, so that who asks in a loop fills no disk.
CREATE TABLE touches (
    thing BLOB NOT NULL, instance TEXT NOT NULL, slot INTEGER NOT NULL, kind TEXT NOT NULL,
    room TEXT NOT NULL, call TEXT NOT NULL, first_at REAL NOT NULL, last_at REAL NOT NULL,
    PRIMARY KEY (thing, instance, slot)
) STRICT, WITHOUT ROWID;
CREATE INDEX touches_by_instance ON touches (instance, thing);
-- What instances told hosts by what they asked of them, summed. `host` is a keyed digest; `body` is
-- its name as the retention lets it be, and NULL where none may be kept.
CREATE TABLE egress (
    instance TEXT NOT NULL, host BLOB NOT NULL, kind TEXT NOT NULL, body BLOB,
    calls INTEGER NOT NULL, bytes INTEGER NOT NULL, bits INTEGER NOT NULL,
    first_at REAL NOT NULL, last_at REAL NOT NULL, PRIMARY KEY (instance, host)
) STRICT, WITHOUT ROWID;
