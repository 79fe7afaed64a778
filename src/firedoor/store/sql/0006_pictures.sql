-- Pictures that were emitted, by how each of their bands looks: keyed digests. The bytes themselves
-- are a passage of `emissions`.
CREATE TABLE pictures (
    band BLOB NOT NULL, media BLOB NOT NULL, PRIMARY KEY (band, media)
) STRICT, WITHOUT ROWID;
