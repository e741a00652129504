//! Invoices: their rows, and the sums that they are made of.

use rusqlite::{Connection, Row, params};

use super::names::{Kind, Names};
use super::read::Session;
use super::rows::{checked, instant};
use super::terms::instant_or_none;
use super::write::Writing;
use crate::domain::account::UsageStatus;
use crate::domain::invoice::{
    Invoice, InvoiceLine, InvoicePayment, InvoiceState, ModelKey, ModelUsage,
};
use crate::domain::money::Money;
use crate::domain::time::{Span, Timestamp};
use crate::storage::{Billing, Changes, PeriodMark, VoidedInvoice};

/// The columns of an invoice after its id, in the order that `invoice` reads them.
const INVOICE_COLUMNS: &str = "state, period_starts_at_us, period_ends_at_us, plan_id, \
    plan_name, billing_cycle, total_calls, total_tokens, total_pico_usd, paid_pico_usd, \
    payment_status, payment_at_us, payment_reference, stripe_invoice_id, hash, \
    finalized_at_us, voided_at_us, void_reason";

/// The columns of a line, in the order that `line` reads them.
const LINE_COLUMNS: &str = "kind, plan_id, provider_id, model_id, adjusts_us, calls, \
    unpriced_calls, tokens, cost_pico_usd, amount_pico_usd";

impl Session {
    /// What invoices of a user are made of.
    pub(super) fn billing(&mut self, user_id: i64) -> rusqlite::Result<Billing> {
        let invoices = invoices(&self.connection, &mut self.names, user_id)?;
        let sql = "SELECT starts_at_us, provider_id, model_id, calls, unpriced_calls, tokens, \
                   cost_pico_usd FROM period_models WHERE user_id = ?1 \
                   ORDER BY starts_at_us, provider_id, model_id";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([user_id])?;
        let mut usage = Vec::new();
        while let Some(row) = rows.next()? {
            let key = ModelKey {
                period_starts_at: instant(row, 0)?,
                provider: self.names.name(&self.connection, Kind::Provider, row.get(1)?)?,
                model: self.names.name(&self.connection, Kind::Model, row.get(2)?)?,
            };
            let cost = Money::from_pico_usd(row.get(6)?);
            let (calls, unpriced_calls, tokens) = (row.get(3)?, row.get(4)?, row.get(5)?);
            usage.push((key, ModelUsage { calls, unpriced_calls, tokens, cost }));
        }
        Ok(Billing { invoices, usage })
    }

    /// The usage periods of a user in which calls were recorded.
    pub(super) fn period_marks(&self, user_id: i64) -> rusqlite::Result<Vec<PeriodMark>> {
        let sql = "SELECT starts_at_us, ends_at_us, usage_status, updated_at_us \
                   FROM usage_periods WHERE user_id = ?1 ORDER BY starts_at_us";
        let read = |row: &Row<'_>| {
            let status: String = row.get(2)?;
            Ok(PeriodMark {
                span: Span { starts_at: instant(row, 0)?, ends_at: instant(row, 1)? },
                usage_status: checked(status.parse::<UsageStatus>())?,
                at: instant(row, 3)?,
            })
        };
        self.connection.prepare_cached(sql)?.query_map([user_id], read)?.collect()
    }
}

/// The invoices of a user, in the order of their ids.
pub(super) fn invoices(
    connection: &Connection,
    names: &mut Names,
    user_id: i64,
) -> rusqlite::Result<Vec<Invoice>> {
    let sql = format!("SELECT id, {INVOICE_COLUMNS} FROM invoices WHERE user_id = ?1 ORDER BY id");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([user_id])?;
    let mut invoices = Vec::new();
    while let Some(row) = rows.next()? {
        let mut invoice = invoice(row)?;
        invoice.lines = lines(connection, names, invoice.id)?;
        invoices.push(invoice);
    }
    Ok(invoices)
}

fn invoice(row: &Row<'_>) -> rusqlite::Result<Invoice> {
    let text = |column: usize| row.get::<_, String>(column);
    Ok(Invoice {
        id: row.get(0)?,
        state: checked(text(1)?.parse())?,
        period: Span { starts_at: instant(row, 2)?, ends_at: instant(row, 3)? },
        plan_id: text(4)?,
        plan_name: text(5)?,
        billing_cycle: checked(text(6)?.parse())?,
        lines: Vec::new(),
        total_calls: row.get(7)?,
        total_tokens: row.get(8)?,
        total_usd: Money::from_pico_usd(row.get(9)?),
        paid_usd: Money::from_pico_usd(row.get(10)?),
        payment: InvoicePayment {
            status: checked(text(11)?.parse())?,
            paid_at: instant_or_none(row, 12)?,
            reference: row.get(13)?,
            stripe_invoice_id: row.get(14)?,
        },
        hash: row.get(15)?,
        finalized_at: instant_or_none(row, 16)?,
        voided_at: instant_or_none(row, 17)?,
        void_reason: row.get(18)?,
    })
}

fn lines(
    connection: &Connection,
    names: &mut Names,
    invoice_id: i64,
) -> rusqlite::Result<Vec<InvoiceLine>> {
    let sql =
        format!("SELECT {LINE_COLUMNS} FROM invoice_lines WHERE invoice_id = ?1 ORDER BY position");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([invoice_id])?;
    let mut lines = Vec::new();
    while let Some(row) = rows.next()? {
        let kind: String = row.get(0)?;
        let (provider, model): (Option<i64>, Option<i64>) = (row.get(2)?, row.get(3)?);
        let mut name =
            |kind: Kind, id: Option<i64>| id.map(|id| names.name(connection, kind, id)).transpose();
        lines.push(InvoiceLine {
            kind: checked(kind.parse())?,
            plan_id: row.get(1)?,
            provider: name(Kind::Provider, provider)?,
            model: name(Kind::Model, model)?,
            adjusts: instant_or_none(row, 4)?,
            calls: row.get(5)?,
            unpriced_calls: row.get(6)?,
            tokens: row.get(7)?,
            cost_usd: Money::from_pico_usd(row.get(8)?),
            amount_usd: Money::from_pico_usd(row.get(9)?),
        });
    }
    Ok(lines)
}

impl Writing<'_> {
    /// Writes what changes about a user's invoices; first what becomes void, so that a new one
    /// can take its place.
    pub(super) fn change_invoices(&mut self, changes: &Changes) -> rusqlite::Result<()> {
        for VoidedInvoice { id, at, reason } in &changes.voided_invoices {
            let sql = "UPDATE invoices SET state = ?3, voided_at_us = ?4, void_reason = ?5, \
                       updated_at_us = ?4 WHERE id = ?1 AND user_id = ?2";
            let state = InvoiceState::Void.name();
            let values = params![id, self.user_id, state, at.micros(), reason];
            self.connection.prepare_cached(sql)?.execute(values)?;
        }
        for invoice in &changes.invoices {
            self.add_invoice(invoice)?;
        }
        for (id, payment) in &changes.invoice_payments {
            let InvoicePayment { status, paid_at, reference, stripe_invoice_id } = payment;
            let sql = "UPDATE invoices SET payment_status = ?3, payment_at_us = ?4, \
                       payment_reference = ?5, stripe_invoice_id = ?6, \
                       updated_at_us = ifnull(?4, updated_at_us) \
                       WHERE id = ?1 AND user_id = ?2";
            self.connection.prepare_cached(sql)?.execute(params![
                id,
                self.user_id,
                status.name(),
                paid_at.map(Timestamp::micros),
                reference,
                stripe_invoice_id,
            ])?;
        }
        Ok(())
    }

    fn add_invoice(&mut self, invoice: &Invoice) -> rusqlite::Result<()> {
        let payment = &invoice.payment;
        let sql = format!(
            "INSERT INTO invoices (user_id, updated_at_us, {INVOICE_COLUMNS}) VALUES (?1, \
             ifnull(?17, 0), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, \
             ?17, ?18, ?19)"
        );
        let id = self.connection.prepare_cached(&sql)?.insert(params![
            self.user_id,
            invoice.state.name(),
            invoice.period.starts_at.micros(),
            invoice.period.ends_at.micros(),
            invoice.plan_id,
            invoice.plan_name,
            invoice.billing_cycle.name(),
            invoice.total_calls,
            invoice.total_tokens,
            invoice.total_usd.pico_usd(),
            invoice.paid_usd.pico_usd(),
            payment.status.name(),
            payment.paid_at.map(Timestamp::micros),
            payment.reference,
            payment.stripe_invoice_id,
            invoice.hash,
            invoice.finalized_at.map(Timestamp::micros),
            invoice.voided_at.map(Timestamp::micros),
            invoice.void_reason,
        ])?;
        for (position, line) in (0_i64..).zip(&invoice.lines) {
            self.add_line(id, position, line)?;
        }
        Ok(())
    }

    fn add_line(
        &mut self,
        invoice_id: i64,
        position: i64,
        line: &InvoiceLine,
    ) -> rusqlite::Result<()> {
        let (connection, names) = (self.connection, &mut *self.names);
        let mut id = |kind: Kind, name: &Option<String>| {
            name.as_ref().map(|name| names.id(connection, kind, name)).transpose()
        };
        let (provider_id, model_id) =
            (id(Kind::Provider, &line.provider)?, id(Kind::Model, &line.model)?);
        let sql = format!(
            "INSERT INTO invoice_lines (invoice_id, position, {LINE_COLUMNS}) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
        );
        connection.prepare_cached(&sql)?.execute(params![
            invoice_id,
            position,
            line.kind.name(),
            line.plan_id,
            provider_id,
            model_id,
            line.adjusts.map(Timestamp::micros),
            line.calls,
            line.unpriced_calls,
            line.tokens,
            line.cost_usd.pico_usd(),
            line.amount_usd.pico_usd(),
        ])?;
        Ok(())
    }
}
