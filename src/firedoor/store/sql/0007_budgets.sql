-- Budgets. Amounts are whole numbers in the unit of their kind (micro-dollars for cost).
-- What an account was last held to, for people: the limit itself is the policy's.
CREATE TABLE accounts (
    account TEXT NOT NULL, kind TEXT NOT NULL, "window" TEXT NOT NULL, shown TEXT NOT NULL,
    "limit" INTEGER, warned INTEGER, PRIMARY KEY (account, kind, "window")
) STRICT, WITHOUT ROWID;
-- What was used, by the bucket of its window in which it was settled.
CREATE TABLE meters (
    account TEXT NOT NULL, kind TEXT NOT NULL, "window" TEXT NOT NULL, bucket INTEGER NOT NULL,
    committed INTEGER NOT NULL, overrun INTEGER NOT NULL,
    PRIMARY KEY (account, kind, "window", bucket)
) STRICT, WITHOUT ROWID;
-- What is held now. INVARIANT: the sum of the open holds on it.
CREATE TABLE held (
    account TEXT NOT NULL, kind TEXT NOT NULL, amount INTEGER NOT NULL,
    PRIMARY KEY (account, kind)
) STRICT, WITHOUT ROWID;
-- `state` is held, settled or lapsed; `takes` is JSON: [[account, kind, window, amount], …].
CREATE TABLE holds (
    id TEXT PRIMARY KEY, call TEXT NOT NULL, expires_at REAL NOT NULL, state TEXT NOT NULL,
    keeps INTEGER NOT NULL, takes TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX holds_open ON holds (expires_at) WHERE state = 'held';
CREATE INDEX holds_by_call ON holds (call);
CREATE TABLE raises (
    id INTEGER PRIMARY KEY, account TEXT NOT NULL, kind TEXT NOT NULL, amount INTEGER NOT NULL,
    until REAL, entry INTEGER NOT NULL
) STRICT;
CREATE INDEX raises_by_account ON raises (account, kind);
-- Instances that their parents were charged for.
CREATE TABLE born (instance TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
