//! The views under the seven names: their columns, and that they say what the meter says, to a
//! plain connection and to the `sqlite3` command.

use std::process::Command;

use alwrity_metering::{
    BillingCycle, CallDetails, CallRecord, Clock, Metric, Money, PeriodChoice, PriceVersion,
    Subscribe, Timestamp, Unit, Usage,
};
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::conformance::samples::{at, usd};
use crate::random::USERS;
use crate::scene::{SECOND_LIST, Scene, call, chat, log};

/// The names of today's system that `usage_summaries` has three columns for.
const NAMES: [&str; 14] = [
    "gemini",
    "openai",
    "anthropic",
    "mistral",
    "wavespeed",
    "tavily",
    "serper",
    "metaphor",
    "firecrawl",
    "stability",
    "exa",
    "video",
    "image_edit",
    "audio",
];

/// A view: its columns in order. `m:` stands for a money column and its integer twin, `names`
/// for three such groups a name, `+` begins what is ours alone.
type View = (&'static str, &'static str);

const VIEWS: [View; 8] = [
    (
        "subscription_plans",
        "id name tier m:price_monthly m:price_yearly ai_text_generation_calls_limit \
         gemini_calls_limit openai_calls_limit anthropic_calls_limit mistral_calls_limit \
         tavily_calls_limit serper_calls_limit metaphor_calls_limit firecrawl_calls_limit \
         exa_calls_limit stability_calls_limit video_calls_limit image_edit_calls_limit \
         audio_calls_limit wavespeed_calls_limit gemini_tokens_limit openai_tokens_limit \
         anthropic_tokens_limit mistral_tokens_limit m:monthly_cost_limit features \
         description is_active created_at updated_at",
    ),
    (
        "user_subscriptions",
        "id user_id plan_id billing_cycle current_period_start current_period_end status \
         is_active auto_renew stripe_customer_id stripe_subscription_id payment_method \
         created_at updated_at",
    ),
    (
        "api_usage_logs",
        "id user_id provider endpoint method model_used actual_provider_name tokens_input \
         tokens_output tokens_total m:cost_input m:cost_output m:cost_total response_time \
         status_code request_size response_size user_agent ip_address error_message \
         retry_count timestamp billing_period + operation call_count",
    ),
    (
        "usage_summaries",
        "id user_id billing_period names total_calls total_tokens m:total_cost \
         avg_response_time error_rate usage_status created_at updated_at",
    ),
    (
        "api_provider_pricing",
        "id provider model_name m:cost_per_input_token m:cost_per_output_token \
         m:cost_per_request m:cost_per_search m:cost_per_image m:cost_per_page \
         tokens_per_word tokens_per_character description is_active effective_date + variant \
         matcher operation",
    ),
    (
        "usage_alerts",
        "id user_id alert_type threshold_percentage provider title message severity is_sent \
         sent_at is_read read_at billing_period created_at",
    ),
    (
        "billing_history",
        "id user_id billing_period period_start period_end plan_name m:base_cost m:usage_cost \
         m:overage_cost m:total_cost payment_status payment_date stripe_invoice_id \
         total_api_calls total_tokens usage_details created_at updated_at",
    ),
    (
        "usage_by_provider",
        "user_id billing_period period_start provider operation calls failed_calls \
         unpriced_calls input_tokens output_tokens tokens m:cost",
    ),
];

fn expected_columns(columns: &str) -> Vec<String> {
    let money = |name: &str| vec![name.to_owned(), format!("{name}_pico_usd")];
    columns
        .split_whitespace()
        .filter(|column| *column != "+")
        .flat_map(|column| match (column.strip_prefix("m:"), column) {
            (Some(name), _) => money(name),
            (None, "names") => NAMES
                .iter()
                .flat_map(|name| {
                    let counts = vec![format!("{name}_calls"), format!("{name}_tokens")];
                    [counts, money(&format!("{name}_cost"))].concat()
                })
                .collect(),
            (None, name) => vec![name.to_owned()],
        })
        .collect()
}

/// A row of a view, by the names of its columns.
struct Row(Vec<(String, Value)>);

impl Row {
    fn value(&self, column: &str) -> &Value {
        &self.0.iter().find(|(name, _)| name == column).unwrap().1
    }

    fn text(&self, column: &str) -> &str {
        match self.value(column) {
            Value::Text(text) => text,
            other => panic!("`{column}` is {other:?}"),
        }
    }

    fn number(&self, column: &str) -> i64 {
        match self.value(column) {
            Value::Integer(number) => *number,
            other => panic!("`{column}` is {other:?}"),
        }
    }

    fn real(&self, column: &str) -> f64 {
        match self.value(column) {
            Value::Real(number) => *number,
            other => panic!("`{column}` is {other:?}"),
        }
    }

    /// Asserts an amount, in both of its forms.
    #[track_caller]
    fn assert_money(&self, column: &str, money: Option<Money>) {
        let twin = format!("{column}_pico_usd");
        match money {
            None => {
                assert_eq!((self.value(column), self.value(&twin)), (&Value::Null, &Value::Null));
            }
            Some(money) => {
                assert_eq!(self.text(column), money.to_sql_text(), "{column}");
                assert_eq!(self.number(&twin), money.pico_usd(), "{column}");
            }
        }
    }
}

/// Reads a view with a connection that knows nothing of the library.
fn read(scene: &Scene, sql: &str) -> Vec<Row> {
    let plain = Connection::open(scene.path()).unwrap();
    let mut statement = plain.prepare(sql).unwrap();
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let rows = statement.query_map([], |row| {
        let values = names.iter().enumerate().map(|(i, name)| Ok((name.clone(), row.get(i)?)));
        values.collect::<rusqlite::Result<_>>().map(Row)
    });
    rows.unwrap().collect::<rusqlite::Result<_>>().unwrap()
}

/// A scene with calls of every kind, of three users and two periods.
fn scene() -> Scene {
    let scene = Scene::new();
    let details = CallDetails {
        response_time_ms: Some(1500),
        endpoint: Some("/api/blog".into()),
        method: Some("POST".into()),
        actual_provider: Some("groq".into()),
        request_size_bytes: Some(10),
        response_size_bytes: Some(20),
        retry_count: 1,
        ..CallDetails::default()
    };
    for (number, now) in ["2025-10-07T12:00:00.000001Z", SECOND_LIST].into_iter().enumerate() {
        scene.at(now);
        for user in USERS {
            let mut records = vec![
                CallRecord { details: details.clone(), ..chat(user, "chat", 1000, 7) },
                CallRecord { status_code: 500, ..chat(user, "failed", 0, 0) },
                call(user, "gpt", ("openai", "chat", "gpt-4o-mini"), Usage::tokens(374, 44)),
                call(user, "search", ("tavily", "search", ""), Usage::none()),
                call(
                    user,
                    "image",
                    ("stability", "image_generation", ""),
                    Usage::of(Unit::Images, 3),
                ),
                call(user, "video", ("wavespeed", "video_generation", "wan-2.5"), Usage::none()),
                call(user, "edit", ("wavespeed", "image_edit", "qwen-edit"), Usage::none()),
                call(
                    user,
                    "unknown",
                    ("acme", "audio_generation", "x"),
                    Usage::of(Unit::Seconds, 9),
                ),
            ];
            for record in &mut records {
                let key = record.idempotency_key.take().unwrap();
                record.idempotency_key = Some(format!("{key} {number}"));
                scene.meter.record_call(record).unwrap();
            }
        }
    }
    scene
}

#[test]
fn the_views_have_exactly_their_columns() {
    let scene = Scene::new();
    for (view, columns) in VIEWS {
        let plain = Connection::open(scene.path()).unwrap();
        let statement = plain.prepare(&format!("SELECT * FROM {view}")).unwrap();
        let names: Vec<&str> = statement.column_names().collect();
        assert_eq!(names, expected_columns(columns), "{view}");
    }
}

#[test]
fn the_plans_are_those_of_the_meter() {
    let scene = Scene::new();
    let rows = read(&scene, "SELECT * FROM subscription_plans ORDER BY price_monthly_pico_usd");
    let plans = scene.meter.plans().unwrap();
    assert_eq!(rows.len(), plans.len());
    for (row, plan) in rows.iter().zip(&plans) {
        assert_eq!((row.text("id"), row.text("name")), (plan.id.as_str(), plan.name.as_str()));
        assert_eq!(row.text("tier"), plan.tier.name());
        assert_eq!(row.text("description"), plan.description);
        row.assert_money("price_monthly", Some(plan.price_monthly_usd));
        row.assert_money("price_yearly", Some(plan.price_yearly_usd));
        for limit in &plan.limits {
            let column = format!("{}_limit", limit.name);
            let bound = limit.maximum.bound();
            if limit.metric == Metric::Cost {
                row.assert_money(&column, bound.map(Money::from_pico_usd));
            } else {
                let expected = bound.map_or(Value::Null, Value::Integer);
                assert_eq!(row.value(&column), &expected, "{column} of {}", plan.id);
            }
        }
        let features: Vec<String> = serde_json::from_str(row.text("features")).unwrap();
        assert_eq!(features, plan.features);
        assert_eq!(row.number("is_active"), 1);
        assert_eq!(row.text("created_at"), "2025-09-04T00:00:00.000000Z");
    }
}

#[test]
fn the_log_is_that_of_the_meter() {
    let scene = scene();
    let rows = read(&scene, "SELECT * FROM api_usage_logs ORDER BY id DESC");
    let mut seen = 0;
    for user in USERS {
        let of_user = rows.iter().filter(|row| row.text("user_id") == user);
        for (row, call) in of_user.zip(log(&scene.meter, user).calls) {
            seen += 1;
            assert_eq!(row.number("id"), call.id);
            assert_eq!(row.text("provider"), call.provider);
            assert_eq!(row.text("operation"), call.operation.as_str());
            let model = if call.model.is_empty() { Value::Null } else { Value::Text(call.model) };
            assert_eq!(row.value("model_used"), &model);
            let (input, output) =
                (call.usage.get(&Unit::InputTokens), call.usage.get(&Unit::OutputTokens));
            assert_eq!((row.number("tokens_input"), row.number("tokens_output")), (input, output));
            assert_eq!(row.number("tokens_total"), input + output);
            row.assert_money("cost_input", Some(call.cost_input));
            row.assert_money("cost_output", Some(call.cost_output));
            row.assert_money("cost_total", call.cost);
            assert_eq!(row.number("status_code"), call.status_code);
            assert_eq!(row.number("call_count"), call.call_count);
            assert_eq!(row.number("retry_count"), call.details.retry_count);
            assert_eq!(row.text("billing_period"), call.period_starts_at.month_label());
            assert_eq!(row.text("timestamp").parse::<Timestamp>().unwrap(), call.occurred_at);
            if call.details.response_time_ms.is_some() {
                assert!((row.real("response_time") - 1.5).abs() < 1e-12);
                assert_eq!(row.text("actual_provider_name"), "groq");
                assert_eq!((row.text("endpoint"), row.text("method")), ("/api/blog", "POST"));
                assert_eq!((row.number("request_size"), row.number("response_size")), (10, 20));
            } else {
                assert_eq!(row.value("response_time"), &Value::Null);
            }
        }
    }
    assert_eq!(seen, rows.len());
    assert_eq!(seen, 2 * 3 * 8);
    let first = read(&scene, "SELECT timestamp FROM api_usage_logs WHERE id = 1").remove(0);
    assert_eq!(first.text("timestamp"), "2025-10-07T12:00:00.000001Z");
}

#[test]
fn the_summaries_are_those_of_the_meter() {
    let scene = scene();
    let rows = read(&scene, "SELECT * FROM usage_summaries ORDER BY id");
    assert_eq!(rows.len(), 6);
    for row in &rows {
        let period = PeriodChoice::Month(row.text("billing_period").to_owned());
        let summary = scene.meter.usage_summary(row.text("user_id"), &period).unwrap();
        for name in NAMES {
            let of = match name {
                "stability" => summary.operation_breakdown.get("image_generation"),
                "video" => summary.operation_breakdown.get("video_generation"),
                "audio" => summary.operation_breakdown.get("audio_generation"),
                "image_edit" => summary.operation_breakdown.get("image_edit"),
                provider => summary.provider_breakdown.get(provider),
            };
            let expected = of.cloned().unwrap_or_default();
            assert_eq!(row.number(&format!("{name}_calls")), expected.calls, "{name}");
            assert_eq!(row.number(&format!("{name}_tokens")), expected.tokens, "{name}");
            row.assert_money(&format!("{name}_cost"), Some(expected.cost));
        }
        assert_eq!(row.number("total_calls"), summary.total_calls);
        assert_eq!(row.number("total_tokens"), summary.total_tokens);
        row.assert_money("total_cost", Some(summary.total_cost));
        assert!((row.real("error_rate") - 12.5).abs() < 1e-12);
        assert!((summary.error_rate - 12.5).abs() < 1e-12);
        assert!((row.real("avg_response_time") - 1.5).abs() < 1e-12);
        assert_eq!(summary.avg_response_time_ms, Some(1500));
        // Free has no OpenAI: the limit is 0, which is left out of the status.
        assert_eq!(row.text("usage_status"), summary.usage_status.name());
    }
    let by_provider = read(&scene, "SELECT * FROM usage_by_provider");
    let sum = |column: &str| by_provider.iter().map(|row| row.number(column)).sum::<i64>();
    let total = |column: &str| rows.iter().map(|row| row.number(column)).sum::<i64>();
    assert_eq!(sum("calls"), total("total_calls"));
    assert_eq!(sum("tokens"), total("total_tokens"));
    assert_eq!(sum("cost_pico_usd"), total("total_cost_pico_usd"));
    assert_eq!(sum("unpriced_calls"), 3 * 4, "audio twice; in 2025 the videos and edits too");
}

#[test]
fn the_subscriptions_are_those_of_the_meter() {
    let scene = Scene::new();
    // The view tells the period of the real "now", so the meter is asked for the same.
    scene.clock.set(Clock::System.now());
    for (user, cycle, anchor) in [
        ("ann", BillingCycle::Monthly, "2025-01-31T10:20:30.500000Z"),
        ("bob", BillingCycle::Yearly, "2024-02-29T00:00:00Z"),
    ] {
        let anchor = at(anchor);
        let subscribe = Subscribe {
            plan_id: "pro".into(),
            billing_cycle: cycle,
            anchor: Some(anchor),
            starts_at: Some(anchor),
        };
        scene.meter.subscribe(user, &subscribe).unwrap();
    }
    loop {
        let periods = || {
            scene.clock.set(Clock::System.now());
            ["ann", "bob"].map(|user| scene.meter.current_period(user).unwrap().billing_period)
        };
        let before = periods();
        let rows = read(&scene, "SELECT * FROM user_subscriptions ORDER BY user_id");
        if before != periods() {
            // A period ended in between.
            continue;
        }
        assert_eq!(rows.len(), 2);
        for ((row, period), cycle) in rows.iter().zip(before).zip(["monthly", "yearly"]) {
            let shown = |column: &str| row.text(column).parse::<Timestamp>().unwrap();
            assert_eq!(shown("current_period_start"), period.starts_at);
            assert_eq!(shown("current_period_end"), period.ends_at);
            assert_eq!((row.text("plan_id"), row.text("billing_cycle")), ("pro", cycle));
            assert_eq!((row.text("status"), row.number("is_active")), ("active", 1));
            assert_eq!(row.number("auto_renew"), 1);
        }
        break;
    }
}

fn of_one(price: &PriceVersion, unit: &Unit) -> Option<Money> {
    let rate = price.rate(unit, 0)?;
    Some(Money::from_pico_usd(rate.amount.pico_usd() / rate.per))
}

#[test]
fn the_prices_are_those_of_the_meter() {
    let scene = Scene::new();
    let rows = read(&scene, "SELECT * FROM api_provider_pricing ORDER BY id");
    let prices = scene.meter.prices(None).unwrap();
    assert_eq!(rows.len(), prices.len());
    for (row, price) in rows.iter().zip(&prices) {
        assert_eq!((row.number("id"), row.text("provider")), (price.id, price.provider.as_str()));
        assert!(row.text("model_name").starts_with(&price.model));
        for (column, unit) in [
            ("cost_per_input_token", Unit::InputTokens),
            ("cost_per_output_token", Unit::OutputTokens),
            ("cost_per_request", Unit::Requests),
            ("cost_per_search", Unit::Searches),
            ("cost_per_image", Unit::Images),
            ("cost_per_page", Unit::Pages),
        ] {
            row.assert_money(column, of_one(price, &unit));
        }
        assert_eq!(row.text("description"), price.source);
        let from = row.text("effective_date").parse::<Timestamp>().unwrap();
        assert_eq!(from, price.effective_from);
        assert_eq!(row.text("variant"), price.variant.name());
    }
    let in_force = |at| scene.meter.catalogue().unwrap().prices.in_force(at).count();
    let active = rows.iter().filter(|row| row.number("is_active") == 1).count();
    assert_eq!(active, in_force(Clock::System.now()));
    let flash = "SELECT * FROM api_provider_pricing WHERE model_name = 'gpt-4o-mini' LIMIT 1";
    read(&scene, flash).remove(0).assert_money("cost_per_input_token", Some(usd("0.00000015")));
}

#[test]
fn nothing_is_in_the_views_of_alerts_and_bills_without_any() {
    let scene = Scene::new();
    for view in ["usage_alerts", "billing_history", "usage_summaries", "user_subscriptions"] {
        assert_eq!(read(&scene, &format!("SELECT * FROM {view}")).len(), 0, "{view}");
    }
}

/// What the `sqlite3` command prints; nothing where there is none, or one too old for `STRICT`.
fn shell(scene: &Scene, arguments: &[&str], sql: &str) -> Option<String> {
    let version = Command::new("sqlite3").arg("--version").output().ok()?;
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let minor: u32 = version.split('.').nth(1)?.parse().ok()?;
    if minor < 37 {
        return None;
    }
    let shell = Command::new("sqlite3")
        .args(["-readonly", "-list", "-separator", "|"])
        .args(arguments)
        .arg(scene.path())
        .arg(sql)
        .output()
        .unwrap();
    assert!(shell.status.success(), "{sql}: {}", String::from_utf8_lossy(&shell.stderr));
    Some(String::from_utf8(shell.stdout).unwrap())
}

#[test]
fn the_sqlite3_command_reads_them_while_the_meter_is_open() {
    let scene = scene();
    for (view, columns) in VIEWS {
        let sql = format!("SELECT * FROM {view} LIMIT 1");
        let Some(shown) = shell(&scene, &["-header"], &sql) else { return };
        if let Some(header) = shown.lines().next() {
            assert_eq!(header, expected_columns(columns).join("|"), "{view}");
        }
    }
    let sql = "SELECT user_id, billing_period, total_calls, total_tokens, total_cost \
               FROM usage_summaries ORDER BY id";
    let shown = shell(&scene, &[], sql).unwrap();
    let expected: String = read(&scene, sql)
        .iter()
        .map(|row| {
            let (user, period) = (row.text("user_id"), row.text("billing_period"));
            let summary = scene.meter.usage_summary(user, &period.parse().unwrap()).unwrap();
            let cost = summary.total_cost.to_sql_text();
            let (calls, tokens) = (summary.total_calls, summary.total_tokens);
            format!("{user}|{period}|{calls}|{tokens}|{cost}\n")
        })
        .collect();
    assert_eq!(shown, expected);
    assert_eq!(shown.lines().count(), 6);
}
