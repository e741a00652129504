//! Invoices for people: as text and as one page of HTML.

use std::fmt::Write as _;

use super::{Invoice, InvoiceState};
use crate::domain::subscription::PaymentStatus;
use crate::error::Result;

/// The least width of the titles in a text.
const TITLE_COLUMNS_MIN: usize = 58;

/// The facts above the lines: a name and a value.
fn facts(invoice: &Invoice, user: &str) -> Vec<(&'static str, String)> {
    let (starts_at, ends_at) = (invoice.period.starts_at, invoice.period.ends_at);
    let mut facts = vec![
        ("user", user.to_owned()),
        ("period", format!("{starts_at} to {ends_at}")),
        ("plan", format!("{}, {}", invoice.plan_name, invoice.billing_cycle)),
        ("state", invoice.state.to_string()),
    ];
    if let Some(at) = invoice.finalized_at {
        facts.push(("finalized", at.to_string()));
    }
    if let Some(reason) = &invoice.void_reason {
        facts.push(("void because", reason.clone()));
    }
    facts
}

/// The sums below the lines: a name and an amount.
fn sums(invoice: &Invoice) -> Result<Vec<(&'static str, String)>> {
    let mut sums = vec![("total, USD", invoice.total_usd.to_invoice_text())];
    if invoice.paid_usd != crate::domain::money::Money::ZERO {
        sums.push(("paid ahead", invoice.paid_usd.to_invoice_text()));
    }
    let is_paid = invoice.payment.status == PaymentStatus::Paid;
    if invoice.state != InvoiceState::Void && !is_paid {
        sums.push(("due", invoice.due_usd()?.to_invoice_text()));
    }
    Ok(sums)
}

/// The invoice as text: 72 columns wide, or as wide as its longest title needs.
pub fn text(invoice: &Invoice, user: &str) -> Result<String> {
    let titles: Vec<_> = invoice.lines.iter().map(|l| l.title(invoice.billing_cycle)).collect();
    let longest = titles.iter().map(|title| title.chars().count()).max().unwrap_or(0);
    let columns = longest.max(TITLE_COLUMNS_MIN);
    let mut text = format!("Invoice {}\n\n", invoice.period.label());
    let mut line = |line: String| {
        text.push_str(line.trim_end());
        text.push('\n');
    };
    for (name, value) in facts(invoice, user) {
        line(format!("{name:<14}{value}"));
    }
    line(String::new());
    for (own, title) in invoice.lines.iter().zip(titles) {
        let amount = own.amount_usd.to_invoice_text();
        line(format!("{title:<columns$} {amount:>13}"));
    }
    line("-".repeat(columns + 14));
    for (name, amount) in sums(invoice)? {
        line(format!("{name:<columns$} {amount:>13}"));
    }
    line(format!("{:<columns$} {:>13}", "payment", invoice.payment.status));
    if let Some(hash) = &invoice.hash {
        line(String::new());
        line(format!("SHA-256 {hash}"));
    }
    Ok(text)
}

const PAGE_HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
const PAGE_STYLE: &str = "<style>body{font-family:system-ui,sans-serif;max-width:48rem;\
margin:2rem auto;padding:0 1rem}table{border-collapse:collapse;width:100%}\
th,td{text-align:left;padding:.3rem .5rem;border-bottom:1px solid #ddd}\
td:last-child{text-align:right;font-variant-numeric:tabular-nums}\
tfoot td{font-weight:600}small{color:#666;word-break:break-all}</style>\n</head>\n<body>\n";

/// The invoice as one page of HTML without scripts; every text of the host is escaped.
pub fn html(invoice: &Invoice, user: &str) -> Result<String> {
    let title = format!("Invoice {}", invoice.period.label());
    let mut page = format!("{PAGE_HEAD}<title>{}</title>\n{PAGE_STYLE}", escaped(&title));
    let mut put = |part: std::fmt::Arguments<'_>| {
        // Writing to a text cannot fail.
        let _ = page.write_fmt(part);
    };
    put(format_args!("<h1>{}</h1>\n<table>\n", escaped(&title)));
    for (name, value) in facts(invoice, user) {
        put(format_args!("<tr><th>{name}</th><td>{}</td></tr>\n", escaped(&value)));
    }
    put(format_args!("</table>\n<table>\n<tbody>\n"));
    for own in &invoice.lines {
        let title = escaped(&own.title(invoice.billing_cycle));
        let amount = own.amount_usd.to_invoice_text();
        put(format_args!("<tr><td>{title}</td><td>{amount}</td></tr>\n"));
    }
    put(format_args!("</tbody>\n<tfoot>\n"));
    for (name, amount) in sums(invoice)? {
        put(format_args!("<tr><td>{name}</td><td>{amount}</td></tr>\n"));
    }
    let status = invoice.payment.status;
    put(format_args!("<tr><td>payment</td><td>{status}</td></tr>\n</tfoot>\n</table>\n"));
    if let Some(hash) = &invoice.hash {
        put(format_args!("<p><small>SHA-256 {hash}</small></p>\n"));
    }
    put(format_args!("</body>\n</html>\n"));
    Ok(page)
}

/// A text as HTML shows it, also inside a quoted attribute.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
