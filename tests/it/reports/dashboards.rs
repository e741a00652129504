//! The dashboard.

use std::collections::BTreeMap;

use alwrity_metering::{Amount, CallFilter, Money, Page, PeriodChoice, UsageLine, UsageStatus};

use super::{CALLS, USER, at, history};

/// The 31st of August to the 30th of September, at the 20th: the period has calls by then.
const INSTANT: &str = "2027-08-20T12:00:00Z";
const STARTS: &str = "2027-07-31T09:00:00Z";
const ENDS: &str = "2027-08-31T09:00:00Z";

#[test]
fn regression_29_every_number_of_the_dashboard_is_of_the_ledger() {
    let history = history();
    history.clock.set(at(INSTANT));
    let dashboard = history.meter.dashboard(USER).unwrap();
    let now = at(INSTANT);
    let within = format!("period_starts_at_us = {}", at(STARTS).micros());
    let sum = |what: &str, condition: &str| {
        let sql = format!("SELECT sum({what}) FROM {CALLS} WHERE {within} AND {condition}");
        history.number(&sql)
    };
    let usage = &dashboard.current_usage;
    assert_eq!(usage.billing_period, "2027-07");
    assert_eq!((usage.usage_period.starts_at, usage.usage_period.ends_at), (at(STARTS), at(ENDS)));
    assert!(usage.total_calls > 10, "{}", usage.total_calls);
    assert_eq!(usage.total_calls, sum("call_count", "1"));
    assert_eq!(usage.total_tokens, sum("input_tokens + output_tokens", "1"));
    assert_eq!(usage.total_cost.pico_usd(), sum("cost_pico_usd", "1"));
    assert_eq!(usage.unpriced_calls, sum("call_count", "cost_pico_usd IS NULL"));
    let mean = history.rows(&format!(
        "SELECT sum(response_time_ms * call_count) / sum(call_count) FROM {CALLS} \
         WHERE {within} AND response_time_ms IS NOT NULL"
    ));
    assert_eq!(usage.avg_response_time_ms.unwrap().to_string(), mean[0][0]);
    let rate = history.rows(&format!(
        "SELECT round(1e6 * sum(call_count * (status_code >= 400)) / sum(call_count) - 0.5) \
         FROM {CALLS} WHERE {within}"
    ));
    assert_eq!((usage.error_rate * 1e4).round().to_string(), rate[0][0]);
    for (provider, own) in &usage.provider_breakdown {
        let own_calls = format!("provider = '{provider}'");
        assert_eq!(own.calls, sum("call_count", &own_calls));
        assert_eq!(own.tokens, sum("input_tokens + output_tokens", &own_calls));
        assert_eq!(own.cost.pico_usd(), sum("cost_pico_usd", &own_calls));
    }
    // Percentages are used ÷ maximum: of the Pro plan, whose limits SQL reads too.
    let share = |used: i64, name: &str| {
        let sql =
            format!("SELECT maximum FROM plan_limits WHERE plan_id = 'pro' AND name = '{name}'");
        i128::from(used) * 1_000_000 / i128::from(history.number(&sql))
    };
    let found = |name: &str| (dashboard.usage_percentages[name] * 1e4).round().to_string();
    let billable = "NOT (status_code >= 400 AND input_tokens + output_tokens + searches = 0)";
    let openai = sum("call_count", &format!("provider = 'openai' AND {billable}"));
    assert_eq!(found("openai_calls"), share(openai, "openai_calls").to_string());
    let cost = usage.total_cost.pico_usd();
    assert_eq!(found("cost"), share(cost, "monthly_cost").to_string());
    // The projection divides by the elapsed share of the period.
    let elapsed = now.micros_since(at(STARTS));
    let length = at(ENDS).micros_since(at(STARTS));
    let projected = Money::from_pico_usd(cost).charge(length, elapsed).unwrap();
    let projections = &dashboard.projections;
    let difference = projections.projected_monthly_cost.minus(projected).unwrap().pico_usd();
    assert!(difference.abs() <= 1, "rounded once: {difference}");
    let limit = history
        .money("SELECT maximum FROM plan_limits WHERE plan_id = 'pro' AND name = 'monthly_cost'");
    assert_eq!(projections.cost_limit, Some(limit));
    // By the last seven days: the 14th to the 20th, noon.
    let from = at("2027-08-14T00:00:00Z").micros();
    let lately = history.number(&format!(
        "SELECT sum(cost_pico_usd) FROM {CALLS} \
         WHERE occurred_at_us >= {from} AND occurred_at_us < {}",
        at("2027-08-21T00:00:00Z").micros()
    ));
    let left = at(ENDS).micros_since(now);
    let expected =
        cost + Money::from_pico_usd(lately).charge(left, now.micros() - from).unwrap().pico_usd();
    let found = projections.projected_monthly_cost_by_last_7_days.pico_usd();
    assert!((found - expected).abs() <= 1, "{found} {expected}");
}

#[test]
fn the_dashboard_has_the_specifications_shape() {
    let history = history();
    history.clock.set(at(INSTANT));
    let json = serde_json::to_value(history.meter.dashboard(USER).unwrap()).unwrap();
    let usage = &json["current_usage"];
    assert!(usage["total_calls"].is_u64() && usage["total_cost"].is_string());
    assert_eq!(usage["usage_status"], "active");
    assert!(usage["provider_breakdown"]["openai"]["tokens"].is_u64());
    assert_eq!(json["limits"]["plan_name"], "Pro");
    assert!(json["limits"]["limits"]["gemini_calls"].is_u64());
    assert!(json["limits"]["limits"]["monthly_cost"].is_string());
    assert!(json["usage_percentages"]["cost"].is_f64());
    assert!(json["projections"]["projected_monthly_cost"].is_string());
    assert!(json["projections"]["projected_usage_percentage"].is_f64());
    assert!(json["alerts"].as_array().unwrap().len() <= 5);
}

#[test]
fn a_limits_projection_says_when_it_is_reached() {
    let history = history();
    history.clock.set(at(INSTANT));
    let dashboard = history.meter.dashboard(USER).unwrap();
    let by_name: BTreeMap<&str, _> =
        dashboard.projections.limits.iter().map(|own| (own.name.as_str(), own)).collect();
    let openai = by_name["openai_calls"];
    let Amount::Count(used) = openai.used else { panic!("a count") };
    let Amount::Count(projected) = openai.projected else { panic!("a count") };
    assert!(used > 0 && projected > used);
    assert_eq!(openai.reached_at, None, "far from it");
    assert!(!by_name.contains_key("ai_text_generation_calls"), "no limit, no projection");
}

#[test]
fn usage_lines_are_the_views_and_add_up_to_the_summary() {
    let history = history();
    history.clock.set(at(INSTANT));
    for (period, condition) in [
        (PeriodChoice::All, "1"),
        (PeriodChoice::Month("2026-05".into()), "billing_period = '2026-05'"),
        (PeriodChoice::Current, "billing_period = '2027-07'"),
    ] {
        let lines = history.meter.usage_lines(USER, &period).unwrap();
        let shown = |line: &UsageLine| {
            let UsageLine { billing_period, provider, operation, .. } = line;
            let numbers = [line.calls, line.tokens, line.cost.pico_usd(), line.unpriced_calls];
            let names = [billing_period.clone(), provider.clone(), operation.to_string()];
            names.into_iter().chain(numbers.map(|number| number.to_string())).collect()
        };
        let lines_shown: Vec<Vec<String>> = lines.iter().map(shown).collect();
        // Two usage periods that start in one month are one line.
        let sql = format!(
            "SELECT billing_period, provider, operation, sum(calls), sum(tokens), \
             sum(cost_pico_usd), sum(unpriced_calls) FROM usage_by_provider \
             WHERE user_id = '{USER}' AND {condition} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
        );
        assert!(!lines.is_empty());
        assert_eq!(lines_shown, history.rows(&sql), "{period:?}");
        let summary = history.meter.usage_summary(USER, &period).unwrap();
        let calls: i64 = lines.iter().map(|line| line.calls).sum();
        assert_eq!(calls, summary.total_calls, "{period:?}");
    }
    assert_eq!(history.meter.usage_lines("nobody", &PeriodChoice::All).unwrap(), []);
}

#[test]
fn somebody_who_was_never_seen_has_a_dashboard_of_nothing() {
    let history = history();
    let before = history.meter.users().unwrap();
    let dashboard = history.meter.dashboard("nobody").unwrap();
    assert_eq!(dashboard.current_usage.total_calls, 0);
    assert_eq!(dashboard.current_usage.usage_status, UsageStatus::Active);
    assert_eq!(dashboard.projections.projected_monthly_cost, Money::ZERO);
    assert_eq!(dashboard.limits.plan_id, "free");
    assert_eq!(dashboard.unread_alerts, 0);
    assert_eq!(history.meter.users().unwrap(), before, "a report creates nobody");
}

#[test]
fn regression_31_a_report_changes_nothing_and_a_provider_filters() {
    let history = history();
    let state = || {
        history.rows(
            "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM calls), \
             (SELECT count(*) FROM alerts), (SELECT count(*) FROM usage_periods), \
             (SELECT sum(updated_at_us) FROM usage_periods), (SELECT sum(revision) FROM users)",
        )
    };
    let before = state();
    history.clock.set(at("2027-01-31T00:00:00Z"));
    history.meter.dashboard(USER).unwrap();
    history.meter.trends(USER, 24).unwrap();
    history.meter.daily_trends(USER, 30).unwrap();
    history.meter.compare(USER, &alwrity_metering::Compare::default()).unwrap();
    history.meter.hints(USER, &alwrity_metering::FindHints::default()).unwrap();
    history.meter.limits(USER).unwrap();
    assert_eq!(state(), before);
    let filter = CallFilter { provider: Some("tavily".into()), ..CallFilter::default() };
    let page = Page { limit: 5000, ..Page::default() };
    let found = history.meter.calls(USER, &filter, page).unwrap();
    assert!(found.total_count > 0 && found.calls.iter().all(|call| call.provider == "tavily"));
}
