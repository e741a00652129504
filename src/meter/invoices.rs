//! Invoices through the meter: drafts, closing a period, payments, and showing them.

use std::str::FromStr;

use serde::Serialize;

use super::{About, Meter, no_windows};
use crate::domain::account::Account;
use crate::domain::catalogue::Catalogue;
use crate::domain::invoice::{self, Invoice, InvoicePayment, Ledger, draft, finalized};
use crate::domain::name;
use crate::domain::subscription::{BillingPeriod, PaymentStatus};
use crate::domain::time::Timestamp;
use crate::error::{Error, Result, shown};
use crate::storage::{Billing, Changes, View, VoidedInvoice};

/// Which billing period is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum InvoiceChoice {
    /// The one that runs now.
    #[default]
    Current,
    /// The one that starts in that month, `YYYY-MM`.
    Month(String),
    /// The one that starts at that instant: for months in which more than one starts.
    Start(Timestamp),
}

impl FromStr for InvoiceChoice {
    type Err = Error;

    /// Reads `current`, `YYYY-MM`, or an instant.
    fn from_str(text: &str) -> Result<Self> {
        if text == "current" {
            return Ok(Self::Current);
        }
        if Timestamp::from_month_label(text).is_ok() {
            return Ok(Self::Month(text.to_owned()));
        }
        text.parse().map(Self::Start).map_err(|_| Error::InvalidArgument {
            name: "period",
            value: shown(text),
            expected: "`current`, a month as `YYYY-MM`, or the instant that it starts".into(),
        })
    }
}

/// An invoice and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UserInvoice {
    /// The user.
    pub user: String,
    /// The label of the period, `YYYY-MM`.
    pub billing_period: String,
    /// The invoice.
    #[serde(flatten)]
    pub invoice: Invoice,
    /// Fees with their prorations and waivers, in dollars.
    pub base_cost_usd: crate::domain::money::Money,
    /// All usage, included in the fee or not, in dollars.
    pub usage_cost_usd: crate::domain::money::Money,
    /// Usage that the fee does not include, in dollars.
    pub overage_cost_usd: crate::domain::money::Money,
    /// What is left to pay, in dollars; negative when more was paid than is owed.
    pub due_usd: crate::domain::money::Money,
}

impl UserInvoice {
    fn new(user: &str, invoice: Invoice) -> Result<Self> {
        Ok(Self {
            user: user.to_owned(),
            billing_period: invoice.period.label(),
            base_cost_usd: invoice.base_cost()?,
            usage_cost_usd: invoice.usage_cost()?,
            overage_cost_usd: invoice.overage_cost()?,
            due_usd: invoice.due_usd()?,
            invoice,
        })
    }

    /// The invoice as text for a terminal.
    pub fn to_text(&self) -> Result<String> {
        invoice::show::text(&self.invoice, &self.user)
    }

    /// The invoice as one page of HTML.
    pub fn to_html(&self) -> Result<String> {
        invoice::show::html(&self.invoice, &self.user)
    }
}

/// What a host tells of the payment of an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoicePaid {
    /// Whether it was paid.
    pub status: PaymentStatus,
    /// The host's reference.
    pub reference: Option<String>,
    /// The invoice at Stripe.
    pub stripe_invoice_id: Option<String>,
}

/// Everything that invoices of a user are made of.
struct Desk<'a> {
    user: &'a str,
    account: &'a Account,
    catalogue: &'a Catalogue,
    billing: &'a Billing,
    periods: Vec<BillingPeriod>,
}

impl Meter {
    /// A user's invoice of a billing period: the finalized one, or the draft as it stands now.
    ///
    /// # Errors
    /// `unknown_invoice` when the user has no such period.
    ///
    /// # Example
    /// ```
    /// use alwrity_metering::{Meter, Options, Subscribe};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let meter = Meter::open(folder.path().join("metering.db"), Options::default())?;
    /// meter.seed("default")?;
    /// meter.subscribe("u1", &Subscribe::monthly("basic").paid("ch_1"))?;
    /// let draft = meter.invoice("u1", &"current".parse()?)?;
    /// assert_eq!(draft.invoice.total_usd, draft.invoice.paid_usd);
    /// # Ok::<(), alwrity_metering::Error>(())
    /// ```
    pub fn invoice(&self, user: &str, choice: &InvoiceChoice) -> Result<UserInvoice> {
        self.at_desk(user, |desk, now| {
            let period = desk.period(choice, now)?;
            UserInvoice::new(user, desk.invoice(&period)?)
        })
    }

    /// All invoices of a user, newest first: finalized and void ones, and the draft of every
    /// other period that has a fee or usage, the running one included. It writes nothing.
    pub fn billing_history(&self, user: &str) -> Result<Vec<UserInvoice>> {
        self.at_desk(user, |desk, now| {
            let mut invoices = desk.billing.invoices.clone();
            for period in &desk.periods {
                if desk.finalized(period).is_some() {
                    continue;
                }
                let draft = desk.invoice(period)?;
                if !draft.lines.is_empty() || period.span.contains(now) {
                    invoices.push(draft);
                }
            }
            invoices.sort_by_key(|own| (std::cmp::Reverse(own.period.starts_at), own.id));
            invoices.into_iter().map(|invoice| UserInvoice::new(user, invoice)).collect()
        })
    }

    /// Closes a billing period that has ended: its draft is frozen with its hash. Closing it
    /// again, from any thread or process, returns the same invoice.
    ///
    /// # Errors
    /// `unknown_invoice`, and `invoice_state` when the period still runs.
    pub fn finalize_invoice(&self, user: &str, choice: &InvoiceChoice) -> Result<UserInvoice> {
        let (owned, choice, now) = (name::user(user)?.to_owned(), choice.clone(), self.now());
        let invoice = self.change_invoices(user, move |view| {
            let Some(account) = view.head.account.as_deref() else {
                return Err(Error::UnknownUser { user: shown(&owned) });
            };
            let desk = Desk::new(&owned, account, &view.head.catalogue, &view.billing, now);
            let period = desk.period(&choice, now)?;
            if let Some(invoice) = desk.finalized(&period) {
                return Ok((Changes::default(), invoice.clone()));
            }
            let invoice = finalized(&desk.invoice(&period)?, account.id, now)?;
            Ok((Changes { invoices: vec![invoice.clone()], ..Changes::default() }, invoice))
        })?;
        // Read again for the id that it got, if it is new.
        self.invoice(user, &InvoiceChoice::Start(invoice.period.starts_at))
    }

    /// Closes every billing period of a user that has ended and has lines; the invoices that
    /// were closed now, oldest first.
    pub fn finalize_ended(&self, user: &str) -> Result<Vec<UserInvoice>> {
        let now = self.now();
        let open: Vec<Timestamp> = self.at_desk(user, |desk, _| {
            let mut open = Vec::new();
            for period in desk.periods.iter().filter(|period| period.span.ends_at <= now) {
                if desk.finalized(period).is_none() && !desk.invoice(period)?.lines.is_empty() {
                    open.push(period.span.starts_at);
                }
            }
            Ok(open)
        })?;
        open.into_iter()
            .map(|starts_at| self.finalize_invoice(user, &InvoiceChoice::Start(starts_at)))
            .collect()
    }

    /// Declares a finalized invoice void: its period is a draft again.
    ///
    /// # Errors
    /// `unknown_invoice`, and `invoice_state` for a draft.
    pub fn void_invoice(
        &self,
        user: &str,
        choice: &InvoiceChoice,
        reason: &str,
    ) -> Result<UserInvoice> {
        name::checked("reason", reason, 255)?;
        let reason = crate::domain::redact::redact(reason);
        let (owned, choice, now) = (name::user(user)?.to_owned(), choice.clone(), self.now());
        let void = self.change_invoices(user, move |view| {
            let invoice = stored(&owned, &choice, now, "void", view)?;
            let void = invoice.voided(now, &reason)?;
            let (id, reason) = (void.id, reason.clone());
            let voided_invoices = vec![VoidedInvoice { id, at: now, reason }];
            Ok((Changes { voided_invoices, ..Changes::default() }, void))
        })?;
        UserInvoice::new(user, void)
    }

    /// Notes what became of the payment of a finalized invoice. Its numbers and hash stay.
    ///
    /// # Errors
    /// `unknown_invoice`, and `invoice_state` for a draft.
    pub fn set_invoice_payment(
        &self,
        user: &str,
        choice: &InvoiceChoice,
        paid: &InvoicePaid,
    ) -> Result<UserInvoice> {
        for text in [&paid.reference, &paid.stripe_invoice_id].into_iter().flatten() {
            name::checked("payment reference", text, 255)?;
        }
        let (owned, choice, now) = (name::user(user)?.to_owned(), choice.clone(), self.now());
        let paid = paid.clone();
        let invoice = self.change_invoices(user, move |view| {
            let invoice = stored(&owned, &choice, now, "note the payment of", view)?;
            let payment = InvoicePayment {
                status: paid.status,
                paid_at: (paid.status == PaymentStatus::Paid).then_some(now),
                reference: paid.reference.clone().or_else(|| invoice.payment.reference.clone()),
                stripe_invoice_id: paid
                    .stripe_invoice_id
                    .clone()
                    .or_else(|| invoice.payment.stripe_invoice_id.clone()),
            };
            let invoice_payments = vec![(invoice.id, payment.clone())];
            let changes = Changes { invoice_payments, ..Changes::default() };
            Ok((changes, Invoice { payment, ..invoice }))
        })?;
        UserInvoice::new(user, invoice)
    }

    fn change_invoices(
        &self,
        user: &str,
        decide: impl FnMut(&View) -> Result<(Changes, Invoice)> + Send + 'static,
    ) -> Result<Invoice> {
        let about = About { needs_billing: true, ..About::user(user) };
        self.run("invoice", |completion| self.submit(about, no_windows, decide, completion))
    }

    /// Looks at what invoices are made of, in two reads: a draft is of an instant anyway.
    fn at_desk<T>(
        &self,
        user: &str,
        look: impl FnOnce(&Desk<'_>, Timestamp) -> Result<T>,
    ) -> Result<T> {
        let (user, now) = (name::user(user)?, self.now());
        let catalogue = self.catalogue()?;
        let billing = self.inner.store.billing(user)?;
        let account = self.account(user)?;
        look(&Desk::new(user, &account, &catalogue, &billing, now), now)
    }
}

/// The finalized invoice that is meant.
fn stored(
    user: &str,
    choice: &InvoiceChoice,
    now: Timestamp,
    change: &'static str,
    view: &View,
) -> Result<Invoice> {
    let Some(account) = view.head.account.as_deref() else {
        return Err(Error::UnknownUser { user: shown(user) });
    };
    let desk = Desk::new(user, account, &view.head.catalogue, &view.billing, now);
    let period = desk.period(choice, now)?;
    desk.finalized(&period).cloned().ok_or_else(|| Error::InvoiceState {
        change,
        period: period.span.label(),
        reason: "it is a draft, finalize it first".to_owned(),
    })
}

impl<'a> Desk<'a> {
    fn new(
        user: &'a str,
        account: &'a Account,
        catalogue: &'a Catalogue,
        billing: &'a Billing,
        now: Timestamp,
    ) -> Self {
        // What was used may be older than the first sight: an import, a late event.
        let first_use = billing.usage.iter().map(|(key, _)| key.period_starts_at).min();
        let first_term = account.timeline.in_force().next().map(|term| term.starts_at);
        let first = [first_use, first_term, Some(account.created_at)].into_iter().flatten().min();
        let periods = account.timeline.billing_periods(first.unwrap_or(now).min(now), now);
        Self { user, account, catalogue, billing, periods }
    }

    /// The billing period that is meant.
    fn period(&self, choice: &InvoiceChoice, now: Timestamp) -> Result<BillingPeriod> {
        let is_meant = |period: &&BillingPeriod| match choice {
            InvoiceChoice::Current => period.span.contains(now),
            InvoiceChoice::Month(label) => period.span.label() == *label,
            InvoiceChoice::Start(at) => period.span.starts_at == *at,
        };
        let mut meant = self.periods.iter().filter(is_meant);
        let unknown = |known: String| Error::UnknownInvoice {
            user: shown(self.user),
            period: match choice {
                InvoiceChoice::Current => "current".to_owned(),
                InvoiceChoice::Month(label) => label.clone(),
                InvoiceChoice::Start(at) => at.to_string(),
            },
            known,
        };
        match (meant.next(), meant.next()) {
            (Some(period), None) => Ok(*period),
            (Some(first), Some(second)) => {
                let (first, second) = (first.span.starts_at, second.span.starts_at);
                Err(unknown(format!("one starts at {first} and one at {second}, name the instant")))
            }
            (None, _) => {
                let labels: Vec<String> =
                    self.periods.iter().rev().take(12).map(|own| own.span.label()).collect();
                Err(unknown(format!("its newest periods start in {}", labels.join(", "))))
            }
        }
    }

    /// The invoice that counts for a period, if it is closed.
    fn finalized(&self, period: &BillingPeriod) -> Option<&Invoice> {
        let starts_at = period.span.starts_at;
        let mut own = self.billing.invoices.iter().filter(|own| own.is_finalized());
        own.find(|invoice| invoice.period.starts_at == starts_at)
    }

    /// The invoice of a period: the one that counts, or the draft.
    fn invoice(&self, period: &BillingPeriod) -> Result<Invoice> {
        if let Some(invoice) = self.finalized(period) {
            return Ok(invoice.clone());
        }
        let ledger = Ledger {
            timeline: &self.account.timeline,
            catalogue: self.catalogue,
            periods: &self.periods,
            usage: &self.billing.usage,
            invoices: &self.billing.invoices,
        };
        draft(&ledger, period)
    }
}
