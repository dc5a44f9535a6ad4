-- Work that is done later, as JSON. due_at is when it may be begun: the end of the lease if a process runs it, NULL if it is finished.
-- Each lease and each change by people raises fence.
CREATE TABLE jobs (
    id          BLOB PRIMARY KEY,
    kind        TEXT NOT NULL,
    status      TEXT NOT NULL,
    due_at      INTEGER,
    finished_at INTEGER,
    fence       INTEGER NOT NULL DEFAULT 0,
    job         TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX jobs_due ON jobs (kind, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX jobs_listed ON jobs (kind, status, id);
CREATE INDEX jobs_finished ON jobs (status, finished_at) WHERE finished_at IS NOT NULL;
