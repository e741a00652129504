//! Invoices: showing, closing, voiding, and noting what was paid.

use alwrity_metering::{InvoiceChoice, InvoicePaid, PaymentStatus, UserInvoice};
use clap::{Args, Subcommand, ValueEnum};

use crate::answer::Answer;
use crate::context::Context;
use crate::failure::Failure;
use crate::fields::choice;
use crate::sheet::Column::{Number, Text};

/// How an invoice is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal
    Text,
    /// Every number exactly
    Json,
    /// One page
    Html,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Invoice {
    /// The user; one that is named like a subcommand stands after `--`
    #[arg(required = true)]
    user: Option<String>,
    /// `current`, the month that the billing period starts in, or the instant
    #[arg(long, value_name = "PERIOD", default_value = "current")]
    period: InvoiceChoice,
    /// How it is shown
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// List all invoices and drafts of the user
    #[arg(long, conflicts_with = "period")]
    list: bool,
    #[command(subcommand)]
    change: Option<Change>,
}

#[derive(Debug, Subcommand)]
enum Change {
    /// Freeze the draft of a billing period that has ended, with its hash
    Finalize {
        /// The user
        user: String,
        /// The month that the billing period starts in, or the instant
        #[arg(long, value_name = "PERIOD", required_unless_present = "ended")]
        period: Option<InvoiceChoice>,
        /// Every period that has ended and has lines
        #[arg(long, conflicts_with = "period")]
        ended: bool,
    },
    /// Declare a finalized invoice void: its period is a draft again
    Void {
        #[command(flatten)]
        of: Of,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Note what became of the payment of a finalized invoice
    Pay {
        #[command(flatten)]
        of: Of,
        /// Whether it was paid
        #[arg(long, value_name = "STATUS", default_value = "paid",
              value_parser = choice::<PaymentStatus>())]
        status: PaymentStatus,
        /// The host's reference
        #[arg(long, value_name = "REFERENCE")]
        reference: Option<String>,
        /// The invoice at Stripe
        #[arg(long, value_name = "ID")]
        stripe_invoice_id: Option<String>,
    },
}

/// Which invoice.
#[derive(Debug, Args)]
struct Of {
    /// The user
    user: String,
    /// The month that the billing period starts in, or the instant
    #[arg(long, value_name = "PERIOD")]
    period: InvoiceChoice,
}

pub(crate) fn run(args: Invoice, context: &Context<'_>) -> Result<Answer, Failure> {
    let meter = context.open()?;
    match args.change {
        None => {
            let user = args.user.unwrap_or_default();
            if args.list {
                return list(&meter.billing_history(&user)?, context);
            }
            show(&meter.invoice(&user, &args.period)?, args.format, context)
        }
        Some(Change::Finalize { user, period: Some(period), .. }) => {
            show(&meter.finalize_invoice(&user, &period)?, Format::Text, context)
        }
        Some(Change::Finalize { user, .. }) => list(&meter.finalize_ended(&user)?, context),
        Some(Change::Void { of, reason }) => {
            show(&meter.void_invoice(&of.user, &of.period, &reason)?, Format::Text, context)
        }
        Some(Change::Pay { of, status, reference, stripe_invoice_id }) => {
            let paid = InvoicePaid { status, reference, stripe_invoice_id };
            show(&meter.set_invoice_payment(&of.user, &of.period, &paid)?, Format::Text, context)
        }
    }
}

fn show(own: &UserInvoice, format: Format, context: &Context<'_>) -> Result<Answer, Failure> {
    let text = match format {
        Format::Html => own.to_html()?,
        Format::Json => {
            serde_json::to_string_pretty(own).map_err(|error| Failure::other(error.to_string()))?
        }
        Format::Text => crate::sheet::printable_lines(&own.to_text()?),
    };
    Answer::new(context, own, || text.trim_end().to_owned())
}

fn list(invoices: &[UserInvoice], context: &Context<'_>) -> Result<Answer, Failure> {
    Answer::new(context, &invoices, || {
        let mut sheet = context.sheet(&[
            Text("period"),
            Text("starts_at"),
            Text("plan"),
            Text("state"),
            Number("base"),
            Number("usage"),
            Number("overage"),
            Number("total"),
            Number("due"),
            Text("payment"),
        ]);
        for own in invoices {
            let invoice = &own.invoice;
            sheet.row([
                own.billing_period.clone(),
                invoice.period.starts_at.to_string(),
                invoice.plan_id.clone(),
                invoice.state.to_string(),
                format!("${}", own.base_cost_usd),
                format!("${}", own.usage_cost_usd),
                format!("${}", own.overage_cost_usd),
                format!("${}", invoice.total_usd),
                format!("${}", own.due_usd),
                invoice.payment.status.to_string(),
            ]);
        }
        sheet.render()
    })
}
