//! Reports of the running period: the summary, the limits, the dashboard.

use std::collections::BTreeMap;

use alwrity_metering::{Alert, Amount, Breakdown, Dashboard, Page, PeriodChoice, Timestamp};

use super::{NOW, PERIODS, Sample, USER, line, or_dash, sample};
use crate::reports::at;

/// Totals of calls that a condition chooses.
const TOTALS: &str = "SELECT ifnull(sum(call_count), 0), ifnull(sum(tokens), 0), \
    ifnull(sum(input_tokens), 0), ifnull(sum(output_tokens), 0), ifnull(sum(cost_pico_usd), 0), \
    ifnull(sum(unpriced), 0), ifnull(sum(failed), 0), \
    ifnull(sum(failed) * 1000000 / sum(call_count), 0), \
    sum(response_time_ms * call_count) / sum(CASE WHEN response_time_ms IS NOT NULL \
        THEN call_count END) FROM own WHERE ";

/// A table `at_limit` of the limits of the running plan: what was used in the running period and
/// in the last seven days, with the lengths in seconds.
fn at_limits() -> String {
    let [starts_at, ends_at, _, plan] = PERIODS[3];
    let (now, from) = (at(NOW).micros(), at("2026-01-23T00:00:00Z").micros());
    let (starts_at, ends_at) = (at(starts_at).micros(), at(ends_at).micros());
    format!(
        ", used AS (SELECT l.position, l.name, l.maximum, CASE l.metric WHEN 'calls' THEN billable \
             WHEN 'tokens' THEN tokens ELSE ifnull(cost_pico_usd, 0) END AS amount, \
             own.period_at, own.occurred_at_us FROM plan_limits l LEFT JOIN own \
             ON (l.provider IS NULL OR l.provider = own.provider) \
             AND (l.operation IS NULL OR l.operation = own.operation) \
             WHERE l.plan_id = '{plan}'), \
         at_limit AS (SELECT position, name, maximum, \
             ifnull(sum(amount) FILTER (WHERE period_at = {starts_at}), 0) AS used, \
             ifnull(sum(amount) FILTER (WHERE occurred_at_us >= {from}), 0) AS recent, \
             {} AS period_s, {} AS elapsed_s, {} AS left_s, {} AS recent_s \
             FROM used GROUP BY name) ",
        (ends_at - starts_at) / 1_000_000,
        (now - starts_at) / 1_000_000,
        (ends_at - now) / 1_000_000,
        (now - from) / 1_000_000,
    )
}

/// A percentage as a whole number of ten thousandths.
fn parts(percentage: f64) -> String {
    (percentage * 1e4).round().to_string()
}

fn number(amount: Amount) -> i64 {
    amount.number()
}

#[test]
fn every_number_of_a_summary_is_of_the_ledger() {
    let sample = sample();
    let choices = [
        ("all", "1"),
        ("current", "label = '2025-12'"),
        ("2025-10", "label = '2025-10'"),
        ("2025-11", "label = '2025-11'"),
        ("2025-09", "label = '2025-09'"),
    ];
    for (choice, condition) in choices {
        let choice: PeriodChoice = choice.parse().unwrap();
        let found = sample.meter.usage_summary(USER, &choice).unwrap();
        let totals = line([
            &found.total_calls,
            &found.total_tokens,
            &found.input_tokens,
            &found.output_tokens,
            &found.total_cost.pico_usd(),
            &found.unpriced_calls,
            &found.failed_calls,
            &parts(found.error_rate),
            &or_dash(found.avg_response_time_ms),
        ]);
        assert_eq!([totals], *sample.rows(&format!("{TOTALS}{condition}")), "{choice:?}");
        assert_breakdown(sample, &found.provider_breakdown, "provider", condition);
        assert_breakdown(sample, &found.operation_breakdown, "operation", condition);
        assert_eq!(found.usage_status.name(), status(sample));
        // The limits are those of the running period, whatever was asked.
        let limits: Vec<_> = found
            .limits
            .iter()
            .map(|own| {
                line([
                    &own.name,
                    &or_dash(own.maximum.map(number)),
                    &number(own.used),
                    &number(own.held),
                    &or_dash(own.remaining.map(number)),
                    &or_dash(own.used_percent.map(parts)),
                ])
            })
            .collect();
        let sql = "SELECT name, maximum, used, 0, max(maximum - used, 0), \
                   used * 1000000 / nullif(maximum, 0) FROM at_limit ORDER BY position";
        assert_eq!(limits, sample.rows(&format!("{}{sql}", at_limits())));
        assert_eq!(found.limits, sample.meter.limits(USER).unwrap().limits);
        assert_percentages(sample, &found.usage_percentages, "name");
    }
}

fn assert_breakdown(
    sample: &Sample,
    found: &BTreeMap<String, Breakdown>,
    by: &str,
    condition: &str,
) {
    let found: Vec<_> = found
        .iter()
        .map(|(name, own)| {
            line([name, &own.calls, &own.tokens, &own.cost.pico_usd(), &own.unpriced_calls])
        })
        .collect();
    let sql = format!(
        "SELECT {by}, sum(call_count), sum(tokens), ifnull(sum(cost_pico_usd), 0), sum(unpriced) \
         FROM own WHERE {condition} GROUP BY 1 ORDER BY 1"
    );
    assert_eq!(found, sample.rows(&sql));
}

fn assert_percentages(sample: &Sample, found: &BTreeMap<String, f64>, name: &str) {
    let found: Vec<_> = found.iter().map(|(name, share)| line([name, &parts(*share)])).collect();
    let sql = format!(
        "SELECT {name} AS shown, used * 1000000 / maximum FROM at_limit WHERE maximum > 0 \
         ORDER BY shown"
    );
    assert_eq!(found, sample.rows(&format!("{}{sql}", at_limits())));
}

/// How the limits stand: all of them refuse at their maximum.
fn status(sample: &Sample) -> String {
    let sql = "SELECT CASE WHEN max(used >= maximum) THEN 'limit_reached' \
               WHEN max(used * 100 >= maximum * 80) THEN 'warning' ELSE 'active' END \
               FROM at_limit WHERE maximum > 0";
    sample.rows(&format!("{}{sql}", at_limits())).remove(0).remove(0)
}

#[test]
fn every_number_of_the_dashboard_is_of_the_ledger() {
    let sample = sample();
    let found = sample.meter.dashboard(USER).unwrap();
    let usage = &found.current_usage;
    let totals = line([
        &usage.total_calls,
        &usage.total_tokens,
        &usage.total_cost.pico_usd(),
        &usage.unpriced_calls,
        &parts(usage.error_rate),
        &or_dash(usage.avg_response_time_ms),
    ]);
    let mut expected = sample.rows(&format!("{TOTALS}label = '2025-12'")).remove(0);
    expected.remove(6);
    expected.drain(2..4);
    assert_eq!(totals, expected);
    assert_eq!(usage.billing_period, "2025-12");
    assert_eq!(
        [usage.usage_period.starts_at, usage.usage_period.ends_at],
        [at(PERIODS[3][0]), at(PERIODS[3][1])]
    );
    assert_breakdown(sample, &usage.provider_breakdown, "provider", "label = '2025-12'");
    assert_eq!(usage.usage_status.name(), status(sample));
    let shown_name = "CASE name WHEN 'monthly_cost' THEN 'cost' ELSE name END";
    assert_percentages(sample, &found.usage_percentages, shown_name);
    let maxima = found.limits.limits.iter();
    let limits: Vec<_> =
        maxima.map(|(name, own)| line([name, &or_dash(own.map(number))])).collect();
    let sql = "SELECT name, maximum FROM plan_limits WHERE plan_id = 'basic' ORDER BY name";
    assert_eq!(limits, sample.rows(sql));
    let plan = [&found.limits.plan_id, &found.limits.plan_name, found.limits.tier.name()];
    let sql = "SELECT plan_id, name, tier FROM plans WHERE plan_id = 'basic'";
    assert_eq!([plan.map(str::to_owned).to_vec()], *sample.rows(sql));
    assert_projections(sample, &found);
    assert_alerts(sample, &found);
}

/// used × whole ÷ elapsed, rounded to the nearest, in whole seconds: exact in 64 bits.
const PROJECTED: &str = "(2 * used * period_s + elapsed_s) / (2 * elapsed_s)";
const BY_RECENT: &str = "(used + (2 * recent * left_s + recent_s) / (2 * recent_s))";

/// When a maximum is reached at a pace of `used` in `in_s` seconds, in microseconds from now.
fn reached(pace: &str, in_s: &str) -> String {
    let missing = "(maximum - used)";
    // missing × µs ÷ pace, in parts that do not overflow.
    let until = format!(
        "({missing} / {pace} * {in_s} * 1000000 + {missing} % {pace} * {in_s} / {pace} * 1000000 \
         + {missing} % {pace} * {in_s} % {pace} * 1000000 / {pace})"
    );
    format!(
        "CASE WHEN used >= maximum THEN 0 WHEN {pace} > 0 AND {until} < left_s * 1000000 \
         THEN {until} END"
    )
}

fn assert_projections(sample: &Sample, found: &Dashboard) {
    let now = at(NOW);
    let since_now = |when: Option<Timestamp>| or_dash(when.map(|when| when.micros_since(now)));
    let projections = &found.projections;
    let limits: Vec<_> = projections
        .limits
        .iter()
        .map(|own| {
            line([
                &own.name,
                &number(own.used),
                &number(own.maximum),
                &number(own.projected),
                &or_dash(own.projected_percentage.map(parts)),
                &since_now(own.reached_at),
                &number(own.projected_by_last_7_days),
                &since_now(own.reached_at_by_last_7_days),
            ])
        })
        .collect();
    let sql = format!(
        "SELECT name, used, maximum, {PROJECTED}, {PROJECTED} * 1000000 / maximum, {}, \
         {BY_RECENT}, {} FROM at_limit WHERE maximum > 0 ORDER BY position",
        reached("used", "elapsed_s"),
        reached("recent", "recent_s"),
    );
    let expected = sample.rows(&format!("{}{sql}", at_limits()));
    assert_eq!(limits, expected);
    let reached_later = expected.iter().filter(|row| row[5] != "-" && row[5] != "0").count();
    assert!(reached_later > 0, "some limit will be reached: {expected:?}");
    let whole = line([
        &projections.projected_monthly_cost.pico_usd(),
        &or_dash(projections.cost_limit.map(|limit| limit.pico_usd())),
        &or_dash(projections.projected_usage_percentage.map(parts)),
        &projections.projected_monthly_cost_by_last_7_days.pico_usd(),
    ]);
    let sql = format!(
        "SELECT {PROJECTED}, maximum, {PROJECTED} * 1000000 / maximum, {BY_RECENT} FROM at_limit \
         WHERE name = 'monthly_cost'"
    );
    assert_eq!([whole], *sample.rows(&format!("{}{sql}", at_limits())));
}

fn assert_alerts(sample: &Sample, found: &Dashboard) {
    let unread = "FROM alerts a JOIN users u ON u.id = a.user_id WHERE u.user = 'user-1' \
                  AND read_at_us IS NULL AND dismissed_at_us IS NULL";
    let ids: Vec<_> = found.alerts.iter().map(|alert| line([&alert.id])).collect();
    assert_eq!(ids, sample.rows(&format!("SELECT a.id {unread} ORDER BY a.id DESC LIMIT 5")));
    let count = sample.rows(&format!("SELECT count(*) {unread}"));
    assert_eq!([line([&found.unread_alerts])], *count);
}

#[test]
fn the_thresholds_that_are_told_are_those_that_the_ledger_has_reached() {
    let sample = sample();
    let page = Page { limit: 5000, ..Page::default() };
    let told = sample.meter.alerts(USER, &Default::default(), page).unwrap();
    let mut told: Vec<_> = told
        .alerts
        .iter()
        .filter(|alert| alert.key.kind.name() == "usage_threshold")
        .map(|Alert { key, .. }| {
            line([&key.armed_from.micros(), &key.subject, &key.threshold_percent])
        })
        .collect();
    told.sort();
    let expected = sample.rows(
        ", used AS (SELECT period.starts_at, l.name, l.maximum, l.thresholds, sum(CASE l.metric \
             WHEN 'calls' THEN billable WHEN 'tokens' THEN tokens \
             ELSE ifnull(cost_pico_usd, 0) END) AS used \
             FROM period JOIN plan_limits l ON l.plan_id = period.plan_id \
             JOIN own ON own.period_at = period.starts_at \
             AND (l.provider IS NULL OR l.provider = own.provider) \
             AND (l.operation IS NULL OR l.operation = own.operation) \
             WHERE l.maximum > 0 GROUP BY 1, 2) \
         SELECT CAST(starts_at AS TEXT), name, CAST(t.value AS TEXT) FROM used, \
         json_each(thresholds) t WHERE used * 100 >= maximum * t.value ORDER BY 1, 2, 3",
    );
    assert_eq!(told, expected);
    assert!(told.len() > 6, "{told:?}");
}
