//! Unpriced calls, and giving them their cost.

use alwrity_metering::ReRating;
use clap::Args;

use crate::answer::Answer;
use crate::context::Context;
use crate::failure::Failure;
use crate::sheet::Column::{Number, Text};

#[derive(Debug, Args)]
pub(crate) struct ReRate {
    /// Change the calls; without it, it is only tried
    #[arg(long)]
    apply: bool,
}

pub(crate) fn unpriced(context: &Context<'_>) -> Result<Answer, Failure> {
    let groups = context.open()?.unpriced()?;
    Answer::new(context, &groups, || {
        if groups.is_empty() {
            return "every call is priced".to_owned();
        }
        let mut sheet = context.sheet(&[
            Text("provider"),
            Text("model"),
            Text("operation"),
            Number("calls"),
            Number("tokens"),
            Number("users"),
        ]);
        for group in &groups {
            sheet.row([
                group.provider.clone(),
                group.model.clone(),
                group.operation.clone(),
                group.calls.to_string(),
                group.tokens.to_string(),
                group.users.to_string(),
            ]);
        }
        sheet.render()
    })
}

pub(crate) fn run(args: &ReRate, context: &Context<'_>) -> Result<Answer, Failure> {
    let meter = context.open()?;
    let rating = if args.apply { meter.re_rate()? } else { meter.re_rate_dry_run()? };
    let answer = Answer::new(context, &rating, || show(&rating, context))?;
    if args.apply || rating.priced_calls == 0 {
        return Ok(answer);
    }
    Ok(answer.warns("nothing was changed", Some("`re-rate --apply` changes the calls")))
}

fn show(rating: &ReRating, context: &Context<'_>) -> String {
    if rating.lines.is_empty() {
        return "every call is priced".to_owned();
    }
    let mut sheet = context.sheet(&[
        Text("provider"),
        Text("model"),
        Number("priced_calls"),
        Number("unpriced_calls"),
        Number("cost"),
    ]);
    for line in &rating.lines {
        sheet.row([
            line.provider.clone(),
            line.model.clone(),
            line.priced_calls.to_string(),
            line.unpriced_calls.to_string(),
            format!("${}", line.cost_usd),
        ]);
    }
    sheet.row([
        "all".to_owned(),
        String::new(),
        rating.priced_calls.to_string(),
        rating.unpriced_calls.to_string(),
        format!("${}", rating.cost_usd),
    ]);
    sheet.render()
}
