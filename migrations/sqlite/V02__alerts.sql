-- Alerts with all that tells one from another, and the outbox that they are delivered from.
--
-- The first schema's table had no rows yet: no version of the library wrote any.

DROP VIEW usage_alerts;
DROP TABLE alerts;

CREATE TABLE alerts (
    id INTEGER PRIMARY KEY,
    -- NULL for an alert to the operator.
    user_id INTEGER REFERENCES users (id),
    type TEXT NOT NULL,
    -- The limit's name; `provider/model operation` of an unpriced call; the code of an error.
    subject TEXT NOT NULL,
    -- The limit's maximum, else 0: a changed one arms the thresholds again.
    maximum INTEGER NOT NULL,
    threshold_percent INTEGER NOT NULL,
    -- The start of what it is raised once in: the limit's window, the usage period, or the day.
    armed_from_us INTEGER NOT NULL,
    period_starts_at_us INTEGER NOT NULL,
    provider TEXT,
    title TEXT NOT NULL,
    message TEXT NOT NULL,
    severity TEXT NOT NULL,
    recommended_action TEXT,
    upgrade_plan_id TEXT,
    created_at_us INTEGER NOT NULL,
    -- When a channel delivered it first.
    sent_at_us INTEGER,
    read_at_us INTEGER,
    dismissed_at_us INTEGER
) STRICT;

CREATE UNIQUE INDEX alerts_once ON alerts (
    ifnull(user_id, 0), type, subject, maximum, threshold_percent, armed_from_us
);

CREATE INDEX alerts_by_user ON alerts (user_id);

CREATE INDEX alerts_unread ON alerts (user_id) WHERE read_at_us IS NULL AND dismissed_at_us IS NULL;

-- One row for each alert and channel, written with the alert. A row is due while it is neither
-- done nor dead and `due_at_us` is past; a claim moves `due_at_us` to the end of its lease.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    alert_id INTEGER NOT NULL REFERENCES alerts (id),
    channel TEXT NOT NULL,
    -- The same in every attempt.
    message_id TEXT NOT NULL UNIQUE,
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at_us INTEGER NOT NULL,
    -- The claim that holds it, or held it last.
    token TEXT,
    done_at_us INTEGER,
    -- 1 when it is given up.
    is_dead INTEGER NOT NULL DEFAULT 0,
    last_error TEXT,
    UNIQUE (alert_id, channel)
) STRICT;

CREATE INDEX outbox_due ON outbox (channel, due_at_us) WHERE done_at_us IS NULL AND is_dead = 0;
CREATE INDEX outbox_claimed ON outbox (token) WHERE done_at_us IS NULL AND is_dead = 0;

CREATE VIEW usage_alerts AS
SELECT
    a.id,
    u.user AS user_id,
    a.type AS alert_type,
    a.threshold_percent AS threshold_percentage,
    a.provider,
    a.title,
    a.message,
    a.severity,
    a.sent_at_us IS NOT NULL AS is_sent,
    CASE WHEN a.sent_at_us IS NULL THEN NULL ELSE strftime('%Y-%m-%dT%H:%M:%S', a.sent_at_us / 1000000, 'unixepoch') || printf('.%06dZ', a.sent_at_us % 1000000) END AS sent_at,
    a.read_at_us IS NOT NULL AS is_read,
    CASE WHEN a.read_at_us IS NULL THEN NULL ELSE strftime('%Y-%m-%dT%H:%M:%S', a.read_at_us / 1000000, 'unixepoch') || printf('.%06dZ', a.read_at_us % 1000000) END AS read_at,
    strftime('%Y-%m', a.period_starts_at_us / 1000000, 'unixepoch') AS billing_period,
    strftime('%Y-%m-%dT%H:%M:%S', a.created_at_us / 1000000, 'unixepoch') || printf('.%06dZ', a.created_at_us % 1000000) AS created_at
FROM alerts a
LEFT JOIN users u ON u.id = a.user_id;

-- A version that knows no alerts would record the call that crosses a threshold and raise none.
UPDATE store SET schema_version = 2, min_writer_version = 2;
