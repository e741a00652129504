//! Freezing: the hash of an invoice, over numbers and names that erasing a user leaves alone.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::{Invoice, InvoiceLine, InvoiceState};
use crate::domain::time::Timestamp;
use crate::error::{Error, Result};

/// The form of the text that is hashed.
const FORM: &str = "alwrity-metering invoice 1";

/// The draft, frozen at an instant, with the hash of the user's row and its numbers.
///
/// # Errors
/// `invoice_state` when it is no draft, or its period has not ended.
pub fn finalized(draft: &Invoice, account_id: i64, at: Timestamp) -> Result<Invoice> {
    let refused = |reason: String| {
        Err(Error::InvoiceState { change: "finalize", period: draft.period.label(), reason })
    };
    if draft.state != InvoiceState::Draft {
        return refused(format!("it is {}", draft.state));
    }
    if at < draft.period.ends_at {
        return refused(format!("its period ends at {}", draft.period.ends_at));
    }
    Ok(Invoice {
        state: InvoiceState::Finalized,
        hash: Some(hash(draft, account_id)),
        finalized_at: Some(at),
        ..draft.clone()
    })
}

/// Whether an invoice's hash is that of its numbers, and its lines add to its total.
pub fn is_intact(invoice: &Invoice, account_id: i64) -> bool {
    let sum = super::Money::sum(invoice.lines.iter().map(|line| line.amount_usd));
    invoice.hash.as_ref().is_some_and(|own| *own == hash(invoice, account_id))
        && sum.is_ok_and(|sum| sum == invoice.total_usd)
}

/// SHA-256 as 64 hexadecimal digits. Each value is on a line of its own, so that no two invoices
/// have one text.
fn hash(invoice: &Invoice, account_id: i64) -> String {
    let Invoice { period, plan_id, billing_cycle, lines, .. } = invoice;
    let mut values = vec![
        FORM.to_owned(),
        account_id.to_string(),
        period.starts_at.micros().to_string(),
        period.ends_at.micros().to_string(),
        plan_id.clone(),
        billing_cycle.to_string(),
        invoice.total_calls.to_string(),
        invoice.total_tokens.to_string(),
        invoice.total_usd.pico_usd().to_string(),
        invoice.paid_usd.pico_usd().to_string(),
        lines.len().to_string(),
    ];
    for line in lines {
        let InvoiceLine {
            kind,
            plan_id,
            provider,
            model,
            adjusts,
            calls,
            unpriced_calls,
            tokens,
            cost_usd,
            amount_usd,
        } = line;
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        values.extend([
            kind.to_string(),
            text(plan_id),
            text(provider),
            text(model),
            adjusts.map_or_else(|| "-".to_owned(), |at| at.micros().to_string()),
            calls.to_string(),
            unpriced_calls.to_string(),
            tokens.to_string(),
            cost_usd.pico_usd().to_string(),
            amount_usd.pico_usd().to_string(),
        ]);
    }
    let digest = Sha256::digest(values.join("\n").as_bytes());
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
