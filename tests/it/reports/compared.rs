//! Comparisons and hints.

use alwrity_metering::{
    Compare, FindHints, HintScope, Money, Performance, PriceVersion, Rate, Unit,
};

use super::{CALLS, History, NOW, USER, at, history};

const DAYS: i64 = 400;

/// The calls of the compared days.
fn compared(condition: &str) -> String {
    let today = at(NOW).day_number();
    format!(
        "{CALLS} WHERE occurred_at_us / 86400000000 BETWEEN {} AND {today} AND {condition}",
        today - DAYS + 1
    )
}

fn assert_is_of_the_ledger(history: &History, found: &Performance, condition: &str) {
    let sum =
        |what: &str| history.number(&format!("SELECT sum({what}) FROM {}", compared(condition)));
    assert_eq!(found.calls, sum("call_count"));
    assert_eq!(found.tokens, sum("input_tokens + output_tokens"));
    assert_eq!(found.cost.pico_usd(), sum("cost_pico_usd"));
    assert_eq!(found.failed_calls, sum("call_count * (status_code >= 400)"));
    assert_eq!(found.unpriced_calls, sum("call_count * (cost_pico_usd IS NULL)"));
    let priced = found.calls - found.unpriced_calls;
    let per_call = (priced > 0).then(|| found.cost.charge(1, priced).unwrap());
    assert_eq!(found.cost_per_call, per_call);
    let has_tokens = found.tokens > 0 && found.unpriced_calls == 0;
    let per_1k = has_tokens.then(|| found.cost.charge(1000, found.tokens).unwrap());
    assert_eq!(found.cost_per_1k_tokens, per_1k);
    let times = sum("response_time_ms * call_count");
    let timed = sum("call_count * (response_time_ms IS NOT NULL)");
    assert_eq!(found.avg_response_time_ms, times.checked_div(timed));
}

#[test]
fn providers_and_models_are_of_the_ledger() {
    let history = history();
    let choice = Compare { days: DAYS, sla_ms: Some(2000) };
    let found = history.meter.compare(USER, &choice).unwrap();
    assert_eq!((found.last_day.as_str(), found.first_day.as_str()), (&NOW[..10], "2026-07-28"));
    assert_eq!(found.lines.providers.len(), 4);
    assert_eq!(found.lines.models.len(), 5);
    for line in &found.lines.providers {
        let own = format!("provider = '{}'", line.provider);
        assert_is_of_the_ledger(&history, &line.performance, &own);
    }
    for line in &found.lines.models {
        let own = format!(
            "provider = '{}' AND model = '{}' AND operation = '{}'",
            line.provider, line.model, line.operation
        );
        assert_is_of_the_ledger(&history, &line.performance, &own);
    }
    let costs: Vec<Money> = found.lines.models.iter().map(|line| line.performance.cost).collect();
    assert!(costs.is_sorted_by(|one, other| one >= other), "the dearest first");
    let shares: f64 = found.lines.providers.iter().filter_map(|l| l.performance.cost_share).sum();
    assert!((shares - 100.0).abs() < 0.001, "{shares}");
}

#[test]
fn percentiles_and_shares_are_within_their_stated_error() {
    let history = history();
    let sla_ms = 2000;
    let choice = Compare { days: DAYS, sla_ms: Some(sla_ms) };
    for line in history.meter.compare(USER, &choice).unwrap().lines.providers {
        let own = format!("provider = '{}' AND response_time_ms IS NOT NULL", line.provider);
        let sql = format!("SELECT response_time_ms, call_count FROM {} ORDER BY 1", compared(&own));
        let mut times: Vec<i64> = Vec::new();
        for row in history.rows(&sql) {
            let count = row[1].parse().unwrap();
            times.extend(std::iter::repeat_n(row[0].parse::<i64>().unwrap(), count));
        }
        let shown = [(50, line.p50_ms), (95, line.p95_ms), (99, line.p99_ms)];
        for (percentage, shown) in shown {
            let rank = (times.len() * percentage).div_ceil(100).max(1);
            let (exact, shown) = (times[rank - 1], shown.unwrap());
            assert!((exact - shown).abs() * 1000 <= exact * 32, "{percentage}: {exact} {shown}");
        }
        let within = times.iter().filter(|ms| **ms <= sla_ms).count();
        // Off by less than the calls of the bucket that the promise falls into.
        let cut = times.iter().filter(|ms| (1984..2112).contains(*ms)).count();
        let share = |count: usize| {
            f64::from(u32::try_from(count).unwrap()) * 100.0
                / f64::from(u32::try_from(times.len()).unwrap())
        };
        let difference = (line.within_sla.unwrap() - share(within)).abs();
        assert!(difference <= share(cut) + 0.001, "{difference}");
    }
}

#[test]
fn a_hint_prices_the_same_use_on_a_cheaper_model() {
    let history = history();
    let choice = FindHints { days: DAYS, scope: HintScope::SameProvider };
    let found = history.meter.hints(USER, &choice).unwrap();
    let hint = found.hints.iter().find(|hint| hint.model == "gpt-4o").unwrap();
    let own = "provider = 'openai' AND model = 'gpt-4o'";
    let sum = |what: &str| history.number(&format!("SELECT sum({what}) FROM {}", compared(own)));
    assert_eq!(hint.cost.pico_usd(), sum("cost_pico_usd"));
    assert_eq!((hint.calls, hint.tokens), (sum("call_count"), sum("input_tokens + output_tokens")));
    let prices = history.meter.prices(Some("openai")).unwrap();
    for cheaper in &hint.cheaper {
        assert_eq!(cheaper.provider, "openai");
        // The newest version of the model's price, by plain arithmetic on the sums.
        let version: &PriceVersion = prices
            .iter()
            .filter(|price| price.model == cheaper.model && price.effective_from <= at(NOW))
            .filter(|price| price.variant == alwrity_metering::Variant::Standard)
            .max_by_key(|price| price.effective_from)
            .unwrap();
        let rate = |unit: Unit| -> &Rate {
            version
                .rates
                .iter()
                .find(|rate| rate.unit == unit && rate.above_input_tokens == 0)
                .unwrap()
        };
        let charge = |unit: Unit, quantity: i64| {
            let rate = rate(unit);
            rate.amount.charge(quantity, rate.per).unwrap()
        };
        let input = charge(Unit::InputTokens, sum("input_tokens"));
        let expected = input.plus(charge(Unit::OutputTokens, sum("output_tokens"))).unwrap();
        assert_eq!(cheaper.cost, expected, "{}", cheaper.model);
        assert_eq!(cheaper.saving, hint.cost.minus(expected).unwrap());
    }
    let savings: Vec<Money> = hint.cheaper.iter().map(|one| one.saving).collect();
    assert!(!savings.is_empty() && savings.len() <= 3);
    assert!(savings.is_sorted_by(|one, other| one >= other) && savings[2 - 1] > Money::ZERO);
    let best = found.hints.iter().map(|hint| hint.cheaper[0].saving);
    assert_eq!(found.saving_max, Money::sum(best).unwrap());
}

#[test]
fn a_use_of_unknown_cost_and_a_free_one_have_no_hint() {
    let history = history();
    let choice = FindHints { days: DAYS, scope: HintScope::AllProviders };
    let found = history.meter.hints(USER, &choice).unwrap();
    assert!(found.hints.iter().all(|hint| hint.provider != "nobody"));
    assert!(found.hints.iter().all(|hint| hint.cheaper.iter().all(|one| one.cost > Money::ZERO)));
    let used = FindHints { days: DAYS, ..FindHints::default() };
    let known = ["openai", "gemini", "tavily", "nobody"];
    for hint in history.meter.hints(USER, &used).unwrap().hints {
        assert!(hint.cheaper.iter().all(|one| known.contains(&one.provider.as_str())));
    }
}
