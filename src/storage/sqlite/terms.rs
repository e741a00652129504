//! Terms: the rows of a subscription.

use rusqlite::{Connection, Row, params};

use super::rows::{checked, instant};
use super::write::Writing;
use crate::domain::money::Money;
use crate::domain::period::Anchor;
use crate::domain::subscription::{ExternalIds, Term, TermPayment};
use crate::domain::time::Timestamp;

/// The columns of a term after its id, in the order that `term` reads them.
const TERM_COLUMNS: &str = "plan_id, billing_cycle, anchor_us, cycle_offset_months, \
    starts_at_us, status, change, auto_renew, grants_until_us, payment_status, \
    payment_amount_pico_usd, payment_reference, payment_at_us, stripe_customer_id, \
    stripe_subscription_id, payment_method, usage_before, created_at_us";

/// The terms of a user that were not withdrawn.
pub(super) fn terms(connection: &Connection, user_id: i64) -> rusqlite::Result<Vec<Term>> {
    let sql = format!(
        "SELECT id, {TERM_COLUMNS} FROM subscription_terms \
         WHERE user_id = ?1 AND withdrawn_at_us IS NULL"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    statement.query_map([user_id], term)?.collect()
}

/// The instant of a column that may be NULL.
pub(super) fn instant_or_none(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    let micros: Option<i64> = row.get(column)?;
    micros.map(|micros| checked(Timestamp::from_micros(micros))).transpose()
}

fn term(row: &Row<'_>) -> rusqlite::Result<Term> {
    let text = |column: usize| row.get::<_, String>(column);
    let usage_before: Option<String> = row.get(17)?;
    let usage_before = usage_before.map(|text| serde_json::from_str(&text)).transpose();
    Ok(Term {
        id: row.get(0)?,
        plan_id: row.get(1)?,
        billing_cycle: checked(text(2)?.parse())?,
        anchor: Anchor(instant(row, 3)?),
        cycle_offset_months: row.get(4)?,
        starts_at: instant(row, 5)?,
        status: checked(text(6)?.parse())?,
        change: checked(text(7)?.parse())?,
        auto_renew: row.get(8)?,
        grants_until: instant_or_none(row, 9)?,
        payment: TermPayment {
            status: checked(text(10)?.parse())?,
            amount_usd: Money::from_pico_usd(row.get(11)?),
            reference: row.get(12)?,
            paid_at: instant_or_none(row, 13)?,
        },
        external: ExternalIds {
            stripe_customer_id: row.get(14)?,
            stripe_subscription_id: row.get(15)?,
            payment_method: row.get(16)?,
        },
        usage_before: usage_before.map_err(|error| {
            let kind = rusqlite::types::Type::Text;
            rusqlite::Error::FromSqlConversionFailure(17, kind, Box::new(error))
        })?,
        created_at: instant(row, 18)?,
    })
}

impl Writing<'_> {
    /// Adds a term to the subscription.
    pub(super) fn add_term(&self, term: &Term) -> rusqlite::Result<()> {
        // Every field is named, so that a new one does not compile before it has its column.
        let Term {
            id: _,
            plan_id,
            billing_cycle,
            anchor,
            cycle_offset_months,
            starts_at,
            status,
            change,
            auto_renew,
            grants_until,
            payment: TermPayment { status: payment_status, amount_usd, reference, paid_at },
            external: ExternalIds { stripe_customer_id, stripe_subscription_id, payment_method },
            usage_before,
            created_at,
        } = term;
        let usage_before = usage_before.as_ref().map(serde_json::to_string).transpose();
        let usage_before = usage_before
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        let sql = format!(
            "INSERT INTO subscription_terms (user_id, {TERM_COLUMNS}) VALUES (?1, ?2, ?3, ?4, \
             ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)"
        );
        self.connection.prepare_cached(&sql)?.execute(params![
            self.user_id,
            plan_id,
            billing_cycle.name(),
            anchor.0.micros(),
            cycle_offset_months,
            starts_at.micros(),
            status.name(),
            change.name(),
            auto_renew,
            grants_until.map(Timestamp::micros),
            payment_status.name(),
            amount_usd.pico_usd(),
            reference,
            paid_at.map(Timestamp::micros),
            stripe_customer_id,
            stripe_subscription_id,
            payment_method,
            usage_before,
            created_at.micros(),
        ])?;
        self.revise()
    }

    /// Takes back a term that has not begun.
    pub(super) fn withdraw_term(&self, id: i64, at: Timestamp) -> rusqlite::Result<()> {
        let sql = "UPDATE subscription_terms SET withdrawn_at_us = ?3 \
                   WHERE id = ?1 AND user_id = ?2";
        self.connection.prepare_cached(sql)?.execute([id, self.user_id, at.micros()])?;
        self.revise()
    }
}
