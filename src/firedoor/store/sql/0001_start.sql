-- What the door remembers. Labels are JSON: {"d": depth or null, "l": [live], "p": [past]}.
CREATE TABLE orders (
    version INTEGER PRIMARY KEY, kind TEXT NOT NULL, target TEXT NOT NULL, body TEXT NOT NULL,
    at REAL NOT NULL
) STRICT;
CREATE TABLE contained (target TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE instances (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, compartment TEXT NOT NULL, room TEXT NOT NULL,
    run TEXT NOT NULL, credential TEXT NOT NULL, parents TEXT NOT NULL, identity TEXT NOT NULL,
    first_seen REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX instances_by_name ON instances (credential, name);
CREATE TABLE runs (
    run TEXT PRIMARY KEY, room TEXT NOT NULL, label TEXT NOT NULL, parent TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE emissions (
    passage BLOB NOT NULL, seq INTEGER NOT NULL, call TEXT NOT NULL, room TEXT NOT NULL,
    run TEXT NOT NULL, label TEXT NOT NULL, instance TEXT NOT NULL, author TEXT NOT NULL,
    compartment TEXT NOT NULL, held INTEGER NOT NULL, PRIMARY KEY (passage, seq, call)
) STRICT, WITHOUT ROWID;
CREATE TABLE records (
    store TEXT NOT NULL, key TEXT NOT NULL, passage BLOB NOT NULL, call TEXT NOT NULL,
    PRIMARY KEY (store, key, passage, call)
) STRICT, WITHOUT ROWID;
CREATE TABLE marks (
    store TEXT NOT NULL, key TEXT NOT NULL, room TEXT NOT NULL, label TEXT NOT NULL,
    PRIMARY KEY (store, key, room)
) STRICT, WITHOUT ROWID;
CREATE TABLE judgements (
    instance TEXT NOT NULL, passage BLOB NOT NULL, action TEXT NOT NULL, rule TEXT,
    label TEXT NOT NULL, quarantine TEXT, epoch TEXT NOT NULL, PRIMARY KEY (instance, passage)
) STRICT, WITHOUT ROWID;
CREATE TABLE grants (
    passage BLOB NOT NULL, kind TEXT NOT NULL, scope TEXT NOT NULL, until REAL,
    PRIMARY KEY (passage, kind, scope)
) STRICT, WITHOUT ROWID;
CREATE TABLE turns (
    credential TEXT NOT NULL, chain BLOB NOT NULL, call TEXT NOT NULL, instance TEXT NOT NULL,
    next_attempt BLOB, PRIMARY KEY (credential, chain)
) STRICT, WITHOUT ROWID;
CREATE TABLE minted (
    id BLOB PRIMARY KEY, resource TEXT NOT NULL, credential TEXT NOT NULL, room TEXT NOT NULL,
    run TEXT NOT NULL, instance TEXT NOT NULL, label TEXT NOT NULL, call TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE reach (
    root TEXT NOT NULL, room TEXT NOT NULL, last_at REAL NOT NULL, PRIMARY KEY (root, room)
) STRICT, WITHOUT ROWID;
CREATE TABLE quarantine (
    id TEXT PRIMARY KEY, passage BLOB NOT NULL UNIQUE, state TEXT NOT NULL, author TEXT,
    author_compartment TEXT, channel TEXT NOT NULL, label TEXT NOT NULL,
    characters INTEGER NOT NULL, copies INTEGER NOT NULL, asked_by TEXT NOT NULL,
    call TEXT NOT NULL, pointer TEXT NOT NULL, rule TEXT, created REAL NOT NULL, expires REAL
) STRICT, WITHOUT ROWID;
CREATE TABLE calls (
    call TEXT PRIMARY KEY, instance TEXT NOT NULL, base TEXT, base_parts INTEGER NOT NULL,
    attempt BLOB, answered INTEGER NOT NULL, at REAL NOT NULL,
    open_index INTEGER, close_index INTEGER,
    -- What its entries say of it, for whoever counts. A call of which `observe` could write down
    -- the end alone has no open_index, and is counted nowhere.
    verdict TEXT NOT NULL, judged INTEGER NOT NULL, attributed INTEGER NOT NULL,
    total INTEGER NOT NULL, opaque INTEGER NOT NULL, words INTEGER NOT NULL,
    assumed INTEGER NOT NULL, unproven INTEGER NOT NULL, withheld INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX calls_by_attempt ON calls (attempt) WHERE attempt IS NOT NULL AND answered = 0;
-- The halves of a call's explain document (`opened`, `closed`) and the texts that are kept of it
-- (`text/0`…). With a rowid, so that rows of a kilobyte or two lie side by side in one page: in an
-- index tree each of them would spill into a page of its own. `kind` is `plain` or `aesgcm:KEY`.
CREATE TABLE documents (
    call TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (call, name)
) STRICT;
-- The ledger. Rows are only ever added, by anybody.
CREATE TABLE entries (
    idx INTEGER PRIMARY KEY, bytes BLOB NOT NULL, leaf BLOB NOT NULL
) STRICT;
CREATE TRIGGER entries_are_not_changed BEFORE UPDATE ON entries
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER entries_are_not_removed BEFORE DELETE ON entries
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL,
    peaks BLOB NOT NULL, last BLOB,
    -- What every call asks, so that it asks one row: the orders' version, and how much there is of
    -- the rest.
    orders INTEGER NOT NULL, contained INTEGER NOT NULL, granted INTEGER NOT NULL,
    judged INTEGER NOT NULL) STRICT;
INSERT INTO head VALUES (1, 0, x'', NULL, 0, 0, 0, 0);
-- The id of the key in the key file, so that a lost or swapped file is noticed: digests under
-- another key would recognise nothing.
CREATE TABLE own_key (one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL) STRICT;
-- Always empty: what is written here and removed shows whether the disk takes it.
CREATE TABLE probe (filling BLOB NOT NULL) STRICT;
