-- Dashboards, their versions and links, templates, people's preferences and the audit log.
-- One text for SQLite and PostgreSQL: times are milliseconds since 1970 in BIGINT, JSON is TEXT, nothing depends on a dialect.

CREATE TABLE dashboard (
    id TEXT NOT NULL PRIMARY KEY,
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('draft', 'active', 'archived')),
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    archived_at BIGINT,
    template TEXT,
    -- The client's key of the request that made it: the same request again finds what it made.
    create_key TEXT,
    title TEXT NOT NULL,
    -- Lower-case title, for sorting.
    title_key TEXT NOT NULL,
    -- The document is kept as it came: `metadata` is put into `document` at this byte when it is read.
    metadata_at BIGINT NOT NULL,
    metadata TEXT NOT NULL,
    document TEXT NOT NULL
);

-- A name is free again once its dashboard is archived.
CREATE UNIQUE INDEX dashboard_name ON dashboard (project, name) WHERE state <> 'archived';
CREATE INDEX dashboard_updated ON dashboard (updated_at, id) WHERE state <> 'archived';
CREATE INDEX dashboard_created ON dashboard (created_at, id) WHERE state <> 'archived';
CREATE INDEX dashboard_title ON dashboard (title_key, id) WHERE state <> 'archived';
CREATE INDEX dashboard_template ON dashboard (template, id) WHERE state <> 'archived';
CREATE INDEX dashboard_archived ON dashboard (project, name, archived_at) WHERE state = 'archived';
CREATE INDEX dashboard_retention ON dashboard (archived_at, id) WHERE state = 'archived';

CREATE TABLE dashboard_tag (
    dashboard_id TEXT NOT NULL REFERENCES dashboard (id) ON DELETE CASCADE,
    tag TEXT NOT NULL,
    PRIMARY KEY (tag, dashboard_id)
);
CREATE INDEX dashboard_tag_of ON dashboard_tag (dashboard_id);

-- Every word that a dashboard was ever found by, once; those that none has any more are dropped after a while.
CREATE TABLE search_word (
    word TEXT NOT NULL PRIMARY KEY,
    -- Renewed once a day at most, when a dashboard gets the word.
    used_at BIGINT NOT NULL
);

CREATE TABLE dashboard_word (
    dashboard_id TEXT NOT NULL REFERENCES dashboard (id) ON DELETE CASCADE,
    word TEXT NOT NULL,
    PRIMARY KEY (word, dashboard_id)
);
CREATE INDEX dashboard_word_of ON dashboard_word (dashboard_id, word);

CREATE TABLE dashboard_version (
    dashboard_id TEXT NOT NULL REFERENCES dashboard (id) ON DELETE CASCADE,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    message TEXT NOT NULL,
    -- Of the document as it was sent.
    size_bytes BIGINT NOT NULL,
    -- zstd of the document, metadata included. SQLite keeps any bytes under this name of PostgreSQL's.
    document BYTEA NOT NULL,
    PRIMARY KEY (dashboard_id, version)
);

CREATE TABLE share (
    id TEXT NOT NULL PRIMARY KEY,
    dashboard_id TEXT NOT NULL REFERENCES dashboard (id) ON DELETE CASCADE,
    -- SHA-256 of the token, which itself is shown once and kept nowhere.
    token_hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    -- The same with who vouches for them, such as `static alice`: the link goes with their right.
    author TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- Networks with commas between them; empty: from everywhere.
    cidrs TEXT NOT NULL,
    revoked_at BIGINT,
    revoked_by TEXT
);
CREATE UNIQUE INDEX share_token ON share (token_hash);
CREATE INDEX share_of ON share (dashboard_id, created_at);
CREATE INDEX share_expiry ON share (expires_at);
CREATE INDEX share_author ON share (author) WHERE revoked_at IS NULL;

CREATE TABLE template (
    id TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    document TEXT NOT NULL
);

-- Rows are added and, long after, dropped by age; never changed.
CREATE TABLE audit_log (
    id TEXT NOT NULL PRIMARY KEY,
    time BIGINT NOT NULL,
    user_name TEXT NOT NULL,
    action TEXT NOT NULL,
    resource TEXT NOT NULL,
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    version BIGINT,
    outcome TEXT NOT NULL CHECK (outcome IN ('success', 'denied', 'error')),
    address TEXT NOT NULL,
    request_id TEXT NOT NULL
);
CREATE INDEX audit_user ON audit_log (user_name, id);
CREATE INDEX audit_project ON audit_log (project, name, id);
CREATE INDEX audit_action ON audit_log (action, id);

CREATE TABLE preferences (
    owner TEXT NOT NULL PRIMARY KEY,
    updated_at BIGINT NOT NULL,
    document TEXT NOT NULL
);

CREATE TABLE favourite (
    owner TEXT NOT NULL,
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (owner, project, name)
);

CREATE TABLE recent (
    owner TEXT NOT NULL,
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (owner, project, name)
);
CREATE INDEX recent_order ON recent (owner, seen_at);
