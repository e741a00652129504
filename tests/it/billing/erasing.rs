//! Erasing and exporting a user: nothing is left of who it was, everything of how much.

use std::collections::BTreeMap;
use std::path::Path;

use alwrity_metering::{
    CallDetails, CallRecord, CallRequest, ExternalIds, InvoicePaid, LimitChange, PaymentStatus,
    PeriodChoice, RecordStatus, Subscribe, Usage,
};

use super::{Desk, at, usd};

/// Every text that says who the user was or what it did.
const SECRETS: [&str; 12] = [
    "anna.secret@example.org",
    "cus_of_anna",
    "sub_of_anna",
    "card_of_anna",
    "ch_of_anna",
    "ch_late_of_anna",
    "in_of_anna",
    "203.0.113.77",
    "AnnasBrowser",
    "annas-tag",
    "the error of anna",
    "a note on anna",
];

fn live(desk: &Desk) {
    let user = SECRETS[0];
    let external = ExternalIds {
        stripe_customer_id: Some(SECRETS[1].into()),
        stripe_subscription_id: Some(SECRETS[2].into()),
        payment_method: Some(SECRETS[3].into()),
    };
    let wish = Subscribe { external, ..Subscribe::monthly("metered").paid(SECRETS[4]) };
    desk.meter.subscribe(user, &wish).unwrap();
    for number in 0..200 {
        let details = CallDetails {
            endpoint: Some(format!("/of/{user}")),
            ip_address: Some(SECRETS[7].into()),
            user_agent: Some(SECRETS[8].into()),
            tags: BTreeMap::from([("who".to_owned(), SECRETS[9].to_owned())]),
            error_message: Some(SECRETS[10].into()),
            ..CallDetails::default()
        };
        let call = CallRecord {
            vendor_cost_usd: Some(usd("0.07")),
            idempotency_key: Some(format!("{user} {number}")),
            details,
            ..CallRecord::new(user, "gemini", "m", Usage::tokens(10, 5))
        };
        desk.meter.record_call(&call).unwrap();
    }
    let limit = LimitChange {
        name: "gemini_calls".into(),
        maximum: "5000".into(),
        note: Some(SECRETS[11].into()),
        ..LimitChange::default()
    };
    desk.meter.set_limit(user, &limit).unwrap();
    desk.meter.reserve(&CallRequest::new(user, "gemini", "m")).unwrap();
    desk.go_to("2025-05-01T00:00:00Z");
    let april = "2025-04".parse().unwrap();
    desk.meter.finalize_invoice(user, &april).unwrap();
    let paid = InvoicePaid {
        status: PaymentStatus::Paid,
        reference: Some(SECRETS[5].into()),
        stripe_invoice_id: Some(SECRETS[6].into()),
    };
    desk.meter.set_invoice_payment(user, &april, &paid).unwrap();
    desk.meter.record_call(&CallRecord::new("bob", "gemini", "m", Usage::tokens(1, 1))).unwrap();
}

/// The secrets that are in the bytes of a file beside the store.
fn found_in(folder: &Path, suffix: &str) -> Vec<&'static str> {
    let path = folder.join(format!("metering.db{suffix}"));
    let bytes = std::fs::read(path).unwrap_or_default();
    let is_in = |text: &&&str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    SECRETS.iter().filter(is_in).copied().collect()
}

#[test]
fn not_a_byte_of_an_erased_user_is_left_in_the_file_or_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::in_folder(folder.path(), "2025-04-01T00:00:00Z");
    live(&desk);
    let user = SECRETS[0];
    let mut there = found_in(folder.path(), "-wal");
    there.extend(found_in(folder.path(), ""));
    for secret in SECRETS {
        assert!(there.contains(&secret), "{secret} was there before");
    }
    let before = desk.meter.usage_summary(user, &PeriodChoice::All).unwrap();
    let invoices = desk.meter.billing_history(user).unwrap();
    let gone = desk.meter.erase_user(user).unwrap();
    assert_eq!((gone.erased.calls, gone.erased.holds, gone.erased.invoices), (200, 1, 1));
    for suffix in ["", "-wal", "-shm", "-lock"] {
        assert_eq!(found_in(folder.path(), suffix), Vec::<&str>::new(), "in metering.db{suffix}");
    }
    let after = desk.meter.usage_summary(&gone.pseudonym, &PeriodChoice::All).unwrap();
    assert_eq!((after.total_calls, after.total_cost), (before.total_calls, before.total_cost));
    let kept = desk.meter.billing_history(&gone.pseudonym).unwrap();
    let numbers = |own: &alwrity_metering::UserInvoice| {
        (own.invoice.hash.clone(), own.invoice.total_usd, own.invoice.lines.clone())
    };
    assert_eq!(
        kept.iter().map(numbers).collect::<Vec<_>>(),
        invoices.iter().map(numbers).collect::<Vec<_>>()
    );
    desk.assert_verified();
    assert!(desk.meter.users().unwrap().iter().all(|known| known != user));
    assert_eq!(desk.meter.erase_user(user).unwrap_err().code(), "unknown_user");
    // The same id may come back, as somebody new on the default plan.
    desk.meter.record_call(&CallRecord::new(user, "gemini", "m", Usage::tokens(1, 1))).unwrap();
    let new = desk.meter.usage_summary(user, &PeriodChoice::All).unwrap();
    assert_eq!((new.total_calls, new.plan_id.as_str()), (1, "free"));
    desk.assert_verified();
}

#[test]
fn a_user_that_comes_back_after_it_was_erased_is_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::in_folder(folder.path(), "2025-04-01T00:00:00Z");
    let call = |key: &str| CallRecord {
        idempotency_key: Some(key.into()),
        ..CallRecord::new("anna", "tavily", "", Usage::none())
    };
    let total = |user: &str| {
        desk.meter.usage_summary(user, &PeriodChoice::All).map(|summary| summary.total_calls)
    };
    desk.meter.record_call(&call("a")).unwrap();
    desk.meter.record_call(&call("b")).unwrap();
    let gone = desk.meter.erase_user("anna").unwrap();
    for key in ["a", "b", "c"] {
        let receipt = desk.meter.record_call(&call(key)).unwrap();
        assert_eq!(receipt.status, RecordStatus::Recorded, "{key}");
        let again = desk.meter.record_call(&call(key)).unwrap();
        assert_eq!((again.status, again.call_id), (RecordStatus::Duplicate, receipt.call_id));
    }
    assert_eq!(total("anna").unwrap(), 3);
    assert_eq!(total(&gone.pseudonym).unwrap(), 2);
}

#[test]
fn an_export_has_everything_about_the_user_and_nothing_about_others() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::in_folder(folder.path(), "2025-04-01T00:00:00Z");
    live(&desk);
    let export = desk.meter.export_user(SECRETS[0]).unwrap();
    let text = export.to_string();
    for secret in SECRETS {
        assert!(text.contains(secret), "{secret}");
    }
    assert!(!text.contains("bob"));
    assert_eq!(export["calls"].as_array().unwrap().len(), 200);
    assert_eq!(export["holds"].as_array().unwrap().len(), 1);
    assert_eq!(export["terms"].as_array().unwrap().len(), 1);
    assert_eq!(export["usage_periods"][0]["cost_usd"], "14");
    assert_eq!(export["days"][0]["day"], "2025-04-01");
    assert_eq!(export["invoices"].as_array().unwrap().len(), 2);
    assert_eq!(export["invoices"][1]["lines"][1]["calls"], 200);
    assert_eq!(export["exported_at"], at("2025-05-01T00:00:00Z").to_string());
    assert_eq!(desk.meter.export_user("nobody").unwrap_err().code(), "unknown_user");
}
