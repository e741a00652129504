//! The store itself: making it, checking it, rebuilding it.

use alwrity_metering::{Check, Seeded, Verification, plan_sets};
use clap::Args;
use clap::builder::PossibleValuesParser;
use serde::Serialize;

use crate::answer::{Answer, Exit};
use crate::context::Context;
use crate::failure::Failure;
use crate::sheet::Column::{Prose, Text};

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Which set of plans a new store is given
    #[arg(long, value_name = "SET", default_value = "default",
          value_parser = PossibleValuesParser::new(plan_sets()))]
    plans: String,
}

pub(crate) fn init(args: &Init, context: &Context<'_>) -> Result<Answer, Failure> {
    let seeded = context.create()?.seed(&args.plans)?;
    let file = context.db()?.display();
    Answer::new(context, &seeded, || {
        if seeded == Seeded::default() {
            return format!("nothing to add: `{file}` has everything");
        }
        let Seeded { plans, prices, aliases, providers, units } = seeded;
        format!(
            "added {plans} plans, {prices} prices, {aliases} aliases, {providers} providers and \
             {units} units to `{file}`"
        )
    })
}

pub(crate) fn verify(context: &Context<'_>) -> Result<Answer, Failure> {
    let verification = Verification::from(context.open()?.verify()?);
    let answer = Answer::new(context, &verification, || {
        let mut sheet = context.sheet(&[Text("check"), Text("result"), Prose("found")]);
        for check in &verification.checks {
            let result = if check.is_ok { "ok" } else { "differs" };
            sheet.row([check.name.to_owned(), result.to_owned(), check.found.clone()]);
        }
        sheet.render()
    })?;
    Ok(match verification.first_difference {
        None => answer,
        Some(Check { name, found, .. }) => answer.ends(Exit::Difference).warns(
            format!("the first difference is in `{name}`: {found}"),
            Some("`rebuild` restores counters from the ledger; see docs/troubleshooting.md"),
        ),
    })
}

#[derive(Serialize)]
struct Rebuilt {
    rows: i64,
}

pub(crate) fn rebuild(context: &Context<'_>) -> Result<Answer, Failure> {
    let rows = context.open()?.rebuild()?;
    Answer::new(context, &Rebuilt { rows }, || format!("wrote {rows} rows from the ledger"))
}
