-- The first schema. docs/schema.md explains it; an applied file is never edited.
--
-- Times are microseconds since 1970-01-01T00:00:00Z in columns that end in `_us`. Money is whole
-- pico-dollars (1e-12 USD) in columns that end in `_pico_usd`. The views at the end show both as
-- text; their money texts compare and add wrongly, so calculate with the integer twins.

-- The versions of this file: one row.
CREATE TABLE store (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    schema_version INTEGER NOT NULL,
    min_writer_version INTEGER NOT NULL,
    catalogue_version INTEGER NOT NULL
) STRICT;

INSERT INTO store VALUES (1, 1, 1, 1);

-- Names that rows refer to by number.
CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    user TEXT NOT NULL UNIQUE,
    created_at_us INTEGER NOT NULL,
    -- Rises when a term or an override of the user changes.
    revision INTEGER NOT NULL DEFAULT 0,
    -- The last call before a short window began to be counted; NULL while it is not.
    minute_since_call_id INTEGER,
    hour_since_call_id INTEGER,
    day_since_call_id INTEGER,
    lifetime_since_call_id INTEGER
) STRICT;

CREATE TABLE providers (
    id INTEGER PRIMARY KEY,
    provider TEXT NOT NULL UNIQUE,
    -- NULL for a provider that calls have named and the catalogue does not know.
    display_name TEXT,
    default_operation TEXT
) STRICT;

CREATE TABLE operations (id INTEGER PRIMARY KEY, operation TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE models (id INTEGER PRIMARY KEY, model TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE units (id INTEGER PRIMARY KEY, unit TEXT NOT NULL UNIQUE, label TEXT) STRICT;

CREATE TABLE unit_parents (
    unit_id INTEGER NOT NULL REFERENCES units (id),
    position INTEGER NOT NULL,
    parent_id INTEGER NOT NULL REFERENCES units (id),
    PRIMARY KEY (unit_id, position)
) STRICT, WITHOUT ROWID;

-- Plans. A limit's maximum is NULL for "no limit" and 0 for "not in the plan".
CREATE TABLE plans (
    plan_id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    tier TEXT NOT NULL,
    price_monthly_pico_usd INTEGER NOT NULL,
    price_yearly_pico_usd INTEGER NOT NULL,
    description TEXT NOT NULL,
    features TEXT NOT NULL CHECK (json_valid(features)),
    is_active INTEGER NOT NULL,
    created_at_us INTEGER NOT NULL,
    updated_at_us INTEGER NOT NULL
) STRICT;

CREATE TABLE plan_limits (
    plan_id TEXT NOT NULL REFERENCES plans (plan_id),
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    metric TEXT NOT NULL,
    provider TEXT,
    operation TEXT,
    "window" TEXT NOT NULL,
    maximum INTEGER,
    policy TEXT NOT NULL,
    thresholds TEXT NOT NULL CHECK (json_valid(thresholds)),
    PRIMARY KEY (plan_id, name)
) STRICT, WITHOUT ROWID;

-- Prices: dated versions, each with one rate a unit and context tier.
CREATE TABLE price_versions (
    id INTEGER PRIMARY KEY,
    provider TEXT NOT NULL,
    matcher TEXT NOT NULL,
    model TEXT NOT NULL,
    variant TEXT NOT NULL,
    operation TEXT,
    effective_from_us INTEGER NOT NULL,
    source TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX price_versions_by_price ON price_versions (
    provider, matcher, model, variant, ifnull(operation, ''), effective_from_us
);

CREATE TABLE price_rates (
    price_version_id INTEGER NOT NULL REFERENCES price_versions (id),
    unit TEXT NOT NULL,
    above_input_tokens INTEGER NOT NULL,
    amount_pico_usd INTEGER NOT NULL,
    per INTEGER NOT NULL CHECK (per > 0),
    PRIMARY KEY (price_version_id, unit, above_input_tokens)
) STRICT, WITHOUT ROWID;

CREATE TABLE price_aliases (
    provider TEXT NOT NULL,
    alias TEXT NOT NULL,
    model TEXT NOT NULL,
    PRIMARY KEY (provider, alias)
) STRICT, WITHOUT ROWID;

-- Subscriptions: a term holds from its start until the user's next one.
CREATE TABLE subscription_terms (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id),
    plan_id TEXT NOT NULL REFERENCES plans (plan_id),
    billing_cycle TEXT NOT NULL,
    anchor_us INTEGER NOT NULL,
    starts_at_us INTEGER NOT NULL,
    status TEXT NOT NULL,
    auto_renew INTEGER NOT NULL DEFAULT 1,
    stripe_customer_id TEXT,
    stripe_subscription_id TEXT,
    payment_method TEXT
) STRICT;

CREATE INDEX subscription_terms_by_user ON subscription_terms (user_id, starts_at_us);

-- Limits of one user alone.
CREATE TABLE limit_overrides (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id),
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    metric TEXT NOT NULL,
    provider TEXT,
    operation TEXT,
    "window" TEXT NOT NULL,
    maximum INTEGER,
    policy TEXT NOT NULL,
    thresholds TEXT NOT NULL CHECK (json_valid(thresholds)),
    starts_at_us INTEGER NOT NULL,
    ends_at_us INTEGER,
    note TEXT
) STRICT;

CREATE INDEX limit_overrides_by_user ON limit_overrides (user_id);

-- The ledger: one row a recorded call, never deleted. A row changes only when its unknown cost
-- becomes known.
CREATE TABLE calls (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id),
    provider_id INTEGER NOT NULL REFERENCES providers (id),
    operation_id INTEGER NOT NULL REFERENCES operations (id),
    model_id INTEGER NOT NULL REFERENCES models (id),
    -- 0 standard, 1 batch, 2 flex, 3 priority
    variant INTEGER NOT NULL,
    -- 0 reported, 1 estimated, 2 an expired hold that was charged
    usage_source INTEGER NOT NULL,
    status_code INTEGER NOT NULL,
    call_count INTEGER NOT NULL,
    occurred_at_us INTEGER NOT NULL,
    recorded_at_us INTEGER NOT NULL,
    period_starts_at_us INTEGER NOT NULL,
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
    -- 1 when `call_usage` has more units of the call.
    has_other_units INTEGER NOT NULL,
    -- NULL when unknown; the parts of input and output are inside.
    cost_pico_usd INTEGER,
    cost_input_pico_usd INTEGER NOT NULL,
    cost_output_pico_usd INTEGER NOT NULL,
    vendor_cost_pico_usd INTEGER,
    price_version_id INTEGER REFERENCES price_versions (id),
    -- 0 exact, 1 alias, 2 prefix, 3 provider default, 4 named default, 5 unknown
    price_match INTEGER NOT NULL,
    is_late INTEGER NOT NULL,
    actual_provider TEXT,
    endpoint TEXT,
    method TEXT,
    response_time_ms INTEGER,
    request_size_bytes INTEGER,
    response_size_bytes INTEGER,
    retry_count INTEGER NOT NULL,
    error_message TEXT,
    ip_address TEXT,
    user_agent TEXT,
    tags TEXT
) STRICT;

CREATE INDEX calls_by_user ON calls (user_id);
CREATE INDEX calls_unpriced ON calls (id) WHERE cost_pico_usd IS NULL;

-- Quantities of units that have no column.
CREATE TABLE call_usage (
    call_id INTEGER NOT NULL REFERENCES calls (id),
    unit_id INTEGER NOT NULL REFERENCES units (id),
    quantity INTEGER NOT NULL,
    PRIMARY KEY (call_id, unit_id)
) STRICT, WITHOUT ROWID;

-- Idempotency keys: the first half of SHA-256 over user, 0 and key.
CREATE TABLE call_keys (
    key BLOB PRIMARY KEY,
    call_id INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Reservations. A settled one is gone: its key has become a call.
CREATE TABLE holds (
    key BLOB PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id),
    provider_id INTEGER NOT NULL REFERENCES providers (id),
    operation_id INTEGER NOT NULL REFERENCES operations (id),
    model_id INTEGER NOT NULL REFERENCES models (id),
    variant INTEGER NOT NULL,
    call_count INTEGER NOT NULL,
    -- A JSON object of quantities by unit.
    usage TEXT NOT NULL CHECK (json_valid(usage)),
    cost_pico_usd INTEGER NOT NULL,
    price_version_id INTEGER REFERENCES price_versions (id),
    price_match INTEGER NOT NULL,
    reserved_at_us INTEGER NOT NULL,
    expires_at_us INTEGER NOT NULL,
    period_starts_at_us INTEGER NOT NULL,
    -- 0 open, 1 released, 2 expired
    state INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX holds_open_by_user ON holds (user_id) WHERE state = 0;

-- Counters: the sum of a user's calls by window, provider and operation.
CREATE TABLE counters (
    user_id INTEGER NOT NULL REFERENCES users (id),
    -- 0 usage period, 1 minute, 2 hour, 3 day, 4 lifetime
    "window" INTEGER NOT NULL,
    starts_at_us INTEGER NOT NULL,
    provider_id INTEGER NOT NULL REFERENCES providers (id),
    operation_id INTEGER NOT NULL REFERENCES operations (id),
    calls INTEGER NOT NULL,
    -- Without failed calls that used nothing: what `*_calls` limits count.
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
    -- 1 when `counter_usage` has more units of the counter.
    has_other_units INTEGER NOT NULL,
    PRIMARY KEY (user_id, "window", starts_at_us, provider_id, operation_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE counter_usage (
    user_id INTEGER NOT NULL,
    "window" INTEGER NOT NULL,
    starts_at_us INTEGER NOT NULL,
    provider_id INTEGER NOT NULL,
    operation_id INTEGER NOT NULL,
    unit_id INTEGER NOT NULL REFERENCES units (id),
    quantity INTEGER NOT NULL,
    PRIMARY KEY (user_id, "window", starts_at_us, provider_id, operation_id, unit_id)
) STRICT, WITHOUT ROWID;

-- Day rollups: the sum of a user's calls by UTC day, provider, model and operation.
CREATE TABLE days (
    user_id INTEGER NOT NULL REFERENCES users (id),
    -- Days since 1970-01-01.
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
    -- 1 when `day_usage` has more units of the day.
    has_other_units INTEGER NOT NULL,
    PRIMARY KEY (user_id, day, provider_id, model_id, operation_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE day_usage (
    user_id INTEGER NOT NULL,
    day INTEGER NOT NULL,
    provider_id INTEGER NOT NULL,
    model_id INTEGER NOT NULL,
    operation_id INTEGER NOT NULL,
    unit_id INTEGER NOT NULL REFERENCES units (id),
    quantity INTEGER NOT NULL,
    PRIMARY KEY (user_id, day, provider_id, model_id, operation_id, unit_id)
) STRICT, WITHOUT ROWID;

-- Response times: how many calls fell into each bucket of the fixed histogram.
CREATE TABLE response_times (
    user_id INTEGER NOT NULL REFERENCES users (id),
    day INTEGER NOT NULL,
    provider_id INTEGER NOT NULL REFERENCES providers (id),
    bucket INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    PRIMARY KEY (user_id, day, provider_id, bucket)
) STRICT, WITHOUT ROWID;

-- Usage periods in which calls were recorded, and how their limits stood at the last one.
CREATE TABLE usage_periods (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id),
    starts_at_us INTEGER NOT NULL,
    ends_at_us INTEGER NOT NULL,
    usage_status TEXT NOT NULL,
    created_at_us INTEGER NOT NULL,
    updated_at_us INTEGER NOT NULL,
    UNIQUE (user_id, starts_at_us)
) STRICT;

-- Alerts.
CREATE TABLE alerts (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id),
    type TEXT NOT NULL,
    limit_name TEXT,
    maximum INTEGER,
    threshold_percent INTEGER,
    provider TEXT,
    title TEXT NOT NULL,
    message TEXT NOT NULL,
    severity TEXT NOT NULL,
    period_starts_at_us INTEGER NOT NULL,
    created_at_us INTEGER NOT NULL,
    sent_at_us INTEGER,
    read_at_us INTEGER
) STRICT;

CREATE UNIQUE INDEX alerts_once ON alerts (
    user_id, type, limit_name, maximum, threshold_percent, period_starts_at_us
);

-- Bills.
CREATE TABLE bills (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id),
    period_starts_at_us INTEGER NOT NULL,
    period_ends_at_us INTEGER NOT NULL,
    plan_name TEXT NOT NULL,
    base_cost_pico_usd INTEGER NOT NULL,
    usage_cost_pico_usd INTEGER NOT NULL,
    overage_cost_pico_usd INTEGER NOT NULL,
    total_cost_pico_usd INTEGER NOT NULL,
    payment_status TEXT NOT NULL,
    payment_date_us INTEGER,
    stripe_invoice_id TEXT,
    total_calls INTEGER NOT NULL,
    total_tokens INTEGER NOT NULL,
    usage_details TEXT NOT NULL CHECK (json_valid(usage_details)),
    created_at_us INTEGER NOT NULL,
    updated_at_us INTEGER NOT NULL
) STRICT;

-- The views. Money as exact text with 12 places beside an integer twin, times as ISO 8601 UTC.

CREATE VIEW subscription_plans AS
SELECT
    p.plan_id AS id,
    p.name,
    p.tier,
    CASE WHEN p.price_monthly_pico_usd IS NULL THEN NULL ELSE (CASE WHEN p.price_monthly_pico_usd < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(p.price_monthly_pico_usd / 1000000000000), abs(p.price_monthly_pico_usd % 1000000000000)) END AS price_monthly,
    p.price_monthly_pico_usd AS price_monthly_pico_usd,
    CASE WHEN p.price_yearly_pico_usd IS NULL THEN NULL ELSE (CASE WHEN p.price_yearly_pico_usd < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(p.price_yearly_pico_usd / 1000000000000), abs(p.price_yearly_pico_usd % 1000000000000)) END AS price_yearly,
    p.price_yearly_pico_usd AS price_yearly_pico_usd,
    (SELECT maximum FROM plan_limits l WHERE l.plan_id = p.plan_id AND l.name = 'ai_text_generation_calls') AS ai_text_generation_calls_limit,
    (SELECT maximum FROM plan_limits l WHERE l.plan_id = p.plan_id AND l.name = 'gemini_calls') AS gemini_calls_limit,
    (SELECT maximum FROM plan_limits l WHERE l.plan_id = p.plan_id AND l.name = 'openai_calls') AS openai_calls_limit,
    (SELECT maximum FROM plan_limits l WHERE l.plan_id = p.plan_id AND l.name = 'anthropic_calls') AS anthropic_calls_limit,
    (SELECT maximum FROM plan_limits l WHERE l.plan_id = p.plan_id AND l.name = 'mistral_calls') AS mistral_calls_limit,
    (SELECT maximum FROM plan_limits l WHERE l.plan_id = p.plan_id AND l.name = 'tavily_calls') AS tavily_calls_limit,
    (SELECT maximum FROM plan_limits l WHERE l.plan_id = p.plan_id AND l.name = 'serper_calls') AS serper_calls_limit,
    (SELECT maximum FROM plan_limits l WHERE l.plan_id = p.plan_id AND l.name = 'metaphor_calls') AS metaphor_calls_limit,
    (SELECT maximum FROM plan_limits l WHERE l.plan_id = p.plan_id AND l.name = 'firecrawl_calls') AS firecrawl_calls_limit,
    (SELECT maximum FROM plan_limits l WHERE l.plan_id = p.plan_id AND l.name = 'exa_calls') AS exa_calls_limit,
    (SELECT maximum FROM plan_limits l WHERE l.plan_id = p.plan_id AND l.name = 'stability_calls') AS stability_calls_limit,
    (SELECT maximum FROM plan_limits l WHERE l.plan_id = p.plan_id AND l.name = 'video_calls') AS video_calls_limit,
    (SELECT maximum FROM plan_limits l WHERE l.plan_id = p.plan_id AND l.name = 'image_edit_calls') AS image_edit_calls_limit,
    (SELECT maximum FROM plan_limits l WHERE l.plan_id = p.plan_id AND l.name = 'audio_calls') AS audio_calls_limit,
    (SELECT maximum FROM plan_limits l WHERE l.plan_id = p.plan_id AND l.name = 'wavespeed_calls') AS wavespeed_calls_limit,
    (SELECT maximum FROM plan_limits l WHERE l.plan_id = p.plan_id AND l.name = 'gemini_tokens') AS gemini_tokens_limit,
    (SELECT maximum FROM plan_limits l WHERE l.plan_id = p.plan_id AND l.name = 'openai_tokens') AS openai_tokens_limit,
    (SELECT maximum FROM plan_limits l WHERE l.plan_id = p.plan_id AND l.name = 'anthropic_tokens') AS anthropic_tokens_limit,
    (SELECT maximum FROM plan_limits l WHERE l.plan_id = p.plan_id AND l.name = 'mistral_tokens') AS mistral_tokens_limit,
    (SELECT CASE WHEN maximum IS NULL THEN NULL ELSE (CASE WHEN maximum < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(maximum / 1000000000000), abs(maximum % 1000000000000)) END FROM plan_limits l WHERE l.plan_id = p.plan_id AND l.name = 'monthly_cost') AS monthly_cost_limit,
    (SELECT maximum FROM plan_limits l WHERE l.plan_id = p.plan_id AND l.name = 'monthly_cost') AS monthly_cost_limit_pico_usd,
    p.features,
    p.description,
    p.is_active,
    strftime('%Y-%m-%dT%H:%M:%S', p.created_at_us / 1000000, 'unixepoch') || printf('.%06dZ', p.created_at_us % 1000000) AS created_at,
    strftime('%Y-%m-%dT%H:%M:%S', p.updated_at_us / 1000000, 'unixepoch') || printf('.%06dZ', p.updated_at_us % 1000000) AS updated_at
FROM plans p;

-- The term in force now of every user that has one. The period is anchor + n months, on the last
-- day of a month that has no such day.
CREATE VIEW user_subscriptions AS
WITH current AS (
    SELECT t.*, CAST(strftime('%s', 'now') AS INTEGER) AS now_s, t.anchor_us / 1000000 AS anchor_s
    FROM subscription_terms t
    WHERE t.id = (
        SELECT x.id FROM subscription_terms x
        WHERE x.user_id = t.user_id
            AND x.starts_at_us <= CAST(strftime('%s', 'now') AS INTEGER) * 1000000
        ORDER BY x.starts_at_us DESC, x.id DESC LIMIT 1
    )
),
counted AS (
    SELECT
        current.*,
        CASE billing_cycle WHEN 'yearly' THEN 12 ELSE 1 END AS cycle_months,
        (strftime('%Y', now_s, 'unixepoch') - strftime('%Y', anchor_s, 'unixepoch')) * 12
            + strftime('%m', now_s, 'unixepoch') - strftime('%m', anchor_s, 'unixepoch') AS months
    FROM current
),
-- The guess may be one cycle too late: `step` counts the candidates from there.
candidates AS (
    SELECT counted.*, step,
        (months / cycle_months + step) * cycle_months AS n
    FROM counted, (SELECT -1 AS step UNION ALL SELECT 0 UNION ALL SELECT 1)
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
    s.status,
    s.status IN ('active', 'past_due') AS is_active,
    s.auto_renew,
    s.stripe_customer_id,
    s.stripe_subscription_id,
    s.payment_method,
    strftime('%Y-%m-%dT%H:%M:%S', s.starts_at_us / 1000000, 'unixepoch') || printf('.%06dZ', s.starts_at_us % 1000000) AS created_at,
    strftime('%Y-%m-%dT%H:%M:%S', s.starts_at_us / 1000000, 'unixepoch') || printf('.%06dZ', s.starts_at_us % 1000000) AS updated_at
FROM starts s
JOIN starts e ON e.id = s.id AND e.step = s.step + 1
JOIN users u ON u.id = s.user_id
WHERE s.start_s <= s.now_s AND s.now_s < e.start_s;

CREATE VIEW api_usage_logs AS
SELECT
    c.id,
    u.user AS user_id,
    p.provider,
    c.endpoint,
    c.method,
    nullif(m.model, '') AS model_used,
    c.actual_provider AS actual_provider_name,
    c.input_tokens AS tokens_input,
    c.output_tokens AS tokens_output,
    c.input_tokens + c.output_tokens AS tokens_total,
    CASE WHEN c.cost_input_pico_usd IS NULL THEN NULL ELSE (CASE WHEN c.cost_input_pico_usd < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(c.cost_input_pico_usd / 1000000000000), abs(c.cost_input_pico_usd % 1000000000000)) END AS cost_input,
    c.cost_input_pico_usd AS cost_input_pico_usd,
    CASE WHEN c.cost_output_pico_usd IS NULL THEN NULL ELSE (CASE WHEN c.cost_output_pico_usd < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(c.cost_output_pico_usd / 1000000000000), abs(c.cost_output_pico_usd % 1000000000000)) END AS cost_output,
    c.cost_output_pico_usd AS cost_output_pico_usd,
    CASE WHEN c.cost_pico_usd IS NULL THEN NULL ELSE (CASE WHEN c.cost_pico_usd < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(c.cost_pico_usd / 1000000000000), abs(c.cost_pico_usd % 1000000000000)) END AS cost_total,
    c.cost_pico_usd AS cost_total_pico_usd,
    c.response_time_ms / 1000.0 AS response_time,
    c.status_code,
    c.request_size_bytes AS request_size,
    c.response_size_bytes AS response_size,
    c.user_agent,
    c.ip_address,
    c.error_message,
    c.retry_count,
    strftime('%Y-%m-%dT%H:%M:%S', c.occurred_at_us / 1000000, 'unixepoch') || printf('.%06dZ', c.occurred_at_us % 1000000) AS timestamp,
    strftime('%Y-%m', c.period_starts_at_us / 1000000, 'unixepoch') AS billing_period,
    o.operation,
    c.call_count
FROM calls c
JOIN users u ON u.id = c.user_id
JOIN providers p ON p.id = c.provider_id
JOIN operations o ON o.id = c.operation_id
JOIN models m ON m.id = c.model_id;

CREATE VIEW usage_by_provider AS
SELECT
    u.user AS user_id,
    strftime('%Y-%m', k.starts_at_us / 1000000, 'unixepoch') AS billing_period,
    strftime('%Y-%m-%dT%H:%M:%S', k.starts_at_us / 1000000, 'unixepoch') || printf('.%06dZ', k.starts_at_us % 1000000) AS period_start,
    p.provider,
    o.operation,
    k.calls,
    k.failed_calls,
    k.unpriced_calls,
    k.input_tokens,
    k.output_tokens,
    k.input_tokens + k.output_tokens AS tokens,
    CASE WHEN k.cost_pico_usd IS NULL THEN NULL ELSE (CASE WHEN k.cost_pico_usd < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(k.cost_pico_usd / 1000000000000), abs(k.cost_pico_usd % 1000000000000)) END AS cost,
    k.cost_pico_usd AS cost_pico_usd
FROM counters k
JOIN users u ON u.id = k.user_id
JOIN providers p ON p.id = k.provider_id
JOIN operations o ON o.id = k.operation_id
WHERE k."window" = 0;

-- Other providers than the named ones are in `usage_by_provider`.
CREATE VIEW usage_summaries AS
WITH sums AS (
    SELECT
        k.user_id,
        k.starts_at_us,
        sum(CASE WHEN p.provider = 'gemini' THEN k.calls ELSE 0 END) AS gemini_calls,
        sum(CASE WHEN p.provider = 'gemini' THEN k.input_tokens + k.output_tokens ELSE 0 END) AS gemini_tokens,
        sum(CASE WHEN p.provider = 'gemini' THEN k.cost_pico_usd ELSE 0 END) AS gemini_cost,
        sum(CASE WHEN p.provider = 'openai' THEN k.calls ELSE 0 END) AS openai_calls,
        sum(CASE WHEN p.provider = 'openai' THEN k.input_tokens + k.output_tokens ELSE 0 END) AS openai_tokens,
        sum(CASE WHEN p.provider = 'openai' THEN k.cost_pico_usd ELSE 0 END) AS openai_cost,
        sum(CASE WHEN p.provider = 'anthropic' THEN k.calls ELSE 0 END) AS anthropic_calls,
        sum(CASE WHEN p.provider = 'anthropic' THEN k.input_tokens + k.output_tokens ELSE 0 END) AS anthropic_tokens,
        sum(CASE WHEN p.provider = 'anthropic' THEN k.cost_pico_usd ELSE 0 END) AS anthropic_cost,
        sum(CASE WHEN p.provider = 'mistral' THEN k.calls ELSE 0 END) AS mistral_calls,
        sum(CASE WHEN p.provider = 'mistral' THEN k.input_tokens + k.output_tokens ELSE 0 END) AS mistral_tokens,
        sum(CASE WHEN p.provider = 'mistral' THEN k.cost_pico_usd ELSE 0 END) AS mistral_cost,
        sum(CASE WHEN p.provider = 'wavespeed' THEN k.calls ELSE 0 END) AS wavespeed_calls,
        sum(CASE WHEN p.provider = 'wavespeed' THEN k.input_tokens + k.output_tokens ELSE 0 END) AS wavespeed_tokens,
        sum(CASE WHEN p.provider = 'wavespeed' THEN k.cost_pico_usd ELSE 0 END) AS wavespeed_cost,
        sum(CASE WHEN p.provider = 'tavily' THEN k.calls ELSE 0 END) AS tavily_calls,
        sum(CASE WHEN p.provider = 'tavily' THEN k.input_tokens + k.output_tokens ELSE 0 END) AS tavily_tokens,
        sum(CASE WHEN p.provider = 'tavily' THEN k.cost_pico_usd ELSE 0 END) AS tavily_cost,
        sum(CASE WHEN p.provider = 'serper' THEN k.calls ELSE 0 END) AS serper_calls,
        sum(CASE WHEN p.provider = 'serper' THEN k.input_tokens + k.output_tokens ELSE 0 END) AS serper_tokens,
        sum(CASE WHEN p.provider = 'serper' THEN k.cost_pico_usd ELSE 0 END) AS serper_cost,
        sum(CASE WHEN p.provider = 'metaphor' THEN k.calls ELSE 0 END) AS metaphor_calls,
        sum(CASE WHEN p.provider = 'metaphor' THEN k.input_tokens + k.output_tokens ELSE 0 END) AS metaphor_tokens,
        sum(CASE WHEN p.provider = 'metaphor' THEN k.cost_pico_usd ELSE 0 END) AS metaphor_cost,
        sum(CASE WHEN p.provider = 'firecrawl' THEN k.calls ELSE 0 END) AS firecrawl_calls,
        sum(CASE WHEN p.provider = 'firecrawl' THEN k.input_tokens + k.output_tokens ELSE 0 END) AS firecrawl_tokens,
        sum(CASE WHEN p.provider = 'firecrawl' THEN k.cost_pico_usd ELSE 0 END) AS firecrawl_cost,
        sum(CASE WHEN o.operation = 'image_generation' THEN k.calls ELSE 0 END) AS stability_calls,
        sum(CASE WHEN o.operation = 'image_generation' THEN k.input_tokens + k.output_tokens ELSE 0 END) AS stability_tokens,
        sum(CASE WHEN o.operation = 'image_generation' THEN k.cost_pico_usd ELSE 0 END) AS stability_cost,
        sum(CASE WHEN p.provider = 'exa' THEN k.calls ELSE 0 END) AS exa_calls,
        sum(CASE WHEN p.provider = 'exa' THEN k.input_tokens + k.output_tokens ELSE 0 END) AS exa_tokens,
        sum(CASE WHEN p.provider = 'exa' THEN k.cost_pico_usd ELSE 0 END) AS exa_cost,
        sum(CASE WHEN o.operation = 'video_generation' THEN k.calls ELSE 0 END) AS video_calls,
        sum(CASE WHEN o.operation = 'video_generation' THEN k.input_tokens + k.output_tokens ELSE 0 END) AS video_tokens,
        sum(CASE WHEN o.operation = 'video_generation' THEN k.cost_pico_usd ELSE 0 END) AS video_cost,
        sum(CASE WHEN o.operation = 'image_edit' THEN k.calls ELSE 0 END) AS image_edit_calls,
        sum(CASE WHEN o.operation = 'image_edit' THEN k.input_tokens + k.output_tokens ELSE 0 END) AS image_edit_tokens,
        sum(CASE WHEN o.operation = 'image_edit' THEN k.cost_pico_usd ELSE 0 END) AS image_edit_cost,
        sum(CASE WHEN o.operation = 'audio_generation' THEN k.calls ELSE 0 END) AS audio_calls,
        sum(CASE WHEN o.operation = 'audio_generation' THEN k.input_tokens + k.output_tokens ELSE 0 END) AS audio_tokens,
        sum(CASE WHEN o.operation = 'audio_generation' THEN k.cost_pico_usd ELSE 0 END) AS audio_cost,
        sum(k.calls) AS total_calls,
        sum(k.input_tokens + k.output_tokens) AS total_tokens,
        sum(k.cost_pico_usd) AS total_cost,
        sum(k.failed_calls) AS failed_calls,
        sum(k.response_time_ms) AS response_time_ms,
        sum(k.timed_calls) AS timed_calls
    FROM counters k
    JOIN providers p ON p.id = k.provider_id
    JOIN operations o ON o.id = k.operation_id
    WHERE k."window" = 0
    GROUP BY k.user_id, k.starts_at_us
)
SELECT
    t.id,
    u.user AS user_id,
    strftime('%Y-%m', t.starts_at_us / 1000000, 'unixepoch') AS billing_period,
    s.gemini_calls,
    s.gemini_tokens,
    CASE WHEN s.gemini_cost IS NULL THEN NULL ELSE (CASE WHEN s.gemini_cost < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(s.gemini_cost / 1000000000000), abs(s.gemini_cost % 1000000000000)) END AS gemini_cost,
    s.gemini_cost AS gemini_cost_pico_usd,
    s.openai_calls,
    s.openai_tokens,
    CASE WHEN s.openai_cost IS NULL THEN NULL ELSE (CASE WHEN s.openai_cost < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(s.openai_cost / 1000000000000), abs(s.openai_cost % 1000000000000)) END AS openai_cost,
    s.openai_cost AS openai_cost_pico_usd,
    s.anthropic_calls,
    s.anthropic_tokens,
    CASE WHEN s.anthropic_cost IS NULL THEN NULL ELSE (CASE WHEN s.anthropic_cost < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(s.anthropic_cost / 1000000000000), abs(s.anthropic_cost % 1000000000000)) END AS anthropic_cost,
    s.anthropic_cost AS anthropic_cost_pico_usd,
    s.mistral_calls,
    s.mistral_tokens,
    CASE WHEN s.mistral_cost IS NULL THEN NULL ELSE (CASE WHEN s.mistral_cost < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(s.mistral_cost / 1000000000000), abs(s.mistral_cost % 1000000000000)) END AS mistral_cost,
    s.mistral_cost AS mistral_cost_pico_usd,
    s.wavespeed_calls,
    s.wavespeed_tokens,
    CASE WHEN s.wavespeed_cost IS NULL THEN NULL ELSE (CASE WHEN s.wavespeed_cost < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(s.wavespeed_cost / 1000000000000), abs(s.wavespeed_cost % 1000000000000)) END AS wavespeed_cost,
    s.wavespeed_cost AS wavespeed_cost_pico_usd,
    s.tavily_calls,
    s.tavily_tokens,
    CASE WHEN s.tavily_cost IS NULL THEN NULL ELSE (CASE WHEN s.tavily_cost < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(s.tavily_cost / 1000000000000), abs(s.tavily_cost % 1000000000000)) END AS tavily_cost,
    s.tavily_cost AS tavily_cost_pico_usd,
    s.serper_calls,
    s.serper_tokens,
    CASE WHEN s.serper_cost IS NULL THEN NULL ELSE (CASE WHEN s.serper_cost < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(s.serper_cost / 1000000000000), abs(s.serper_cost % 1000000000000)) END AS serper_cost,
    s.serper_cost AS serper_cost_pico_usd,
    s.metaphor_calls,
    s.metaphor_tokens,
    CASE WHEN s.metaphor_cost IS NULL THEN NULL ELSE (CASE WHEN s.metaphor_cost < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(s.metaphor_cost / 1000000000000), abs(s.metaphor_cost % 1000000000000)) END AS metaphor_cost,
    s.metaphor_cost AS metaphor_cost_pico_usd,
    s.firecrawl_calls,
    s.firecrawl_tokens,
    CASE WHEN s.firecrawl_cost IS NULL THEN NULL ELSE (CASE WHEN s.firecrawl_cost < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(s.firecrawl_cost / 1000000000000), abs(s.firecrawl_cost % 1000000000000)) END AS firecrawl_cost,
    s.firecrawl_cost AS firecrawl_cost_pico_usd,
    s.stability_calls,
    s.stability_tokens,
    CASE WHEN s.stability_cost IS NULL THEN NULL ELSE (CASE WHEN s.stability_cost < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(s.stability_cost / 1000000000000), abs(s.stability_cost % 1000000000000)) END AS stability_cost,
    s.stability_cost AS stability_cost_pico_usd,
    s.exa_calls,
    s.exa_tokens,
    CASE WHEN s.exa_cost IS NULL THEN NULL ELSE (CASE WHEN s.exa_cost < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(s.exa_cost / 1000000000000), abs(s.exa_cost % 1000000000000)) END AS exa_cost,
    s.exa_cost AS exa_cost_pico_usd,
    s.video_calls,
    s.video_tokens,
    CASE WHEN s.video_cost IS NULL THEN NULL ELSE (CASE WHEN s.video_cost < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(s.video_cost / 1000000000000), abs(s.video_cost % 1000000000000)) END AS video_cost,
    s.video_cost AS video_cost_pico_usd,
    s.image_edit_calls,
    s.image_edit_tokens,
    CASE WHEN s.image_edit_cost IS NULL THEN NULL ELSE (CASE WHEN s.image_edit_cost < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(s.image_edit_cost / 1000000000000), abs(s.image_edit_cost % 1000000000000)) END AS image_edit_cost,
    s.image_edit_cost AS image_edit_cost_pico_usd,
    s.audio_calls,
    s.audio_tokens,
    CASE WHEN s.audio_cost IS NULL THEN NULL ELSE (CASE WHEN s.audio_cost < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(s.audio_cost / 1000000000000), abs(s.audio_cost % 1000000000000)) END AS audio_cost,
    s.audio_cost AS audio_cost_pico_usd,
    s.total_calls,
    s.total_tokens,
    CASE WHEN s.total_cost IS NULL THEN NULL ELSE (CASE WHEN s.total_cost < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(s.total_cost / 1000000000000), abs(s.total_cost % 1000000000000)) END AS total_cost,
    s.total_cost AS total_cost_pico_usd,
    s.response_time_ms / 1000.0 / nullif(s.timed_calls, 0) AS avg_response_time,
    s.failed_calls * 100.0 / nullif(s.total_calls, 0) AS error_rate,
    t.usage_status,
    strftime('%Y-%m-%dT%H:%M:%S', t.created_at_us / 1000000, 'unixepoch') || printf('.%06dZ', t.created_at_us % 1000000) AS created_at,
    strftime('%Y-%m-%dT%H:%M:%S', t.updated_at_us / 1000000, 'unixepoch') || printf('.%06dZ', t.updated_at_us % 1000000) AS updated_at
FROM usage_periods t
JOIN users u ON u.id = t.user_id
JOIN sums s ON s.user_id = t.user_id AND s.starts_at_us = t.starts_at_us;

-- All versions; `is_active` tells those in force now. A price for more than one unit is shown
-- divided, cut to whole pico-dollars; the exact rates are in `price_rates`.
CREATE VIEW api_provider_pricing AS
WITH priced AS (
    SELECT
        v.*,
        (SELECT r.amount_pico_usd / r.per FROM price_rates r WHERE r.price_version_id = v.id AND r.unit = 'input_tokens' AND r.above_input_tokens = 0) AS cost_per_input_token,
        (SELECT r.amount_pico_usd / r.per FROM price_rates r WHERE r.price_version_id = v.id AND r.unit = 'output_tokens' AND r.above_input_tokens = 0) AS cost_per_output_token,
        (SELECT r.amount_pico_usd / r.per FROM price_rates r WHERE r.price_version_id = v.id AND r.unit = 'requests' AND r.above_input_tokens = 0) AS cost_per_request,
        (SELECT r.amount_pico_usd / r.per FROM price_rates r WHERE r.price_version_id = v.id AND r.unit = 'searches' AND r.above_input_tokens = 0) AS cost_per_search,
        (SELECT r.amount_pico_usd / r.per FROM price_rates r WHERE r.price_version_id = v.id AND r.unit = 'images' AND r.above_input_tokens = 0) AS cost_per_image,
        (SELECT r.amount_pico_usd / r.per FROM price_rates r WHERE r.price_version_id = v.id AND r.unit = 'pages' AND r.above_input_tokens = 0) AS cost_per_page
    FROM price_versions v
)
SELECT
    v.id,
    v.provider,
    v.model || CASE v.matcher WHEN 'prefix' THEN '*' WHEN 'default' THEN '*' ELSE '' END AS model_name,
    CASE WHEN v.cost_per_input_token IS NULL THEN NULL ELSE (CASE WHEN v.cost_per_input_token < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(v.cost_per_input_token / 1000000000000), abs(v.cost_per_input_token % 1000000000000)) END AS cost_per_input_token,
    v.cost_per_input_token AS cost_per_input_token_pico_usd,
    CASE WHEN v.cost_per_output_token IS NULL THEN NULL ELSE (CASE WHEN v.cost_per_output_token < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(v.cost_per_output_token / 1000000000000), abs(v.cost_per_output_token % 1000000000000)) END AS cost_per_output_token,
    v.cost_per_output_token AS cost_per_output_token_pico_usd,
    CASE WHEN v.cost_per_request IS NULL THEN NULL ELSE (CASE WHEN v.cost_per_request < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(v.cost_per_request / 1000000000000), abs(v.cost_per_request % 1000000000000)) END AS cost_per_request,
    v.cost_per_request AS cost_per_request_pico_usd,
    CASE WHEN v.cost_per_search IS NULL THEN NULL ELSE (CASE WHEN v.cost_per_search < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(v.cost_per_search / 1000000000000), abs(v.cost_per_search % 1000000000000)) END AS cost_per_search,
    v.cost_per_search AS cost_per_search_pico_usd,
    CASE WHEN v.cost_per_image IS NULL THEN NULL ELSE (CASE WHEN v.cost_per_image < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(v.cost_per_image / 1000000000000), abs(v.cost_per_image % 1000000000000)) END AS cost_per_image,
    v.cost_per_image AS cost_per_image_pico_usd,
    CASE WHEN v.cost_per_page IS NULL THEN NULL ELSE (CASE WHEN v.cost_per_page < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(v.cost_per_page / 1000000000000), abs(v.cost_per_page % 1000000000000)) END AS cost_per_page,
    v.cost_per_page AS cost_per_page_pico_usd,
    NULL AS tokens_per_word,
    NULL AS tokens_per_character,
    v.source AS description,
    v.effective_from_us <= CAST(strftime('%s', 'now') AS INTEGER) * 1000000
        AND NOT EXISTS (
            SELECT 1 FROM price_versions n
            WHERE n.provider = v.provider AND n.matcher = v.matcher AND n.model = v.model
                AND n.variant = v.variant AND n.operation IS v.operation
                AND n.effective_from_us > v.effective_from_us
                AND n.effective_from_us <= CAST(strftime('%s', 'now') AS INTEGER) * 1000000
        ) AS is_active,
    strftime('%Y-%m-%dT%H:%M:%S', v.effective_from_us / 1000000, 'unixepoch') || printf('.%06dZ', v.effective_from_us % 1000000) AS effective_date,
    v.variant,
    v.matcher,
    v.operation
FROM priced v;

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
JOIN users u ON u.id = a.user_id;

CREATE VIEW billing_history AS
SELECT
    b.id,
    u.user AS user_id,
    strftime('%Y-%m', b.period_starts_at_us / 1000000, 'unixepoch') AS billing_period,
    strftime('%Y-%m-%dT%H:%M:%S', b.period_starts_at_us / 1000000, 'unixepoch') || printf('.%06dZ', b.period_starts_at_us % 1000000) AS period_start,
    strftime('%Y-%m-%dT%H:%M:%S', b.period_ends_at_us / 1000000, 'unixepoch') || printf('.%06dZ', b.period_ends_at_us % 1000000) AS period_end,
    b.plan_name,
    CASE WHEN b.base_cost_pico_usd IS NULL THEN NULL ELSE (CASE WHEN b.base_cost_pico_usd < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(b.base_cost_pico_usd / 1000000000000), abs(b.base_cost_pico_usd % 1000000000000)) END AS base_cost,
    b.base_cost_pico_usd AS base_cost_pico_usd,
    CASE WHEN b.usage_cost_pico_usd IS NULL THEN NULL ELSE (CASE WHEN b.usage_cost_pico_usd < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(b.usage_cost_pico_usd / 1000000000000), abs(b.usage_cost_pico_usd % 1000000000000)) END AS usage_cost,
    b.usage_cost_pico_usd AS usage_cost_pico_usd,
    CASE WHEN b.overage_cost_pico_usd IS NULL THEN NULL ELSE (CASE WHEN b.overage_cost_pico_usd < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(b.overage_cost_pico_usd / 1000000000000), abs(b.overage_cost_pico_usd % 1000000000000)) END AS overage_cost,
    b.overage_cost_pico_usd AS overage_cost_pico_usd,
    CASE WHEN b.total_cost_pico_usd IS NULL THEN NULL ELSE (CASE WHEN b.total_cost_pico_usd < 0 THEN '-' ELSE '' END) || printf('%d.%012d', abs(b.total_cost_pico_usd / 1000000000000), abs(b.total_cost_pico_usd % 1000000000000)) END AS total_cost,
    b.total_cost_pico_usd AS total_cost_pico_usd,
    b.payment_status,
    CASE WHEN b.payment_date_us IS NULL THEN NULL ELSE strftime('%Y-%m-%dT%H:%M:%S', b.payment_date_us / 1000000, 'unixepoch') || printf('.%06dZ', b.payment_date_us % 1000000) END AS payment_date,
    b.stripe_invoice_id,
    b.total_calls AS total_api_calls,
    b.total_tokens,
    b.usage_details,
    strftime('%Y-%m-%dT%H:%M:%S', b.created_at_us / 1000000, 'unixepoch') || printf('.%06dZ', b.created_at_us % 1000000) AS created_at,
    strftime('%Y-%m-%dT%H:%M:%S', b.updated_at_us / 1000000, 'unixepoch') || printf('.%06dZ', b.updated_at_us % 1000000) AS updated_at
FROM bills b
JOIN users u ON u.id = b.user_id;
