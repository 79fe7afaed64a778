-- Files whose lines may be learned from, or run: what a person has to release before they are.
CREATE TABLE files (
    id BLOB PRIMARY KEY, digest BLOB NOT NULL, purpose TEXT NOT NULL, lines INTEGER NOT NULL,
    call TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE file_holds (
    id BLOB NOT NULL, passage BLOB NOT NULL, use TEXT NOT NULL, author TEXT,
    author_compartment TEXT, label TEXT NOT NULL, lines INTEGER NOT NULL,
    characters INTEGER NOT NULL, pointer TEXT NOT NULL, PRIMARY KEY (id, passage)
) STRICT, WITHOUT ROWID;
