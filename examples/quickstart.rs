//! A first look: `cargo run --example quickstart`.
//!
//! It opens a store, puts a user on a plan, makes a call that is held for, records one that was
//! made elsewhere, and asks what was used.
#![allow(clippy::print_stdout)]

use alwrity_metering::{
    CallRecord, CallRequest, Meter, Options, PeriodChoice, Reservation, Subscribe, Unit, Usage,
};

/// What a provider would answer: how many tokens it took in and gave out.
fn call_the_provider() -> Usage {
    Usage::tokens(1200, 310).with(Unit::CachedInputTokens, 1024)
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let meter = Meter::open(folder.path().join("metering.db"), Options::default())?;
    let seeded = meter.seed("default")?;
    println!("a new store with {} plans and {} prices", seeded.plans, seeded.prices);

    let subscription = meter.subscribe("ada", &Subscribe::monthly("pro"))?;
    println!("ada is on `{}` until {}", subscription.plan_id, subscription.usage_period.ends_at);

    // Before the call: is there room? What it may use is kept free until it is settled.
    let request = CallRequest::new("ada", "openai", "gpt-4o-mini").with_tokens(1200, 400);
    match meter.reserve(&request)? {
        Reservation::Granted(hold) => {
            println!("held ${} until {}", hold.cost_usd, hold.expires_at);
            let receipt = meter.settle("ada", hold.hold_id, &call_the_provider().into())?;
            println!("it cost ${}", receipt.cost_usd.unwrap_or_default());
        }
        Reservation::Refused(decision) => println!("refused: {}", decision.message),
        Reservation::Duplicate(receipt) => println!("recorded before as {}", receipt.call_id),
    }

    // After a call that nobody asked about: it is recorded all the same, once per key.
    let search = CallRecord {
        idempotency_key: Some("search-17".into()),
        ..CallRecord::new("ada", "tavily", "", Usage::of(Unit::Searches, 1))
    };
    let first = meter.record_call(&search)?;
    let again = meter.record_call(&search)?;
    println!("a search for ${}", first.cost_usd.unwrap_or_default());
    assert_eq!(first.call_id, again.call_id, "a repeat is the same call");

    let summary = meter.usage_summary("ada", &PeriodChoice::Current)?;
    println!(
        "{} calls, {} tokens, ${} since {}",
        summary.total_calls,
        summary.total_tokens,
        summary.total_cost,
        summary.span.map_or_else(String::new, |span| span.starts_at.to_string()),
    );
    assert_eq!(summary.total_calls, 2);
    assert!(meter.verify()?.iter().all(|check| check.is_ok), "every total follows from the ledger");
    Ok(())
}
