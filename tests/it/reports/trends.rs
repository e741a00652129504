//! Trends and summaries.

use alwrity_metering::{Money, PeriodChoice, Trends};

use super::{CALLS, History, NOW, USER, at, history};

/// A trend recomputed: the calls whose label is each of its periods.
fn assert_is_of_the_ledger(history: &History, trends: &Trends, label: &str) {
    let providers = history.rows(&format!("SELECT DISTINCT provider FROM {CALLS}"));
    for (place, period) in trends.periods.iter().enumerate() {
        let sums = |condition: &str| {
            let sql = format!(
                "SELECT ifnull(sum(call_count), 0), ifnull(sum(input_tokens + output_tokens), 0), \
                 ifnull(sum(cost_pico_usd), 0) FROM {CALLS} \
                 WHERE {label} = '{period}' AND {condition}"
            );
            history.rows(&sql).remove(0)
        };
        let shown = |calls: i64, tokens: i64, cost: Money| {
            vec![calls.to_string(), tokens.to_string(), cost.pico_usd().to_string()]
        };
        let (calls, tokens) = (trends.total_calls[place], trends.total_tokens[place]);
        assert_eq!(shown(calls, tokens, trends.total_cost[place]), sums("1"), "{period}");
        for provider in &providers {
            let found = trends.provider_trends.get(&provider[0]).map_or_else(
                || shown(0, 0, Money::ZERO),
                |own| shown(own.calls[place], own.tokens[place], own.cost[place]),
            );
            let expected = sums(&format!("provider = '{}'", provider[0]));
            assert_eq!(found, expected, "{period} {}", provider[0]);
        }
    }
}

const MONTH: &str = "strftime('%Y-%m', period_starts_at_us / 1000000, 'unixepoch')";
const DAY: &str = "strftime('%Y-%m-%d', occurred_at_us / 1000000, 'unixepoch')";

#[test]
fn regression_31_months_are_distinct_and_without_holes() {
    let history = history();
    for months in [1, 2, 6, 12, 24] {
        let trends = history.meter.trends(USER, months).unwrap();
        let mut distinct = trends.periods.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct, trends.periods, "ascending and distinct");
        assert_eq!(i64::try_from(trends.periods.len()).unwrap(), months);
        // The period that runs on the 31st of August began on the 31st of August.
        assert_eq!(trends.periods.last().unwrap(), "2027-08");
        assert_is_of_the_ledger(&history, &trends, MONTH);
    }
    let all = history.meter.trends(USER, 24).unwrap();
    let december = all.periods.iter().position(|period| period == "2026-12").unwrap();
    assert!(all.total_calls[december] > 0, "31 December is in the period that starts then");
    for months in [0, 25, -1] {
        let error = history.meter.trends(USER, months).unwrap_err();
        assert_eq!(error.code(), "invalid_argument");
    }
}

#[test]
fn two_periods_that_start_in_one_month_are_one_month() {
    let history = history();
    // On Free until the 31st of May 2025, on Pro from that day on.
    let sql = format!(
        "SELECT count(DISTINCT period_starts_at_us) FROM {CALLS} WHERE {MONTH} = '2026-05'"
    );
    assert_eq!(history.number(&sql), 2);
    let trends = history.meter.trends(USER, 24).unwrap();
    assert_is_of_the_ledger(&history, &trends, MONTH);
    let summary =
        history.meter.usage_summary(USER, &PeriodChoice::Month("2026-05".into())).unwrap();
    let place = trends.periods.iter().position(|period| period == "2026-05").unwrap();
    assert_eq!(trends.total_cost[place], summary.total_cost);
}

#[test]
fn days_are_utc_days_of_the_calls() {
    let history = history();
    for days in [1, 30, 731] {
        let trends = history.meter.daily_trends(USER, days).unwrap();
        assert_eq!(i64::try_from(trends.periods.len()).unwrap(), days);
        assert_eq!(trends.periods.last().unwrap(), &NOW[..10]);
        assert_is_of_the_ledger(&history, &trends, DAY);
    }
    assert!(history.meter.daily_trends(USER, 732).is_err());
}

#[test]
fn somebody_who_was_never_seen_has_a_trend_of_nothing() {
    let history = history();
    history.clock.set(at("2027-03-31T23:00:00Z"));
    let trends = history.meter.trends("nobody", 3).unwrap();
    assert_eq!(trends.periods, ["2027-01", "2027-02", "2027-03"]);
    assert_eq!(trends.total_calls, [0, 0, 0]);
    assert!(trends.provider_trends.is_empty());
}

#[test]
fn a_summary_is_of_the_ledger() {
    let history = history();
    let choices = [
        (PeriodChoice::All, "1".to_owned()),
        (PeriodChoice::Month("2027-02".into()), format!("{MONTH} = '2027-02'")),
        (PeriodChoice::Current, format!("{MONTH} = '2027-08'")),
    ];
    for (choice, condition) in choices {
        let summary = history.meter.usage_summary(USER, &choice).unwrap();
        let count = |what: &str| {
            history.number(&format!("SELECT sum({what}) FROM {CALLS} WHERE {condition}"))
        };
        assert!(summary.total_calls > 0 || choice == PeriodChoice::Current);
        assert_eq!(summary.total_calls, count("call_count"));
        assert_eq!(summary.input_tokens, count("input_tokens"));
        assert_eq!(summary.output_tokens, count("output_tokens"));
        assert_eq!(summary.total_cost.pico_usd(), count("cost_pico_usd"));
        assert_eq!(summary.failed_calls, count("call_count * (status_code >= 400)"));
        assert_eq!(summary.unpriced_calls, count("call_count * (cost_pico_usd IS NULL)"));
        let breakdown = history.rows(&format!(
            "SELECT provider, sum(call_count), sum(input_tokens + output_tokens), \
             ifnull(sum(cost_pico_usd), 0), sum(call_count * (cost_pico_usd IS NULL)) \
             FROM {CALLS} WHERE {condition} GROUP BY 1 ORDER BY 1"
        ));
        let found: Vec<Vec<String>> = summary
            .provider_breakdown
            .iter()
            .map(|(provider, own)| {
                let cost = own.cost.pico_usd();
                let numbers = [own.calls, own.tokens, cost, own.unpriced_calls];
                let numbers = numbers.iter().map(i64::to_string);
                std::iter::once(provider.clone()).chain(numbers).collect()
            })
            .collect();
        assert_eq!(found, breakdown);
    }
}
