//! Reports over months and days: trends, the comparison, hints.

use std::collections::BTreeMap;

use alwrity_metering::{
    Compare, FindHints, HintScope, Performance, ProviderTrend, Timestamp, Trends,
};

use super::{NOW, Sample, USER, line, or_dash, sample};
use crate::reports::at;

/// The days that are compared: all that the sample has.
const DAYS: i64 = 150;

/// A trend as rows of period, provider, calls, tokens and cost; periods without use left out.
fn shown(trends: &Trends) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for (place, period) in trends.periods.iter().enumerate() {
        for (provider, own) in &trends.provider_trends {
            let ProviderTrend { calls, tokens, cost } = own;
            if calls[place] > 0 {
                let cost = cost[place].pico_usd();
                rows.push(line([period, provider, &calls[place], &tokens[place], &cost]));
            }
        }
    }
    rows
}

fn assert_trend(sample: &Sample, trends: &Trends, by: &str, from: &str) {
    let sql = |columns: &str, group: &str| {
        format!(
            "SELECT {columns}, sum(call_count), sum(tokens), ifnull(sum(cost_pico_usd), 0) \
             FROM own WHERE {by} >= '{from}' GROUP BY {group} ORDER BY {group}"
        )
    };
    let by_provider = format!("{by}, provider");
    assert_eq!(shown(trends), sample.rows(&sql(&by_provider, &by_provider)));
    let totals: BTreeMap<String, Vec<String>> =
        sample.rows(&sql(by, by)).into_iter().map(|mut row| (row.remove(0), row)).collect();
    for (place, period) in trends.periods.iter().enumerate() {
        let cost = trends.total_cost[place].pico_usd();
        let found = line([&trends.total_calls[place], &trends.total_tokens[place], &cost]);
        let nothing = line([&0, &0, &0]);
        assert_eq!(&found, totals.get(period).unwrap_or(&nothing), "{period}");
    }
    assert_eq!(trends.total_calls.iter().filter(|calls| **calls > 0).count(), totals.len());
}

#[test]
fn every_number_of_the_trends_is_of_the_ledger() {
    let sample = sample();
    let months = sample.meter.trends(USER, 6).unwrap();
    let expected = ["2025-07", "2025-08", "2025-09", "2025-10", "2025-11", "2025-12"];
    assert_eq!(months.periods, expected);
    assert_trend(sample, &months, "label", "2025-07");
    assert_trend(sample, &sample.meter.trends(USER, 2).unwrap(), "label", "2025-11");
    for days in [1, 30, DAYS] {
        let trends = sample.meter.daily_trends(USER, days).unwrap();
        assert_eq!(i64::try_from(trends.periods.len()).unwrap(), days);
        assert_trend(sample, &trends, "day", &first_day(days));
    }
}

fn first_day(days: i64) -> String {
    let first = (at(NOW).day_number() - days + 1) * 86_400_000_000;
    Timestamp::from_micros(first).unwrap().day_label()
}

/// Percentages are cut to ten thousandths; quotients of money are rounded to a pico-dollar.
const PERFORMANCE: &str = "sum(call_count), sum(tokens), ifnull(sum(cost_pico_usd), 0), \
    sum(unpriced), sum(failed), sum(failed) * 1000000 / sum(call_count), \
    (2 * ifnull(sum(cost_pico_usd), 0) + sum(call_count) - sum(unpriced)) \
        / nullif(2 * (sum(call_count) - sum(unpriced)), 0), \
    (2000 * sum(cost_pico_usd) + sum(tokens)) \
        / CASE WHEN sum(unpriced) = 0 AND sum(tokens) > 0 THEN 2 * sum(tokens) END, \
    ifnull(sum(cost_pico_usd), 0) * 1000000 / (SELECT sum(cost_pico_usd) FROM own), \
    sum(response_time_ms * call_count) \
        / sum(CASE WHEN response_time_ms IS NOT NULL THEN call_count END)";

fn performance(own: &Performance) -> Vec<String> {
    let parts = |percentage: f64| (percentage * 1e4).round();
    line([
        &own.calls,
        &own.tokens,
        &own.cost.pico_usd(),
        &own.unpriced_calls,
        &own.failed_calls,
        &parts(own.error_rate),
        &or_dash(own.cost_per_call.map(|cost| cost.pico_usd())),
        &or_dash(own.cost_per_1k_tokens.map(|cost| cost.pico_usd())),
        &or_dash(own.cost_share.map(parts)),
        &or_dash(own.avg_response_time_ms),
    ])
}

#[test]
fn every_number_of_the_comparison_is_of_the_ledger() {
    let sample = sample();
    let sla_ms = 1500;
    let choice = Compare { days: DAYS, sla_ms: Some(sla_ms) };
    let found = sample.meter.compare(USER, &choice).unwrap();
    assert_eq!([found.first_day, found.last_day], [first_day(DAYS), NOW[..10].to_owned()]);
    let models: Vec<_> = found
        .lines
        .models
        .iter()
        .map(|own| {
            let names = line([&own.provider, &own.model, &own.operation]);
            [names, performance(&own.performance)].concat()
        })
        .collect();
    let sql = format!(
        "SELECT provider, model, operation, {PERFORMANCE} FROM own GROUP BY 1, 2, 3 \
         ORDER BY ifnull(sum(cost_pico_usd), 0) DESC, 1, 2, 3"
    );
    assert_eq!(models, sample.rows(&sql));
    let providers: Vec<_> = found
        .lines
        .providers
        .iter()
        .map(|own| [vec![own.provider.clone()], performance(&own.performance)].concat())
        .collect();
    let sql = format!(
        "SELECT provider, {PERFORMANCE} FROM own GROUP BY 1 \
         ORDER BY ifnull(sum(cost_pico_usd), 0) DESC, 1"
    );
    assert_eq!(providers, sample.rows(&sql));
    for own in &found.lines.providers {
        assert_times(sample, own, sla_ms);
    }
}

/// Percentiles by nearest rank, and the share within a promise; each within its stated error.
fn assert_times(sample: &Sample, own: &alwrity_metering::ProviderLine, sla_ms: i64) {
    let sql = format!(
        ", timed AS (SELECT response_time_ms AS ms, row_number() OVER (ORDER BY response_time_ms) \
             AS place, count(*) OVER () AS calls FROM own \
             WHERE provider = '{}' AND response_time_ms IS NOT NULL) \
         SELECT min(ms) FILTER (WHERE place * 100 >= calls * 50), \
             min(ms) FILTER (WHERE place * 100 >= calls * 95), \
             min(ms) FILTER (WHERE place * 100 >= calls * 99), \
             avg(ms <= {sla_ms}) * 100, avg(abs(ms - {sla_ms}) * 16 <= {sla_ms}) * 100 FROM timed",
        own.provider
    );
    let row = sample.rows(&sql).remove(0);
    let exact: Vec<f64> = row.iter().map(|text| text.parse().unwrap()).collect();
    for (shown, exact) in [own.p50_ms, own.p95_ms, own.p99_ms].into_iter().zip(&exact) {
        let shown = f64::from(i32::try_from(shown.unwrap()).unwrap());
        assert!((shown - exact).abs() <= exact * 0.032, "{}: {shown} {exact}", own.provider);
    }
    let difference = (own.within_sla.unwrap() - exact[3]).abs();
    assert!(difference <= exact[4] + 0.001, "{}: {difference} {exact:?}", own.provider);
}

/// The standard prices in force for chats, each with its rates at the mean size of a use, and
/// what the use would have cost at them.
const ALTERNATIVES: &str = ", use AS (SELECT provider, model, operation, sum(call_count) AS calls, \
        sum(billable) AS billable, sum(input_tokens) AS input, sum(output_tokens) AS output, \
        sum(cost_pico_usd) AS cost FROM own GROUP BY 1, 2, 3 \
        HAVING sum(unpriced) = 0 AND sum(cost_pico_usd) > 0 AND operation = 'chat'), \
    in_force AS (SELECT v.id, v.provider, v.model, max(v.effective_from_us) FROM price_versions v \
        WHERE v.matcher = 'exact' AND v.variant = 'standard' \
        AND (v.operation IS NULL OR v.operation = 'chat') AND v.effective_from_us <= $now \
        GROUP BY v.provider, v.model, v.operation), \
    rate AS (SELECT use.provider AS of, use.model AS of_model, v.provider, v.model, r.unit, \
        r.amount_pico_usd, r.per, max(r.above_input_tokens) \
        FROM use JOIN in_force v JOIN price_rates r ON r.price_version_id = v.id \
        WHERE r.above_input_tokens = 0 OR r.above_input_tokens < use.input / use.billable \
        GROUP BY 1, 2, 3, 4, 5), \
    there AS (SELECT use.provider AS of, use.model AS of_model, use.cost, v.provider, v.model, \
        (SELECT sum(CASE r.unit WHEN 'input_tokens' THEN input WHEN 'output_tokens' THEN output \
            WHEN 'requests' THEN billable ELSE 0 END * r.amount_pico_usd / r.per) FROM rate r \
            WHERE (r.of, r.of_model, r.provider, r.model) \
                = (use.provider, use.model, v.provider, v.model)) AS cost_there, \
        (SELECT count(*) FROM rate r WHERE (r.of, r.of_model, r.provider, r.model) \
            = (use.provider, use.model, v.provider, v.model) \
            AND r.unit IN ('input_tokens', 'output_tokens')) AS priced \
        FROM use JOIN in_force v ON v.provider != use.provider OR v.model != use.model), \
    ranked AS (SELECT *, cost - cost_there AS saving, row_number() OVER (PARTITION BY of, of_model \
        ORDER BY cost_there, provider, model) AS place FROM there \
        WHERE priced = 2 AND cost_there > 0 AND cost_there < cost AND $scope) \
    SELECT of, of_model, cost, provider, model, cost_there, saving, saving * 1000000 / cost \
    FROM ranked WHERE place <= 3 \
    ORDER BY max(saving) OVER (PARTITION BY of, of_model) DESC, place";

#[test]
fn every_number_of_the_hints_is_of_the_ledger_and_the_price_list() {
    let sample = sample();
    let scopes = [
        (HintScope::SameProvider, "provider = of"),
        (HintScope::UsedProviders, "provider IN (SELECT provider FROM own)"),
        (HintScope::AllProviders, "1"),
    ];
    for (scope, condition) in scopes {
        let found = sample.meter.hints(USER, &FindHints { days: DAYS, scope }).unwrap();
        let shown: Vec<_> = found
            .hints
            .iter()
            .flat_map(|hint| {
                hint.cheaper.iter().map(move |own| {
                    let share = (own.saving_percentage * 1e4).round();
                    line([
                        &hint.provider,
                        &hint.model,
                        &hint.cost.pico_usd(),
                        &own.provider,
                        &own.model,
                        &own.cost.pico_usd(),
                        &own.saving.pico_usd(),
                        &share,
                    ])
                })
            })
            .collect();
        let sql = ALTERNATIVES
            .replace("$now", &at(NOW).micros().to_string())
            .replace("$scope", condition);
        let expected = sample.rows(&sql);
        assert_eq!(shown, expected, "{scope:?}");
        assert!(!shown.is_empty());
        let best = found.hints.iter().map(|hint| hint.cheaper[0].saving.pico_usd()).sum::<i64>();
        assert_eq!(found.saving_max.pico_usd(), best);
        for hint in &found.hints {
            let sql = format!(
                "SELECT sum(call_count), sum(tokens) FROM own WHERE model = '{}'",
                hint.model
            );
            assert_eq!([line([&hint.calls, &hint.tokens])], *sample.rows(&sql));
        }
    }
}
