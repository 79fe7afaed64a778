-- Passages by their fingerprints. Whoever brings text is an origin: a room, or one of the two below.
CREATE TABLE origins (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
-- What came in from outside is nobody's in the fleet; what the operator pinned is nobody's, even if
-- somebody wrote it first.
INSERT INTO origins VALUES (0, 'outside'), (1, 'pinned');
-- The normal form of what was emitted, to verify a candidate by: sealed, plain, or as digests.
CREATE TABLE texts (
    id INTEGER PRIMARY KEY, passage BLOB NOT NULL, origin INTEGER NOT NULL, seq INTEGER NOT NULL,
    instance TEXT NOT NULL, at REAL NOT NULL, kind TEXT NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE INDEX texts_by_instance ON texts (instance);
-- `place` counts characters of the normal form. One row for each origin of a key, the first; `text`
-- is 0 where nothing is kept of the text.
CREATE TABLE prints (
    key INTEGER NOT NULL, origin INTEGER NOT NULL, text INTEGER NOT NULL, place INTEGER NOT NULL,
    PRIMARY KEY (key, origin)
) STRICT, WITHOUT ROWID;
CREATE TABLE index_use (
    instance TEXT PRIMARY KEY, prints INTEGER NOT NULL, refused INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
