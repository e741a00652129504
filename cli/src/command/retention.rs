//! Retention and privacy: pruning old calls, and giving or taking away all that is kept of a
//! user.

use std::str::FromStr;

use alwrity_metering::Timestamp;
use clap::Args;
use serde::Serialize;

use crate::answer::Answer;
use crate::context::Context;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct Prune {
    /// Only calls that were made so long ago: days such as `90d`, a UTC day, or an instant
    #[arg(long, value_name = "AGE")]
    older_than: Age,
    /// Really remove them; without it they are only counted
    #[arg(long)]
    apply: bool,
}

/// How old calls are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Age {
    /// So many days, up to now.
    Days(i64),
    /// From before an instant.
    Before(Timestamp),
}

const DAY_US: i64 = 86_400_000_000;

/// A hundred years: whoever keeps calls longer means something else.
const DAYS_MAX: i64 = 36_525;

impl FromStr for Age {
    type Err = String;

    /// Reads `90d`, `2025-10-01` (its start in UTC), or RFC 3339 with a zone.
    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "expected days such as `90d`, a UTC day such as `2025-10-01`, or RFC 3339 \
                        with a zone";
        if let Some(days) = text.strip_suffix('d') {
            let days = days.parse().ok().filter(|days| (0..=DAYS_MAX).contains(days));
            return days.map(Self::Days).ok_or_else(|| expected.to_owned());
        }
        let day = || format!("{text}T00:00:00Z").parse();
        let instant = text.parse().or_else(|_| day());
        instant.map(Self::Before).map_err(|_: alwrity_metering::Error| expected.to_owned())
    }
}

impl Age {
    /// The instant before which calls are that old.
    fn before(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Days(days) => now.plus_micros(-days * DAY_US),
            Self::Before(at) => at,
        }
    }
}

#[derive(Serialize)]
struct Pruning {
    is_applied: bool,
    older_than: Timestamp,
    #[serde(flatten)]
    pruned: alwrity_metering::Pruned,
}

pub(crate) fn prune(args: &Prune, context: &Context<'_>) -> Result<Answer, Failure> {
    let meter = context.open()?;
    let older_than = args.older_than.before(meter.now());
    let pruned =
        if args.apply { meter.prune(older_than)? } else { meter.prune_dry_run(older_than)? };
    let pruning = Pruning { is_applied: args.apply, older_than, pruned };
    Answer::new(context, &pruning, || {
        let verb = if args.apply { "removed" } else { "would remove" };
        let (calls, kept) = (counted(pruned.calls, "call"), pruned.unpriced_calls);
        let stay = if kept == 0 {
            String::new()
        } else {
            format!(", and {} without a price until re-rated", counted(kept, "call"))
        };
        format!("{verb} {calls} from before {older_than}; sums and keys stay{stay}")
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
            "erased who it was from {}, {} and {}; the numbers are under `{}` now",
            counted(erased.calls, "call"),
            counted(erased.invoices, "invoice"),
            counted(erased.holds, "hold"),
            gone.pseudonym
        )
    })
}

/// A number of things: `1 call`, `2 calls`.
fn counted(number: i64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_in_days_or_since_an_instant() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2025-10-07T12:00:00Z");
        let before = |text: &str| text.parse::<Age>().unwrap().before(now);
        assert_eq!(before("0d"), now);
        assert_eq!(before("30d"), at("2025-09-07T12:00:00Z"));
        assert_eq!(before("2025-09-30"), at("2025-09-30T00:00:00Z"));
        assert_eq!(before("2025-09-30T01:00:00+01:00"), at("2025-09-30T00:00:00Z"));
        for text in ["", "d", "-1d", "36526d", "1.5d", "30", "2025-13-01", "yesterday"] {
            assert!(text.parse::<Age>().is_err(), "{text}");
        }
    }
}
