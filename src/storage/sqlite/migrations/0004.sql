-- The ids that the log had before: cursors with them have expired.
CREATE TABLE retired_logs (id INTEGER PRIMARY KEY) STRICT;
