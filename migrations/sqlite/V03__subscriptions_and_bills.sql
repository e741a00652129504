-- Subscriptions with payments and schedules, invoices, and what pruning leaves behind.

-- Rows below have meanings that earlier versions do not know.
UPDATE store SET schema_version = 3, min_writer_version = 3;

-- The cost of the usage that the fee of a month includes; NULL when all usage is in the fee.
ALTER TABLE plans ADD COLUMN included_cost_pico_usd INTEGER;

-- Terms: one row a change. `grants_until_us` ends what does not go on by itself.
ALTER TABLE subscription_terms ADD COLUMN change TEXT NOT NULL DEFAULT 'new';
ALTER TABLE subscription_terms ADD COLUMN cycle_offset_months INTEGER NOT NULL DEFAULT 0;
ALTER TABLE subscription_terms ADD COLUMN grants_until_us INTEGER;
ALTER TABLE subscription_terms ADD COLUMN payment_status TEXT NOT NULL DEFAULT 'paid';
ALTER TABLE subscription_terms ADD COLUMN payment_amount_pico_usd INTEGER NOT NULL DEFAULT 0;
ALTER TABLE subscription_terms ADD COLUMN payment_reference TEXT;
ALTER TABLE subscription_terms ADD COLUMN payment_at_us INTEGER;
-- A JSON object: what was used in the running usage period before a change at once.
ALTER TABLE subscription_terms ADD COLUMN usage_before TEXT
    CHECK (usage_before IS NULL OR json_valid(usage_before));
ALTER TABLE subscription_terms ADD COLUMN created_at_us INTEGER NOT NULL DEFAULT 0;
-- When a term that had not begun was taken back: it never counts.
ALTER TABLE subscription_terms ADD COLUMN withdrawn_at_us INTEGER;

UPDATE subscription_terms SET created_at_us = starts_at_us;

-- The sum of a user's calls by usage period, provider and model: what invoices are made of.
CREATE TABLE period_models (
    user_id INTEGER NOT NULL REFERENCES users (id),
    starts_at_us INTEGER NOT NULL,
    provider_id INTEGER NOT NULL REFERENCES providers (id),
    model_id INTEGER NOT NULL REFERENCES models (id),
    calls INTEGER NOT NULL,
    unpriced_calls INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    cost_pico_usd INTEGER NOT NULL,
    PRIMARY KEY (user_id, starts_at_us, provider_id, model_id)
) STRICT, WITHOUT ROWID;

INSERT INTO period_models (
    user_id, starts_at_us, provider_id, model_id, calls, unpriced_calls, tokens, cost_pico_usd
)
SELECT
    user_id, period_starts_at_us, provider_id, model_id, sum(call_count),
    sum(CASE WHEN cost_pico_usd IS NULL THEN call_count ELSE 0 END),
    sum(input_tokens + output_tokens), sum(ifnull(cost_pico_usd, 0))
FROM calls GROUP BY 1, 2, 3, 4;

-- Invoices that were finalized. They never change, but for their payment and for being void.
DROP VIEW billing_history;
DROP TABLE bills;

CREATE TABLE invoices (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id),
    state TEXT NOT NULL,
    period_starts_at_us INTEGER NOT NULL,
    period_ends_at_us INTEGER NOT NULL,
    plan_id TEXT NOT NULL,
    plan_name TEXT NOT NULL,
    billing_cycle TEXT NOT NULL,
    total_calls INTEGER NOT NULL,
    total_tokens INTEGER NOT NULL,
    total_pico_usd INTEGER NOT NULL,
    paid_pico_usd INTEGER NOT NULL,
    payment_status TEXT NOT NULL,
    payment_at_us INTEGER,
    payment_reference TEXT,
    stripe_invoice_id TEXT,
    -- SHA-256 over user_id, numbers, and names of plans, providers and models.
    hash TEXT NOT NULL,
    finalized_at_us INTEGER NOT NULL,
    voided_at_us INTEGER,
    void_reason TEXT,
    updated_at_us INTEGER NOT NULL
) STRICT;

-- Only one invoice counts for a period, whoever closes it.
CREATE UNIQUE INDEX invoices_once ON invoices (user_id, period_starts_at_us)
    WHERE state = 'finalized';
CREATE INDEX invoices_by_user ON invoices (user_id);

-- The lines add to the total; each was rounded once.
CREATE TABLE invoice_lines (
    invoice_id INTEGER NOT NULL REFERENCES invoices (id),
    position INTEGER NOT NULL,
    kind TEXT NOT NULL,
    plan_id TEXT,
    provider_id INTEGER REFERENCES providers (id),
    model_id INTEGER REFERENCES models (id),
    -- The start of the billing period that an adjustment is about.
    adjusts_us INTEGER,
    calls INTEGER NOT NULL,
    unpriced_calls INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    cost_pico_usd INTEGER NOT NULL,
    amount_pico_usd INTEGER NOT NULL,
    PRIMARY KEY (invoice_id, position)
) STRICT, WITHOUT ROWID;

-- Pruning: calls that are gone have left their sums in the base tables, so that counters are
-- base + ledger, and a row that answers a repeat of their key.
CREATE TABLE pruned_calls (
    call_id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id),
    -- The first half of SHA-256 over what a repeat must have in common.
    fingerprint BLOB NOT NULL,
    occurred_at_us INTEGER NOT NULL,
    period_starts_at_us INTEGER NOT NULL,
    cost_pico_usd INTEGER NOT NULL,
    price_version_id INTEGER REFERENCES price_versions (id)
) STRICT;

CREATE INDEX pruned_calls_by_user ON pruned_calls (user_id);

CREATE TABLE base_counters (
    user_id INTEGER NOT NULL REFERENCES users (id),
    "window" INTEGER NOT NULL,
    starts_at_us INTEGER NOT NULL,
    provider_id INTEGER NOT NULL REFERENCES providers (id),
    operation_id INTEGER NOT NULL REFERENCES operations (id),
    calls INTEGER NOT NULL,
    limited_calls INTEGER NOT NULL,
    failed_calls INTEGER NOT NULL,
    unpriced_calls INTEGER NOT NULL,
    timed_calls INTEGER NOT NULL,
    response_time_ms INTEGER NOT NULL,
    cost_pico_usd INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cached_input_tokens INTEGER NOT NULL,
    cache_write_5m_tokens INTEGER NOT NULL,
    cache_write_1h_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    input_audio_tokens INTEGER NOT NULL,
    output_audio_tokens INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    searches INTEGER NOT NULL,
    images INTEGER NOT NULL,
    pages INTEGER NOT NULL,
    seconds INTEGER NOT NULL,
    characters INTEGER NOT NULL,
    has_other_units INTEGER NOT NULL,
    PRIMARY KEY (user_id, "window", starts_at_us, provider_id, operation_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE base_counter_usage (
    user_id INTEGER NOT NULL,
    "window" INTEGER NOT NULL,
    starts_at_us INTEGER NOT NULL,
    provider_id INTEGER NOT NULL,
    operation_id INTEGER NOT NULL,
    unit_id INTEGER NOT NULL REFERENCES units (id),
    quantity INTEGER NOT NULL,
    PRIMARY KEY (user_id, "window", starts_at_us, provider_id, operation_id, unit_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE base_days (
    user_id INTEGER NOT NULL REFERENCES users (id),
    day INTEGER NOT NULL,
    provider_id INTEGER NOT NULL REFERENCES providers (id),
    model_id INTEGER NOT NULL REFERENCES models (id),
    operation_id INTEGER NOT NULL REFERENCES operations (id),
    calls INTEGER NOT NULL,
    limited_calls INTEGER NOT NULL,
    failed_calls INTEGER NOT NULL,
    unpriced_calls INTEGER NOT NULL,
    timed_calls INTEGER NOT NULL,
    response_time_ms INTEGER NOT NULL,
    cost_pico_usd INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cached_input_tokens INTEGER NOT NULL,
    cache_write_5m_tokens INTEGER NOT NULL,
    cache_write_1h_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    input_audio_tokens INTEGER NOT NULL,
    output_audio_tokens INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    searches INTEGER NOT NULL,
    images INTEGER NOT NULL,
    pages INTEGER NOT NULL,
    seconds INTEGER NOT NULL,
    characters INTEGER NOT NULL,
    has_other_units INTEGER NOT NULL,
    PRIMARY KEY (user_id, day, provider_id, model_id, operation_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE base_day_usage (
    user_id INTEGER NOT NULL,
    day INTEGER NOT NULL,
    provider_id INTEGER NOT NULL,
    model_id INTEGER NOT NULL,
    operation_id INTEGER NOT NULL,
    unit_id INTEGER NOT NULL REFERENCES units (id),
    quantity INTEGER NOT NULL,
    PRIMARY KEY (user_id, day, provider_id, model_id, operation_id, unit_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE base_response_times (
    user_id INTEGER NOT NULL REFERENCES users (id),
    day INTEGER NOT NULL,
    provider_id INTEGER NOT NULL REFERENCES providers (id),
    bucket INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    PRIMARY KEY (user_id, day, provider_id, bucket)
) STRICT, WITHOUT ROWID;

CREATE TABLE base_period_models (
    user_id INTEGER NOT NULL REFERENCES users (id),
    starts_at_us INTEGER NOT NULL,
    provider_id INTEGER NOT NULL REFERENCES providers (id),
    model_id INTEGER NOT NULL REFERENCES models (id),
    calls INTEGER NOT NULL,
    unpriced_calls INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    cost_pico_usd INTEGER NOT NULL,
    PRIMARY KEY (user_id, starts_at_us, provider_id, model_id)
) STRICT, WITHOUT ROWID;

-- Finalized invoices; drafts are computed and not in SQL. Void ones have the status `void`.
CREATE VIEW billing_history AS
WITH sums AS (
    SELECT
        invoice_id,
        sum(CASE WHEN kind IN ('fee', 'proration_credit', 'proration_charge', 'waiver')
            THEN amount_pico_usd ELSE 0 END) AS base,
        sum(CASE WHEN kind IN ('usage', 'adjustment') THEN amount_pico_usd ELSE 0 END) AS usage,
        sum(CASE WHEN kind IN ('usage', 'adjustment', 'included', 'adjustment_included')
            THEN amount_pico_usd ELSE 0 END) AS overage
    FROM invoice_lines
    GROUP BY invoice_id
)
SELECT
    i.id,
    u.user AS user_id,
    strftime('%Y-%m', i.period_starts_at_us / 1000000, 'unixepoch') AS billing_period,
    strftime('%Y-%m-%dT%H:%M:%S', i.period_starts_at_us / 1000000, 'unixepoch') || printf('.%06dZ', i.period_starts_at_us % 1000000) AS period_start,
    strftime('%Y-%m-%dT%H:%M:%S', i.period_ends_at_us / 1000000, 'unixepoch') || printf('.%06dZ', i.period_ends_at_us % 1000000) AS period_end,
    i.plan_name,
    CASE WHEN ifnull(s.base, 0) IS NULL THEN NULL ELSE (CASE WHEN ifnull(s.base, 0) < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(ifnull(s.base, 0) / 1000000000000), abs(ifnull(s.base, 0) % 1000000000000)) END AS base_cost,
    ifnull(s.base, 0) AS base_cost_pico_usd,
    CASE WHEN ifnull(s.usage, 0) IS NULL THEN NULL ELSE (CASE WHEN ifnull(s.usage, 0) < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(ifnull(s.usage, 0) / 1000000000000), abs(ifnull(s.usage, 0) % 1000000000000)) END AS usage_cost,
    ifnull(s.usage, 0) AS usage_cost_pico_usd,
    CASE WHEN ifnull(s.overage, 0) IS NULL THEN NULL ELSE (CASE WHEN ifnull(s.overage, 0) < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(ifnull(s.overage, 0) / 1000000000000), abs(ifnull(s.overage, 0) % 1000000000000)) END AS overage_cost,
    ifnull(s.overage, 0) AS overage_cost_pico_usd,
    CASE WHEN i.total_pico_usd IS NULL THEN NULL ELSE (CASE WHEN i.total_pico_usd < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(i.total_pico_usd / 1000000000000), abs(i.total_pico_usd % 1000000000000)) END AS total_cost,
    i.total_pico_usd AS total_cost_pico_usd,
    CASE i.state WHEN 'void' THEN 'void' ELSE i.payment_status END AS payment_status,
    CASE WHEN i.payment_at_us IS NULL THEN NULL ELSE strftime('%Y-%m-%dT%H:%M:%S', i.payment_at_us / 1000000, 'unixepoch') || printf('.%06dZ', i.payment_at_us % 1000000) END AS payment_date,
    i.stripe_invoice_id,
    i.total_calls AS total_api_calls,
    i.total_tokens,
    (
        SELECT json_group_array(json_object(
            'kind', kind, 'plan_id', plan_id, 'provider', provider, 'model', model,
            'calls', calls, 'tokens', tokens, 'cost_pico_usd', cost_pico_usd,
            'amount_pico_usd', amount_pico_usd
        ))
        FROM (
            SELECT l.*, p.provider, m.model
            FROM invoice_lines l
            LEFT JOIN providers p ON p.id = l.provider_id
            LEFT JOIN models m ON m.id = l.model_id
            WHERE l.invoice_id = i.id ORDER BY l.position
        )
    ) AS usage_details,
    strftime('%Y-%m-%dT%H:%M:%S', i.finalized_at_us / 1000000, 'unixepoch') || printf('.%06dZ', i.finalized_at_us % 1000000) AS created_at,
    strftime('%Y-%m-%dT%H:%M:%S', i.updated_at_us / 1000000, 'unixepoch') || printf('.%06dZ', i.updated_at_us % 1000000) AS updated_at
FROM invoices i
JOIN users u ON u.id = i.user_id
LEFT JOIN sums s ON s.invoice_id = i.id;

-- The term in force now, with its billing period. What waits for a payment is not in force.
DROP VIEW user_subscriptions;
CREATE VIEW user_subscriptions AS
WITH current AS (
    SELECT t.*, CAST(strftime('%s', 'now') AS INTEGER) AS now_s, t.anchor_us / 1000000 AS anchor_s
    FROM subscription_terms t
    WHERE t.id = (
        SELECT x.id FROM subscription_terms x
        WHERE x.user_id = t.user_id AND x.withdrawn_at_us IS NULL AND x.status <> 'pending'
            AND x.starts_at_us <= CAST(strftime('%s', 'now') AS INTEGER) * 1000000
        ORDER BY x.starts_at_us DESC, x.id DESC LIMIT 1
    )
),
counted AS (
    SELECT
        current.*,
        CASE billing_cycle WHEN 'yearly' THEN 12 ELSE 1 END AS cycle_months,
        (strftime('%Y', now_s, 'unixepoch') - strftime('%Y', anchor_s, 'unixepoch')) * 12
            + strftime('%m', now_s, 'unixepoch') - strftime('%m', anchor_s, 'unixepoch')
            - cycle_offset_months AS months
    FROM current
),
-- The guess may be one cycle too late: `step` counts the candidates from there.
candidates AS (
    SELECT counted.*, step,
        (months / cycle_months + step) * cycle_months + cycle_offset_months AS n
    FROM counted, (SELECT -2 AS step UNION ALL SELECT -1 UNION ALL SELECT 0 UNION ALL SELECT 1)
),
starts AS (
    SELECT
        candidates.*,
        CASE
            WHEN strftime('%d', anchor_s, 'unixepoch', n || ' months')
                = strftime('%d', anchor_s, 'unixepoch')
            THEN CAST(strftime('%s', anchor_s, 'unixepoch', n || ' months') AS INTEGER)
            ELSE CAST(strftime(
                '%s', anchor_s, 'unixepoch', 'start of month', (n + 1) || ' months', '-1 day'
            ) AS INTEGER) + anchor_s % 86400
        END AS start_s
    FROM candidates
)
SELECT
    s.id,
    u.user AS user_id,
    s.plan_id,
    s.billing_cycle,
    strftime('%Y-%m-%dT%H:%M:%S', (s.start_s * 1000000 + s.anchor_us % 1000000) / 1000000, 'unixepoch') || printf('.%06dZ', (s.start_s * 1000000 + s.anchor_us % 1000000) % 1000000) AS current_period_start,
    strftime('%Y-%m-%dT%H:%M:%S', (e.start_s * 1000000 + s.anchor_us % 1000000) / 1000000, 'unixepoch') || printf('.%06dZ', (e.start_s * 1000000 + s.anchor_us % 1000000) % 1000000) AS current_period_end,
    -- What was paid for and is over has expired; a late payment stays one when its grace ends.
    CASE WHEN s.status = 'active' AND s.grants_until_us <= s.now_s * 1000000 THEN 'expired'
        ELSE s.status END AS status,
    s.status IN ('active', 'past_due')
        AND (s.grants_until_us IS NULL OR s.grants_until_us > s.now_s * 1000000) AS is_active,
    s.auto_renew,
    s.stripe_customer_id,
    s.stripe_subscription_id,
    s.payment_method,
    (
        SELECT strftime('%Y-%m-%dT%H:%M:%S', min(f.starts_at_us) / 1000000, 'unixepoch') || printf('.%06dZ', min(f.starts_at_us) % 1000000)
        FROM subscription_terms f
        WHERE f.user_id = s.user_id AND f.withdrawn_at_us IS NULL AND f.status <> 'pending'
    ) AS created_at,
    strftime('%Y-%m-%dT%H:%M:%S', s.starts_at_us / 1000000, 'unixepoch') || printf('.%06dZ', s.starts_at_us % 1000000) AS updated_at
FROM starts s
JOIN starts e ON e.id = s.id AND e.step = s.step + 1
JOIN users u ON u.id = s.user_id
WHERE s.start_s <= s.now_s AND s.now_s < e.start_s;
