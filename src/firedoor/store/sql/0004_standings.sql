-- How much of a call's history its instance was not seen to say, or another was.
ALTER TABLE calls ADD COLUMN forged INTEGER NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN transplanted INTEGER NOT NULL DEFAULT 0;
