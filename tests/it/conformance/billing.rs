//! Invoices, and the sums that they are made of.

use alwrity_metering::domain::account::UsageStatus;
use alwrity_metering::domain::call::Call;
use alwrity_metering::domain::invoice::{
    Invoice, InvoiceLine, InvoicePayment, InvoiceState, LineKind, ModelKey, ModelUsage, finalized,
};
use alwrity_metering::storage::{Changes, PeriodMark, ReRated, Store, VoidedInvoice};
use alwrity_metering::{Anchor, BillingCycle, PaymentStatus, Result};

use super::samples::{at, call, correcting_call, hour, october, unpriced, usd};
use super::works::{FnWork, assert_verified, found, record, seen, write};

/// An invoice of October with something in every field, finalized.
pub(crate) fn invoice(store: &dyn Store, user: &str) -> Invoice {
    let account_id = store.account(user).unwrap().map_or(1, |account| account.id);
    let line = |kind, amount: &str| InvoiceLine {
        kind,
        plan_id: None,
        provider: None,
        model: None,
        adjusts: None,
        calls: 0,
        unpriced_calls: 0,
        tokens: 0,
        cost_usd: usd("0"),
        amount_usd: usd(amount),
    };
    let model = |kind, adjusts| InvoiceLine {
        provider: Some("gemini".into()),
        model: Some("模型".into()),
        adjusts,
        calls: 3,
        unpriced_calls: 1,
        tokens: 45,
        cost_usd: usd("0.034999999999"),
        ..line(kind, "0.03")
    };
    let draft = Invoice {
        id: 0,
        state: InvoiceState::Draft,
        period: Anchor::CALENDAR.month(october()),
        plan_id: "pro".into(),
        plan_name: "Plan pro — 計画".into(),
        billing_cycle: BillingCycle::Yearly,
        lines: vec![
            InvoiceLine { plan_id: Some("pro".into()), ..line(LineKind::Fee, "29") },
            model(LineKind::Usage, None),
            line(LineKind::Included, "-0.03"),
            model(LineKind::Adjustment, Some(at("2025-09-01T00:00:00Z"))),
        ],
        total_calls: 3,
        total_tokens: 45,
        total_usd: usd("29.03"),
        paid_usd: usd("29"),
        payment: InvoicePayment {
            status: PaymentStatus::Failed,
            paid_at: Some(at("2025-11-02T00:00:00Z")),
            reference: Some("ch_1".into()),
            stripe_invoice_id: Some("in_1".into()),
        },
        hash: None,
        finalized_at: None,
        voided_at: None,
        void_reason: None,
    };
    finalized(&draft, account_id, at("2025-11-01T00:00:00Z")).unwrap()
}

/// Keeps invoices of user `u`, who is seen if need be.
pub(crate) fn keep(store: &dyn Store, invoices: Vec<Invoice>) -> Result<()> {
    write(store, Some("u"), Changes { invoices, ..seen() })
}

fn invoices(store: &dyn Store) -> Vec<Invoice> {
    store.billing("u").unwrap().invoices
}

pub(crate) fn models_are_summed_by_period(store: &dyn Store) {
    let november = at("2025-11-01T00:00:00Z");
    let other = Call { model: String::new(), call_count: 4, ..call() };
    let later = Call { period_starts_at: november, ..call() };
    for (key, call) in
        [("1", call()), ("2", correcting_call()), ("3", unpriced()), ("4", other), ("5", later)]
    {
        record(store, "u", key, &call);
    }
    record(store, "v", "1", &call());
    let key = |period_starts_at, model: &str| ModelKey {
        period_starts_at,
        provider: "gemini".into(),
        model: model.into(),
    };
    let usage = |calls, unpriced_calls, tokens, cost| ModelUsage {
        calls,
        unpriced_calls,
        tokens,
        cost: usd(cost),
    };
    let sorted = || {
        let mut usage = store.billing("u").unwrap().usage;
        usage.sort_by(|a, b| a.0.cmp(&b.0));
        usage
    };
    let model = "gemini-2.5-flash";
    let mut expected = vec![
        (key(october(), ""), usage(4, 0, 15, "0.01")),
        (key(october(), model), usage(2, 1, 15 - 7 + 15, "0.005")),
        (key(november, model), usage(1, 0, 15, "0.01")),
    ];
    assert_eq!(sorted(), expected);
    // A cost that becomes known moves the sum.
    let (user, before) = store.unpriced(0, 1).unwrap().remove(0);
    let after = Call { cost: Some(usd("0.02")), ..before.clone() };
    let re_rated = vec![ReRated { before, after }];
    write(store, Some(&user), Changes { re_rated, ..Changes::default() }).unwrap();
    expected[1].1 = usage(2, 0, 23, "0.025");
    assert_eq!(sorted(), expected);
    assert_verified(store);
}

pub(crate) fn an_invoice_with_everything_comes_back(store: &dyn Store) {
    write(store, Some("u"), seen()).unwrap();
    let invoice = invoice(store, "u");
    keep(store, vec![invoice.clone()]).unwrap();
    assert_eq!(invoices(store), [Invoice { id: 1, ..invoice }]);
    assert_eq!(store.billing("v").unwrap().invoices, []);
    assert_verified(store);
}

pub(crate) fn only_one_invoice_counts_for_a_period(store: &dyn Store) {
    write(store, Some("u"), seen()).unwrap();
    let invoice = invoice(store, "u");
    keep(store, vec![invoice.clone()]).unwrap();
    keep(store, vec![invoice.clone()]).unwrap_err();
    assert_eq!(invoices(store).len(), 1);
    let mut september = invoice;
    september.period = Anchor::CALENDAR.month(at("2025-09-01T00:00:00Z"));
    keep(store, vec![september]).unwrap();
    assert_eq!(invoices(store).len(), 2);
}

pub(crate) fn a_void_invoice_gives_its_place_free(store: &dyn Store) {
    write(store, Some("u"), seen()).unwrap();
    let invoice = invoice(store, "u");
    keep(store, vec![invoice.clone()]).unwrap();
    let voided = VoidedInvoice { id: 1, at: hour(1000), reason: "wrong".into() };
    let changes = Changes { voided_invoices: vec![voided], ..Changes::default() };
    write(store, Some("u"), changes).unwrap();
    keep(store, vec![invoice.clone()]).unwrap();
    let void = Invoice { id: 1, ..invoice.voided(hour(1000), "wrong").unwrap() };
    assert_eq!(invoices(store), [void, Invoice { id: 2, ..invoice }]);
    assert_verified(store);
}

pub(crate) fn a_payment_is_noted(store: &dyn Store) {
    write(store, Some("u"), seen()).unwrap();
    let invoice = invoice(store, "u");
    keep(store, vec![invoice.clone()]).unwrap();
    let payment = InvoicePayment {
        status: PaymentStatus::Paid,
        paid_at: Some(hour(900)),
        reference: None,
        stripe_invoice_id: Some("in_2".into()),
    };
    let invoice_payments = vec![(1, payment.clone())];
    write(store, Some("u"), Changes { invoice_payments, ..Changes::default() }).unwrap();
    assert_eq!(invoices(store), [Invoice { id: 1, payment, ..invoice }]);
    assert_verified(store);
}

pub(crate) fn billing_is_shown_to_works_that_ask(store: &dyn Store) {
    record(store, "u", "k", &call());
    keep(store, vec![invoice(store, "u")]).unwrap();
    let shown = |asks: bool| {
        let (work, answers) = FnWork::new(Some("u"), |_| Ok(Changes::default()));
        let work = if asks { work.asking_for_billing() } else { work };
        store.submit(Box::new(work)).unwrap();
        answers.recv().unwrap().1.unwrap().billing
    };
    assert_eq!(shown(true), store.billing("u").unwrap());
    assert_eq!(shown(false), Default::default());
    assert!(matches!(found(store, "u", "k"), alwrity_metering::storage::Found::Call(_)));
}

pub(crate) fn period_marks_come_back(store: &dyn Store) {
    let mark = |starts_at: &str, usage_status| PeriodMark {
        span: Anchor::CALENDAR.month(at(starts_at)),
        usage_status,
        at: hour(1),
    };
    let marks: Vec<PeriodMark> = UsageStatus::ALL
        .iter()
        .zip(["2025-09-01T00:00:00Z", "2025-10-01T00:00:00Z", "2025-11-01T00:00:00Z"])
        .map(|(status, start)| mark(start, *status))
        .collect();
    let backwards = marks.iter().rev().copied().collect();
    write(store, Some("u"), Changes { periods: backwards, ..seen() }).unwrap();
    assert_eq!(store.period_marks("u").unwrap(), marks);
    assert_eq!(store.period_marks("v").unwrap(), []);
}
