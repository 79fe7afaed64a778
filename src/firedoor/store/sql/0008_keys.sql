-- Virtual keys. Of the key itself there is a keyed digest, so that this table opens nothing; NULL for
-- a token, whose signature says whose it is. `upstreams`, `caps` and `rights` are JSON.
CREATE TABLE keys (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, digest BLOB UNIQUE, name TEXT, compartment TEXT,
    instance TEXT, instances TEXT, upstreams TEXT NOT NULL, caps TEXT NOT NULL,
    rights TEXT NOT NULL, issued REAL NOT NULL, expires REAL, revoked REAL
) STRICT, WITHOUT ROWID;
-- Blocks of tokens that were revoked, by id: every token that holds one is revoked with it.
CREATE TABLE revoked_blocks (id TEXT PRIMARY KEY, key TEXT NOT NULL, at REAL NOT NULL)
    STRICT, WITHOUT ROWID;
