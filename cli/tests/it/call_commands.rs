//! `record`, `usage`, `calls`, `users`.

use serde_json::json;

use crate::bench::{Bench, words};

const OPENAI: [&str; 4] = ["--provider", "openai", "--model", "gpt-4o-mini"];

#[test]
fn a_call_is_recorded_once() {
    let bench = Bench::new();
    let tokens = ["--input-tokens", "374", "--output-tokens", "44", "--key", "k1"];
    let record = [&["record", "u1"][..], &OPENAI, &tokens].concat();
    bench.json(&["subscribe", "u1", "--plan", "pro", "--anchor", "2025-10-01T00:00:00Z"]);
    bench.run_at_noon(&record).shows(
        "
        exit 0
        --- out
        status            recorded
        call_id           1
        idempotency_key   k1
        user              u1
        provider          openai
        model             gpt-4o-mini
        operation         chat
        usage             input_tokens=374 output_tokens=44
        call_count        1
        cost              $0.0000825
        price_match       exact
        occurred_at       2025-10-07T12:00:00Z
        period_starts_at  2025-10-01T00:00:00Z
        ",
    );
    let again = bench.json(&record);
    assert_eq!(again["status"], "duplicate");
    assert_eq!(again["cost_usd"], "0.0000825");
    let other = [&["record", "u1"][..], &OPENAI, &["--input-tokens", "1", "--key", "k1"]].concat();
    bench.run_at_noon(&other).shows(include_str!("shown/a_call_is_recorded_once.txt"));
    assert_eq!(bench.json(&["usage", "u1"])["total_calls"], 1);
}

#[test]
fn every_field_of_a_call_is_kept() {
    let bench = Bench::new();
    let fields = words(
        "--operation chat --variant batch --input-tokens 100 --output-tokens 20 \
         --unit cached_input_tokens=10 --usage-source estimated --vendor-cost-usd 0.000123 \
         --status-code 206 --count 2 --occurred-at 2025-10-06T08:00:00Z --key k1 \
         --actual-provider azure --endpoint /v1/chat --method POST --response-time-ms 812 \
         --request-size-bytes 2048 --response-size-bytes 512 --retry-count 1 \
         --ip-address 192.0.2.1 --user-agent curl/8 --tag team=blog --tag env=dev",
    );
    let error = ["--error-message", "Bearer abcdefghijklmnopqrstuvwxyz was refused"];
    let ran = bench.run_at_noon(&[&["record", "u1"][..], &OPENAI, &fields, &error].concat());
    assert_eq!(ran.code, 0, "{ran}");
    let calls = bench.json(&["calls", "u1"]);
    assert_eq!(calls["total_count"], 1);
    let call = &calls["calls"][0];
    for (name, value) in [
        ("provider", json!("openai")),
        ("operation", json!("chat")),
        ("variant", json!("batch")),
        ("usage", json!({"input_tokens": 100, "output_tokens": 20, "cached_input_tokens": 10})),
        ("usage_source", json!("estimated")),
        ("vendor_cost_usd", json!("0.000123")),
        ("cost_usd", json!("0.000123")),
        ("status_code", json!(206)),
        ("call_count", json!(2)),
        ("occurred_at", json!("2025-10-06T08:00:00Z")),
        ("recorded_at", json!("2025-10-07T12:00:00Z")),
        ("billing_period", json!("2025-10")),
        ("actual_provider", json!("azure")),
        ("endpoint", json!("/v1/chat")),
        ("method", json!("POST")),
        ("response_time_ms", json!(812)),
        ("request_size_bytes", json!(2048)),
        ("response_size_bytes", json!(512)),
        ("retry_count", json!(1)),
        ("ip_address", json!("192.0.2.1")),
        ("user_agent", json!("curl/8")),
        ("tags", json!({"team": "blog", "env": "dev"})),
    ] {
        assert_eq!(call[name], value, "{name} of {call}");
    }
    let error = call["error_message"].as_str().unwrap();
    assert!(!error.contains("abcdefghijklmnop") && error.contains("refused"), "{error}");
}

#[test]
fn a_call_over_a_limit_is_recorded_and_warned_of() {
    let bench = Bench::new();
    let record = ["record", "u1", "--provider", "tavily", "--count", "21", "--key", "k"];
    let ran = bench.run_at_noon(&record);
    assert_eq!(ran.code, 0, "{ran}");
    assert!(
        ran.err.contains("warning: `u1` is over a limit, tavily_calls: used 21, held 0, "),
        "{ran}"
    );
}

#[test]
fn a_call_without_a_price_is_recorded_and_warned_of() {
    let bench = Bench::new();
    let record = ["record", "u1", "--provider", "acme", "--model", "m", "--input-tokens", "4"];
    let ran = bench.run_at_noon(&[&record[..], &["--key", "k"]].concat());
    assert!(ran.out.contains("cost              unknown\n"), "{ran}");
    assert_eq!(
        ran.err,
        "warning: the cost is unknown: nothing prices `acme` / `m`\n\
         hint: add the price with `prices set`, then `re-rate --apply`\n"
    );
}

#[test]
fn a_queued_call_is_committed_before_the_command_ends() {
    let bench = Bench::new();
    let queued = ["record", "u1", "--provider", "tavily", "--key", "k", "--durability", "queued"];
    assert_eq!(bench.json(&queued), json!({"status": "queued", "idempotency_key": "k"}));
    assert_eq!(bench.json(&["calls", "u1"])["total_count"], 1);
}

#[test]
fn usage_is_summed_by_period() {
    let bench = Bench::new();
    let file = bench.write(
        "plan.toml",
        concat!(
            "[[plan]]\nid = \"free\"\nname = \"Free\"\ntier = \"free\"\n",
            "price_monthly_usd = \"0\"\nprice_yearly_usd = \"0\"\n",
            "[[plan.limit]]\nname = \"monthly_cost\"\nmetric = \"cost_usd\"\nmaximum = \"2\"\n",
        ),
    );
    assert_eq!(bench.run(&["plans", "set", &file]).code, 0);
    for (key, at, status) in [
        ("k1", "2025-09-30T23:59:59Z", "200"),
        ("k2", "2025-10-01T00:00:00Z", "200"),
        ("k3", "2025-10-05T00:00:00Z", "500"),
    ] {
        let more = [
            "--occurred-at",
            at,
            "--key",
            key,
            "--status-code",
            status,
            "--response-time-ms",
            "90",
        ];
        let tokens = ["--input-tokens", "1000000", "--output-tokens", "1000000"];
        let ran = bench.run_at_noon(&[&["record", "u1"][..], &OPENAI, &tokens, &more].concat());
        assert_eq!(ran.code, 0, "{ran}");
    }
    bench.run_at_noon(&["usage", "u1"]).shows(include_str!("shown/usage_is_summed_by_period.txt"));
    let usage = |period: &str| bench.json(&["usage", "u1", "--period", period]);
    for (period, calls, cost) in
        [("2025-09", 1, "0.75"), ("2025-10", 2, "1.5"), ("all", 3, "2.25"), ("2024-01", 0, "0")]
    {
        let summary = usage(period);
        assert_eq!(summary["total_calls"], calls, "{period}");
        assert_eq!(summary["total_cost"], cost, "{period}");
        assert_eq!(summary["billing_period"], period);
    }
    assert_eq!(usage("current")["provider_breakdown"]["openai"]["cost"], "1.5");
    assert_eq!(bench.json(&["usage", "nobody"])["total_calls"], 0);
}

#[test]
fn calls_are_paged_and_filtered() {
    let bench = Bench::new();
    for (key, provider, status, at) in [
        ("k1", "tavily", "200", "2025-09-30T00:00:00Z"),
        ("k2", "openai", "200", "2025-10-02T00:00:00Z"),
        ("k3", "acme", "200", "2025-10-03T00:00:00Z"),
        ("k4", "openai", "429", "2025-10-04T00:00:00Z"),
    ] {
        let model = if provider == "openai" { "gpt-4o-mini" } else { "" };
        let record =
            ["record", "u1", "--provider", provider, "--model", model, "--unit", "pages=3"];
        let more = ["--key", key, "--status-code", status, "--occurred-at", at];
        assert_eq!(bench.run_at_noon(&[&record[..], &more].concat()).code, 0);
    }
    let ids = |args: &[&str]| -> Vec<i64> {
        let page = bench.json(&[&["calls", "u1"], args].concat());
        let calls = page["calls"].as_array().unwrap();
        calls.iter().map(|call| call["call_id"].as_i64().unwrap()).collect()
    };
    assert_eq!(ids(&[]), [4, 3, 2, 1]);
    assert_eq!(ids(&["--limit", "2"]), [4, 3]);
    assert_eq!(ids(&["--limit", "2", "--before-id", "3"]), [2, 1]);
    assert_eq!(ids(&["--provider", "openai"]), [4, 2]);
    assert_eq!(ids(&["--model", "gpt-4o-mini", "--status-code", "200"]), [2]);
    assert_eq!(ids(&["--operation", "search"]), [1]);
    assert_eq!(ids(&["--period", "current"]), [4, 3, 2]);
    assert_eq!(ids(&["--period", "2025-09"]), [1]);
    assert!(ids(&["--unpriced"]).contains(&3));
    assert_eq!(bench.run(&["calls", "nobody"]).out, "no calls\n");
    bench
        .run_at_noon(&["calls", "u1", "--limit", "2"])
        .shows(include_str!("shown/calls_are_paged_and_filtered.txt"));
    assert_eq!(bench.json(&["users"]), json!(["u1"]));
}
