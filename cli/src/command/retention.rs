//! Retention and privacy: pruning old calls, and giving or taking away all that is kept of a
//! user.

use alwrity_metering::Timestamp;
use clap::Args;
use serde::Serialize;

use crate::answer::Answer;
use crate::context::Context;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct Prune {
    /// Only calls that were made before that instant
    #[arg(long, value_name = "TIME")]
    older_than: Timestamp,
    /// Really remove them; without it they are only counted
    #[arg(long)]
    apply: bool,
}

#[derive(Serialize)]
struct Pruning {
    is_applied: bool,
    #[serde(flatten)]
    pruned: alwrity_metering::Pruned,
}

pub(crate) fn prune(args: &Prune, context: &Context<'_>) -> Result<Answer, Failure> {
    let meter = context.open()?;
    let pruned = if args.apply {
        meter.prune(args.older_than)?
    } else {
        meter.prune_dry_run(args.older_than)?
    };
    let pruning = Pruning { is_applied: args.apply, pruned };
    Answer::new(context, &pruning, || {
        let verb = if args.apply { "removed" } else { "would remove" };
        let (calls, kept) = (pruned.calls, pruned.unpriced_calls);
        let stay = if kept == 0 {
            String::new()
        } else {
            format!("; {kept} unpriced ones stay until they are re-rated")
        };
        format!("{verb} {calls} calls, their sums and keys stay{stay}")
    })
}

#[derive(Debug, Args)]
pub(crate) struct ExportUser {
    /// The user
    user: String,
}

/// Always JSON: it is for whoever asks what is kept of them.
pub(crate) fn export_user(args: &ExportUser, context: &Context<'_>) -> Result<Answer, Failure> {
    let export = context.open()?.export_user(&args.user)?;
    let text =
        serde_json::to_string_pretty(&export).map_err(|error| Failure::other(error.to_string()))?;
    Answer::new(context, &export, || text)
}

#[derive(Debug, Args)]
pub(crate) struct EraseUser {
    /// The user
    user: String,
    /// Really do it: there is no way back
    #[arg(long)]
    yes: bool,
}

pub(crate) fn erase_user(args: &EraseUser, context: &Context<'_>) -> Result<Answer, Failure> {
    if !args.yes {
        return Err(Failure::usage(
            "erasing a user cannot be undone",
            "look with `export-user` first, then give `--yes`",
        ));
    }
    let gone = context.open()?.erase_user(&args.user)?;
    Answer::new(context, &gone, || {
        let erased = gone.erased;
        format!(
            "erased who it was from {} calls and {} invoices, and {} holds; the numbers are \
             under `{}` now",
            erased.calls, erased.invoices, erased.holds, gone.pseudonym
        )
    })
}
