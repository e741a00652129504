-- What is learned from calls that were estimated before and reported after: the factor of a model,
-- and how long a user's answers from it are. docs/estimation.md explains the numbers.

-- A version that does not know these rows would erase a user and leave them.
UPDATE store SET schema_version = 4, min_writer_version = 4;

-- A JSON object of four numbers; NULL when the request was not estimated here.
ALTER TABLE holds ADD COLUMN input_estimate TEXT
    CHECK (input_estimate IS NULL OR json_valid(input_estimate));

-- Of a model, all users together: tokens as estimated and as reported, and of how much text.
CREATE TABLE calibrations (
    provider_id INTEGER NOT NULL REFERENCES providers (id),
    -- The bare name: without vendor, route, version and date.
    model_id INTEGER NOT NULL REFERENCES models (id),
    calls INTEGER NOT NULL,
    estimated_tokens INTEGER NOT NULL,
    reported_tokens INTEGER NOT NULL,
    words INTEGER NOT NULL,
    characters INTEGER NOT NULL,
    PRIMARY KEY (provider_id, model_id)
) STRICT, WITHOUT ROWID;

-- Of a user and a model: how many answers were of which size.
CREATE TABLE output_sizes (
    user_id INTEGER NOT NULL REFERENCES users (id),
    provider_id INTEGER NOT NULL REFERENCES providers (id),
    model_id INTEGER NOT NULL REFERENCES models (id),
    -- A JSON array of [step, answers], four steps an octave of tokens.
    sizes TEXT NOT NULL CHECK (json_valid(sizes)),
    PRIMARY KEY (user_id, provider_id, model_id)
) STRICT, WITHOUT ROWID;

DROP VIEW api_provider_pricing;

CREATE VIEW api_provider_pricing AS
WITH learned AS (
    SELECT p.provider, m.model, c.reported_tokens, c.words, c.characters
    FROM calibrations c
    JOIN providers p ON p.id = c.provider_id
    JOIN models m ON m.id = c.model_id
    WHERE c.reported_tokens > 0
),
priced AS (
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
    round(1.0 * l.reported_tokens / nullif(l.words, 0), 6) AS tokens_per_word,
    round(1.0 * l.reported_tokens / nullif(l.characters, 0), 6) AS tokens_per_character,
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
FROM priced v
-- Learned under the model's own name, or under an alias of it.
LEFT JOIN learned l ON l.provider = v.provider AND v.matcher = 'exact' AND l.model = coalesce(
    (SELECT o.model FROM learned o WHERE o.provider = v.provider AND o.model = v.model),
    (
        SELECT a.alias FROM price_aliases a
        JOIN learned o ON o.provider = a.provider AND o.model = a.alias
        WHERE a.provider = v.provider AND a.model = v.model ORDER BY a.alias LIMIT 1
    )
);
