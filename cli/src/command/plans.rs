//! Plans: what users may use, and for how much.

use std::path::PathBuf;

use alwrity_metering::domain::catalogue_file::read_plans;
use alwrity_metering::{Amount, Limit, Plan, Policy, Window};
use clap::{Args, Subcommand};

use crate::answer::Answer;
use crate::context::Context;
use crate::failure::Failure;
use crate::sheet::Column::{Number, Text};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Plans {
    #[command(subcommand)]
    change: Option<Change>,
}

#[derive(Debug, Subcommand)]
enum Change {
    /// Add the plans of a TOML file, or replace those with the same id
    Set {
        /// The file, in the form of those under catalogue/plans
        file: PathBuf,
    },
}

pub(crate) fn run(args: Plans, context: &Context<'_>) -> Result<Answer, Failure> {
    let meter = context.open()?;
    match args.change {
        None => show(&meter.plans()?, context),
        Some(Change::Set { file }) => {
            let text = std::fs::read_to_string(&file)
                .map_err(|error| Failure::file("read", &file, &error))?;
            let plans = read_plans(&file.display().to_string(), &text)?;
            meter.put_plans(&plans)?;
            show(&plans, context)
        }
    }
}

fn show(plans: &[Plan], context: &Context<'_>) -> Result<Answer, Failure> {
    Answer::new(context, &plans, || {
        if plans.is_empty() {
            return "no plans: seed them with `init`".to_owned();
        }
        format!("{}\n\n{}", fees(plans, context), limits(plans, context))
    })
}

fn fees(plans: &[Plan], context: &Context<'_>) -> String {
    let mut sheet = context.sheet(&[
        Text("plan"),
        Text("name"),
        Text("tier"),
        Number("monthly"),
        Number("yearly"),
        Text("offered"),
    ]);
    for plan in plans {
        sheet.row([
            plan.id.clone(),
            plan.name.clone(),
            plan.tier.to_string(),
            format!("${}", plan.price_monthly_usd),
            format!("${}", plan.price_yearly_usd),
            if plan.is_active { "yes".to_owned() } else { "no".to_owned() },
        ]);
    }
    sheet.render()
}

/// One row for each limit, one column for each plan.
fn limits(plans: &[Plan], context: &Context<'_>) -> String {
    let mut names: Vec<&str> = Vec::new();
    for limit in plans.iter().flat_map(|plan| &plan.limits) {
        if !names.contains(&limit.name.as_str()) {
            names.push(&limit.name);
        }
    }
    let mut sheet = context.sheet(&[]);
    let ids = plans.iter().map(|plan| plan.id.clone());
    sheet.row(std::iter::once("limit".to_owned()).chain(ids));
    for name in names {
        let maximum = |plan: &Plan| {
            plan.limit(name).map_or_else(
                || "-".to_owned(),
                |limit| format!("{}{}", maximum_text(limit), unlike_most(limit)),
            )
        };
        sheet.row(std::iter::once(name.to_owned()).chain(plans.iter().map(maximum)));
    }
    sheet.render()
}

fn maximum_text(limit: &Limit) -> String {
    limit.maximum.bound().map_or_else(
        || "unlimited".to_owned(),
        |bound| Amount::new(&limit.metric, bound.into()).to_string(),
    )
}

/// The window and the policy of a limit, where they are not period and hard.
fn unlike_most(limit: &Limit) -> String {
    let window = match limit.window {
        Window::Period => String::new(),
        window => format!(" a {window}"),
    };
    match limit.policy {
        Policy::Hard => window,
        policy => format!("{window} ({policy})"),
    }
}
