//! Files as ALwrity's own metering writes them.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};
use serde_json::Value;

use crate::bench::{Bench, Ran};

/// The names that a summary has columns of, and whether the version of before has them.
const NAMES: [(&str, bool); 14] = [
    ("gemini", true),
    ("openai", true),
    ("anthropic", true),
    ("mistral", true),
    ("wavespeed", false),
    ("tavily", true),
    ("serper", true),
    ("metaphor", true),
    ("firecrawl", true),
    ("stability", true),
    ("exa", false),
    ("video", false),
    ("image_edit", false),
    ("audio", false),
];

/// Those that have a column of tokens.
const WITH_TOKENS: [&str; 5] = ["gemini", "openai", "anthropic", "mistral", "wavespeed"];

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// As today: every column, enums by their name but those of the log.
    Today,
    /// As before: fewer columns and tables, enums by their value.
    Before,
}

/// A row of the log.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    pub(crate) user: &'static str,
    pub(crate) provider: &'static str,
    pub(crate) model: &'static str,
    pub(crate) tokens: (i64, i64),
    pub(crate) cost: Option<f64>,
    pub(crate) at: &'static str,
    pub(crate) period: &'static str,
    pub(crate) status: i64,
    pub(crate) endpoint: &'static str,
    pub(crate) actual: Option<&'static str>,
    pub(crate) error: Option<&'static str>,
}

/// A call of Gemini's.
pub(crate) const LOG: Log = Log {
    user: "ada",
    provider: "gemini",
    model: "gemini-2.5-flash",
    tokens: (1000, 200),
    cost: Some(0.1),
    at: "2025-09-03 10:00:00.250000",
    period: "2025-09",
    status: 200,
    endpoint: "/api/blog",
    actual: Some("google"),
    error: None,
};

/// What a summary says of one name: calls, tokens, cost.
pub(crate) type Told = (&'static str, i64, i64, f64);

/// A file that is being written.
pub(crate) struct Alwrity {
    pub(crate) path: PathBuf,
    pub(crate) connection: Connection,
    version: Version,
}

impl Alwrity {
    /// A file with empty tables.
    pub(crate) fn new(path: &Path, version: Version) -> Self {
        let connection = Connection::open(path).unwrap();
        let own = Self { path: path.to_owned(), connection, version };
        own.connection.execute_batch(&own.tables()).unwrap();
        own
    }

    pub(crate) fn path(&self) -> &str {
        self.path.to_str().unwrap()
    }

    fn is_today(&self) -> bool {
        self.version == Version::Today
    }

    fn names(&self) -> impl Iterator<Item = &'static str> {
        let is_today = self.is_today();
        NAMES.iter().filter(move |(_, before)| is_today || *before).map(|(name, _)| *name)
    }

    fn tables(&self) -> String {
        let limits: Vec<String> =
            self.limits().iter().map(|name| format!("{name}_limit INTEGER")).collect();
        let mut sums = Vec::new();
        for name in self.names() {
            sums.push(format!("{name}_calls INTEGER, {name}_cost FLOAT"));
            if WITH_TOKENS.contains(&name) {
                sums.push(format!("{name}_tokens INTEGER"));
            }
        }
        let actual = if self.is_today() { "actual_provider_name VARCHAR(50)," } else { "" };
        let renewals = "CREATE TABLE subscription_renewal_history (
            id INTEGER PRIMARY KEY, user_id VARCHAR(100) NOT NULL, plan_id INTEGER NOT NULL,
            plan_name VARCHAR(50), plan_tier VARCHAR(20), previous_period_start DATETIME,
            previous_period_end DATETIME, new_period_start DATETIME NOT NULL,
            new_period_end DATETIME NOT NULL, billing_cycle VARCHAR(7), renewal_type VARCHAR(20),
            renewal_count INTEGER, previous_plan_name VARCHAR(50), previous_plan_tier VARCHAR(20),
            usage_before_renewal JSON, payment_amount FLOAT, payment_status VARCHAR(20),
            payment_date DATETIME, stripe_invoice_id VARCHAR(100), created_at DATETIME);";
        format!(
            "CREATE TABLE subscription_plans (id INTEGER PRIMARY KEY, name VARCHAR(50) UNIQUE,
                tier VARCHAR(10), price_monthly FLOAT, price_yearly FLOAT, {},
                monthly_cost_limit FLOAT, features JSON, description TEXT, is_active BOOLEAN,
                created_at DATETIME, updated_at DATETIME);
             CREATE TABLE user_subscriptions (id INTEGER PRIMARY KEY,
                user_id VARCHAR(100) UNIQUE, plan_id INTEGER, billing_cycle VARCHAR(7),
                current_period_start DATETIME, current_period_end DATETIME, status VARCHAR(13),
                is_active BOOLEAN, auto_renew BOOLEAN, stripe_customer_id VARCHAR(100),
                stripe_subscription_id VARCHAR(100), payment_method VARCHAR(50),
                created_at DATETIME, updated_at DATETIME);
             CREATE TABLE api_usage_logs (id INTEGER PRIMARY KEY, user_id VARCHAR(100),
                provider VARCHAR(10), endpoint VARCHAR(200), method VARCHAR(10),
                model_used VARCHAR(100), {actual} tokens_input INTEGER, tokens_output INTEGER,
                tokens_total INTEGER, cost_input FLOAT, cost_output FLOAT, cost_total FLOAT,
                response_time FLOAT, status_code INTEGER, request_size INTEGER,
                response_size INTEGER, user_agent VARCHAR(500), ip_address VARCHAR(45),
                error_message TEXT, retry_count INTEGER, timestamp DATETIME,
                billing_period VARCHAR(20));
             CREATE TABLE usage_summaries (id INTEGER PRIMARY KEY, user_id VARCHAR(100),
                billing_period VARCHAR(20), {}, total_calls INTEGER, total_tokens INTEGER,
                total_cost FLOAT, avg_response_time FLOAT, error_rate FLOAT,
                usage_status VARCHAR(13), created_at DATETIME, updated_at DATETIME);
             CREATE TABLE usage_alerts (id INTEGER PRIMARY KEY, user_id VARCHAR(100),
                alert_type VARCHAR(50), threshold_percentage INTEGER, provider VARCHAR(10),
                title VARCHAR(200), message TEXT, severity VARCHAR(20), is_sent BOOLEAN,
                sent_at DATETIME, is_read BOOLEAN, read_at DATETIME, billing_period VARCHAR(20),
                created_at DATETIME);
             {}",
            limits.join(", "),
            sums.join(", "),
            if self.is_today() { renewals } else { "" },
        )
    }

    /// The whole limits of a plan that this version knows.
    pub(crate) fn limits(&self) -> Vec<String> {
        let tokens = ["gemini", "openai", "anthropic", "mistral"];
        let shared = self.is_today().then(|| "ai_text_generation_calls".to_owned());
        let calls = self.names().map(|name| format!("{name}_calls"));
        shared.into_iter().chain(calls).chain(tokens.map(|name| format!("{name}_tokens"))).collect()
    }

    /// An enum as this version stores it.
    fn word(&self, value: &str) -> String {
        if self.is_today() { value.to_uppercase() } else { value.to_owned() }
    }

    /// Adds a plan; limits that are not named are 0.
    pub(crate) fn plan(&self, id: i64, tier: &str, fee: f64, limits: &[(&str, i64)], cost: f64) {
        let sql = "INSERT INTO subscription_plans (id, name, tier, price_monthly, price_yearly,
                   monthly_cost_limit, features, description, is_active)
                   VALUES (?1, ?2, ?3, ?4, 10 * ?4, ?5, '[\"a\", \"b\"]', 'theirs', 1)";
        let mut name = tier.to_owned();
        name[..1].make_ascii_uppercase();
        let row = params![id, name, self.word(tier), fee, cost];
        self.connection.execute(sql, row).unwrap();
        for name in self.limits() {
            let value = limits.iter().find(|(own, _)| *own == name).map_or(0, |(_, value)| *value);
            let sql = format!("UPDATE subscription_plans SET {name}_limit = ?2 WHERE id = ?1");
            self.connection.execute(&sql, params![id, value]).unwrap();
        }
    }

    /// Adds a monthly subscription.
    pub(crate) fn subscription(&self, user: &str, plan: i64, start: &str, end: &str, status: &str) {
        let sql = "INSERT INTO user_subscriptions (user_id, plan_id, billing_cycle,
                   current_period_start, current_period_end, status, is_active, auto_renew,
                   stripe_customer_id, stripe_subscription_id, payment_method, updated_at)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, 1, 'cus_1', 'sub_1', 'card', ?4)";
        let (cycle, status) = (self.word("monthly"), self.word(status));
        let row = params![user, plan, cycle, start, end, status];
        self.connection.execute(sql, row).unwrap();
    }

    /// Adds a row of the log; its id.
    pub(crate) fn log(&self, log: &Log) -> i64 {
        let sql = "INSERT INTO api_usage_logs (user_id, provider, endpoint, method, model_used,
                   tokens_input, tokens_output, tokens_total, cost_input, cost_output, cost_total,
                   response_time, status_code, request_size, response_size, user_agent, ip_address,
                   error_message, retry_count, timestamp, billing_period)
                   VALUES (?1, ?2, ?3, 'POST', ?4, ?5, ?6, ?7, 0.0, 0.0, ?8, 1.2345, ?9, 10, NULL,
                   'curl', '127.0.0.1', ?10, 0, ?11, ?12)";
        let Log { user, model, tokens, cost, at, period, status, endpoint, error, .. } = log;
        self.connection
            .execute(
                sql,
                params![
                    user,
                    log.provider,
                    endpoint,
                    model,
                    tokens.0,
                    tokens.1,
                    tokens.0 + tokens.1,
                    cost,
                    status,
                    error,
                    at,
                    period
                ],
            )
            .unwrap();
        let id = self.connection.last_insert_rowid();
        if self.is_today() {
            let sql = "UPDATE api_usage_logs SET actual_provider_name = ?2 WHERE id = ?1";
            self.connection.execute(sql, params![id, log.actual]).unwrap();
        }
        id
    }

    /// Adds a summary whose totals are those of its names and `more` calls of none.
    pub(crate) fn summary(&self, user: &str, period: &str, told: &[Told], more: i64) {
        let sql = "INSERT INTO usage_summaries (user_id, billing_period, total_calls,
                   total_tokens, total_cost, usage_status, created_at, updated_at)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)";
        let calls: i64 = told.iter().map(|(_, calls, ..)| calls).sum();
        let tokens: i64 = told.iter().map(|(_, _, tokens, _)| tokens).sum();
        let cost: f64 = told.iter().map(|(.., cost)| cost).sum();
        let (status, at) = (self.word("active"), format!("{period}-02 00:00:00"));
        let row = params![user, period, calls + more, tokens, cost, status, at];
        self.connection.execute(sql, row).unwrap();
        let id = self.connection.last_insert_rowid();
        for (name, calls, tokens, cost) in told {
            let set = |column: &str, value: &dyn rusqlite::ToSql| {
                let sql = format!("UPDATE usage_summaries SET {name}_{column} = ?2 WHERE id = ?1");
                self.connection.execute(&sql, params![id, value]).unwrap();
            };
            set("calls", calls);
            set("cost", cost);
            if WITH_TOKENS.contains(name) {
                set("tokens", tokens);
            }
        }
    }

    /// Runs SQL of the test's own.
    pub(crate) fn sql(&self, sql: &str) {
        self.connection.execute_batch(sql).unwrap();
    }
}

/// Imports, at the bench's noon.
pub(crate) fn import(bench: &Bench, args: &[&str]) -> Ran {
    bench.run_at_noon(&[&["import-alwrity"], args].concat())
}

/// The JSON of an import that is done.
pub(crate) fn imported(bench: &Bench, args: &[&str]) -> Value {
    let ran = import(bench, &[args, &["--json"]].concat());
    assert_eq!(ran.code, 0, "{ran}");
    ran.json()
}

/// The calls of a user, the oldest first.
pub(crate) fn calls(bench: &Bench, user: &str) -> Vec<Value> {
    let mut calls = bench.json(&["calls", user])["calls"].as_array().unwrap().clone();
    calls.reverse();
    calls
}

/// A file with two users and something in every table.
pub(crate) fn full(path: &Path) -> Alwrity {
    let file = Alwrity::new(path, Version::Today);
    file.plan(1, "free", 0.0, &[("gemini_calls", 50), ("exa_calls", 10)], 2.0);
    file.plan(2, "pro", 79.0, &[("gemini_calls", 7), ("gemini_tokens", 5_000_000)], 150.5);
    file.subscription("ada", 2, "2025-09-15 08:00:00", "2025-10-15 08:00:00.000000", "active");
    file.sql(
        "INSERT INTO subscription_renewal_history (user_id, plan_id, plan_name, plan_tier,
             new_period_start, new_period_end, billing_cycle, renewal_type, renewal_count,
             usage_before_renewal, payment_amount, payment_status, payment_date,
             stripe_invoice_id, created_at) VALUES
         ('ada', 1, 'Free', 'free', '2025-07-15 08:00:00', '2025-08-15 08:00:00', 'MONTHLY',
             'new', 0, NULL, 0.0, 'paid', NULL, NULL, '2025-07-15 08:00:00'),
         ('ada', 2, 'Pro', 'pro', '2025-08-15 08:00:00', '2025-09-15 08:00:00', 'MONTHLY',
             'upgrade', 0, '{\"total_calls\": 40, \"total_tokens\": 900, \"total_cost\": 0.3,
             \"gemini_calls\": 40, \"mistral_calls\": null, \"usage_status\": \"warning\"}',
             79.0, 'paid', '2025-08-15 08:00:01', 'in_1', '2025-08-15 08:00:00'),
         ('ada', 2, 'Pro', 'pro', '2025-09-15 08:00:00', '2025-10-15 08:00:00', 'MONTHLY',
             'renewal', 1, 'null', 79.0, 'pending', NULL, NULL, '2025-09-15 08:00:00');
         INSERT INTO usage_alerts (user_id, alert_type, threshold_percentage, provider, title,
             message, severity, is_sent, sent_at, is_read, read_at, billing_period, created_at)
         VALUES
         ('ada', 'usage_threshold', 80, 'GEMINI', 'API Usage Notice', 'of 7', 'info', 1,
             '2025-09-16 00:00:01', 1, '2025-09-17 00:00:00', '2025-09', '2025-09-16 00:00:00'),
         ('ada', 'usage_threshold', 80, 'GEMINI', 'API Usage Notice', 'again', 'info', 1, NULL, 0,
             NULL, '2025-09', '2025-09-16 00:05:00'),
         ('bob', 'cost_warning', 90, NULL, 'Cost', 'of $2', NULL, 0, NULL, 0, NULL, '2025-09',
             '2025-09-20 00:00:00');",
    );
    for log in logs() {
        file.log(&log);
    }
    file
}

fn logs() -> Vec<Log> {
    vec![
        Log {
            // 0.1 + 0.2, as floats add.
            cost: Some(0.300_000_000_000_000_04),
            at: "2025-09-16 10:00:00.250000",
            ..LOG
        },
        Log {
            provider: "video",
            model: "Alibaba/Wan-2.5",
            tokens: (0, 0),
            cost: Some(0.25),
            at: "2025-09-17 10:00:00",
            actual: Some("wavespeed"),
            ..LOG
        },
        Log {
            cost: Some(0.0),
            tokens: (0, 0),
            status: 503,
            error: Some("no key sk-abcdefghijklmnop123456"),
            at: "2025-09-18 10:00:00",
            ..LOG
        },
        Log {
            user: "bob",
            provider: "mistral",
            model: "[40 calls aggregated]",
            endpoint: "[AGGREGATED]",
            tokens: (4000, 800),
            cost: Some(0.0064),
            at: "2025-08-01 00:00:00",
            period: "2025-08",
            actual: None,
            error: Some("Aggregated 40 calls: 40 success, 0 failed"),
            ..LOG
        },
        Log {
            user: "bob",
            provider: "tavily",
            model: "",
            tokens: (0, 0),
            cost: Some(1e-5),
            at: "2025-09-01 00:00:00",
            actual: Some("tavily"),
            ..LOG
        },
    ]
}
