//! Importing from ALwrity's own metering: its per-user SQLite files become calls, subscriptions
//! and alerts of this store, and a report sets their numbers beside ours.
//!
//! Plans come first, then each user's subscription and alerts, then the logs, which are counted in
//! the periods that the subscription gives, and last what summaries have beyond the logs. Every
//! part is recorded once, whoever repeats it, so an import that was killed is simply run again.

mod account;
mod alert;
mod amount;
mod call;
mod earlier;
mod ledger;
mod lines;
mod plan;
mod provider;
mod reconcile;
mod report;
mod row;
mod source;
mod table;
mod term;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use alwrity_metering::domain::subscription::Timeline;
use alwrity_metering::{Meter, PeriodChoice, Plan, Synchronous, Tier};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use tempfile::TempDir;

use self::account::Accounts;
use self::earlier::Earlier;
use self::ledger::{Seen, Summaries};
use self::lines::{Key, Lines, Sum};
use self::plan::PlanBook;
use self::report::{Problem, Report, Tally};
use self::row::LogRow;
use self::source::Source;
use crate::answer::{Answer, Exit};
use crate::context::Context;
use crate::failure::Failure;

const PLANS: &str = source::TABLES[0];
const SUBSCRIPTIONS: &str = source::TABLES[1];
const RENEWALS: &str = source::TABLES[2];
const LOGS: &str = source::TABLES[3];
const SUMMARIES: &str = source::TABLES[4];
const ALERTS: &str = source::TABLES[5];

#[derive(Debug, Args)]
pub(crate) struct ImportAlwrity {
    /// ALwrity's database files, or folders that are searched for `*.db`, `*.sqlite`, `*.sqlite3`
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Change nothing: import into a copy that is thrown away, and report
    #[arg(long)]
    dry_run: bool,
    /// Let one of their plans be one of ours, whatever its limits; may be repeated
    #[arg(long = "plan-map", value_name = "THEIRS=OURS", value_parser = pair)]
    plan_map: Vec<(String, String)>,
    /// Import only this user; may be repeated
    #[arg(long = "user", value_name = "USER")]
    users: Vec<String>,
}

/// Reads `THEIRS=OURS`.
fn pair(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').filter(|(one, other)| !one.is_empty() && !other.is_empty());
    let (theirs, ours) = parts.ok_or("expected `THEIRS=OURS`, such as `Pro=pro`".to_owned())?;
    Ok((theirs.trim().to_owned(), ours.trim().to_owned()))
}

pub(crate) fn run(args: &ImportAlwrity, context: &Context<'_>) -> Result<Answer, Failure> {
    let store = context.db()?;
    let found = source::find(&args.paths, store)?;
    if found.files.is_empty() {
        let skipped = found.skipped.len();
        return Err(Failure::other_with_hint(
            format!("no file of ALwrity's was found; {skipped} were skipped"),
            "name its database files, or a folder that holds them",
        ));
    }
    let stage =
        if args.dry_run { Stage::rehearsal(store, context)? } else { Stage::real(context)? };
    let bar = progress_bar(&found.files, context)?;
    let mut import = Import::new(args, context, &stage.meter, &found.files, bar)?;
    let outcome = import.run();
    import.bar.finish_and_clear();
    let comparison = outcome?;
    let Import { mut tally, plans, problems, users, changed, .. } = import;
    tally.files = u64::try_from(found.files.len()).unwrap_or(u64::MAX);
    tally.users = u64::try_from(users.len()).unwrap_or(u64::MAX);
    let skipped = found.skipped;
    let report = Report::new(args.dry_run, tally, skipped, plans.lines, problems, comparison);
    let answer = Answer::new(context, &report, || report.text(context))?;
    let answer = warned(answer, &report, &changed, context);
    Ok(match report.trouble() {
        None => answer,
        Some(trouble) => answer.ends(Exit::Difference).warns(trouble, Some(TROUBLE_HINT)),
    })
}

/// What to do about an import that is not clean.
const TROUBLE_HINT: &str = "see docs/migrating-from-alwrity.md; `--json` lists all of them";

/// The answer with what should be done about it.
fn warned(answer: Answer, report: &Report, changed: &[String], context: &Context<'_>) -> Answer {
    let mut answer = answer;
    for path in changed {
        let message = format!("`{path}` was written to while it was read");
        answer = answer.warns(message, Some("stop the ALwrity backend, then import again"));
    }
    let default_plan = &context.options.default_plan;
    let free: Vec<&str> = report
        .plans
        .iter()
        .filter(|line| line.tier == Tier::Free)
        .map(|line| line.plan_id.as_str())
        .collect();
    if let Some(own) = free.first().filter(|_| !free.contains(&default_plan.as_str())) {
        let message = format!(
            "users without a subscription are on `{default_plan}`; ALwrity's Free plan is `{own}`"
        );
        let hint = format!("set `ALWRITY_METERING_DEFAULT_PLAN={own}` for every process");
        answer = answer.warns(message, Some(&hint));
    }
    answer
}

/// Where an import happens.
struct Stage {
    meter: Meter,
    /// The folder of a store that is thrown away.
    _folder: Option<TempDir>,
}

impl Stage {
    fn real(context: &Context<'_>) -> Result<Self, Failure> {
        Ok(Self { meter: context.open()?, _folder: None })
    }

    /// A copy of the store, or a new one where there is none: the store itself is not opened,
    /// which alone would write beside it. `a_dry_run_changes_nothing` guards that.
    fn rehearsal(store: &Path, context: &Context<'_>) -> Result<Self, Failure> {
        let failed = |error: &std::io::Error| Failure::file("copy", store, error);
        let folder = tempfile::tempdir().map_err(|error| failed(&error))?;
        let copy = folder.path().join("rehearsal.db");
        let is_there = fs::symlink_metadata(store).is_ok();
        for ending in ["", "-wal"] {
            let (mut from, mut to) = (store.as_os_str().to_owned(), copy.as_os_str().to_owned());
            from.push(ending);
            to.push(ending);
            if fs::metadata(&from).is_ok() {
                fs::copy(&from, &to).map_err(|error| failed(&error))?;
            }
        }
        let mut options = context.options.clone();
        options.synchronous = Synchronous::Normal;
        let meter = context.open_at(&copy, options)?;
        if !is_there {
            meter.seed("default")?;
        }
        Ok(Self { meter, _folder: Some(folder) })
    }
}

/// A bar on a terminal, nothing elsewhere.
fn progress_bar(files: &[PathBuf], context: &Context<'_>) -> Result<ProgressBar, Failure> {
    if !context.shows_progress {
        return Ok(ProgressBar::hidden());
    }
    let mut rows = 0;
    for path in files {
        rows += Source::open(path)?.count(LOGS)?;
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} rows, {eta} left");
    let bar =
        ProgressBar::new(rows).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(200));
    Ok(bar)
}

/// An import while it runs.
struct Import<'a> {
    args: &'a ImportAlwrity,
    context: &'a Context<'a>,
    meter: &'a Meter,
    files: &'a [PathBuf],
    bar: ProgressBar,
    plans: PlanBook,
    /// The plans of the store, those that were added included.
    all_plans: Vec<Plan>,
    timelines: HashMap<String, Timeline>,
    seen: Seen,
    /// What the store had of these users when the import began.
    earlier: Earlier,
    /// Rows that stand for many and are new, with the place of their file.
    aggregated: Vec<(usize, LogRow)>,
    lines: Lines,
    tally: Tally,
    users: BTreeSet<String>,
    problems: Vec<Problem>,
    /// Files that were written to meanwhile.
    changed: Vec<String>,
}

impl<'a> Import<'a> {
    fn new(
        args: &'a ImportAlwrity,
        context: &'a Context<'a>,
        meter: &'a Meter,
        files: &'a [PathBuf],
        bar: ProgressBar,
    ) -> Result<Self, Failure> {
        let all_plans = meter.plans()?;
        Ok(Self {
            args,
            context,
            meter,
            files,
            bar,
            plans: PlanBook::new(&all_plans, &args.plan_map)?,
            all_plans,
            timelines: HashMap::new(),
            seen: Seen::default(),
            earlier: Earlier::default(),
            aggregated: Vec::new(),
            lines: Lines::default(),
            tally: Tally::default(),
            users: BTreeSet::new(),
            problems: Vec::new(),
            changed: Vec::new(),
        })
    }

    /// Does all of it; their numbers beside ours.
    fn run(&mut self) -> Result<reconcile::Comparison, Failure> {
        let mut files_of: HashMap<String, u64> = HashMap::new();
        for (place, path) in self.files.iter().enumerate() {
            let source = Source::open(path)?;
            self.take_plans(place, &source)?;
            for user in source.users(LOGS)? {
                *files_of.entry(user).or_default() += 1;
            }
        }
        self.seen.watch(&files_of);
        let (mut accounts, mut summaries) = (Accounts::new(), Summaries::new());
        for (place, path) in self.files.iter().enumerate() {
            let source = Source::open(path)?;
            self.read_accounts(place, &source, &mut accounts)?;
            self.read_summaries(place, &source, &mut summaries)?;
        }
        self.take_accounts(&accounts)?;
        for (place, path) in self.files.iter().enumerate() {
            let source = Source::open(path)?;
            self.take_logs(place, &source)?;
            if source.has_changed() {
                self.changed.push(path.display().to_string());
            }
        }
        self.take_aggregated()?;
        self.keep_summaries(&summaries)?;
        Ok(reconcile::compare(&self.lines, &self.ours()?)?)
    }

    /// What the store has of the users that were imported.
    fn ours(&self) -> Result<BTreeMap<Key, Sum>, Failure> {
        let mut ours: BTreeMap<Key, Sum> = BTreeMap::new();
        for user in &self.users {
            for line in self.meter.usage_lines(user, &PeriodChoice::All)? {
                let name = provider::shown(&line.provider, line.operation.as_str()).to_owned();
                ours.entry((user.clone(), line.billing_period, name)).or_default().add(Sum {
                    calls: line.calls,
                    tokens: line.tokens,
                    cost: line.cost.pico_usd().into(),
                });
            }
        }
        Ok(ours)
    }

    fn wants(&self, user: &str) -> bool {
        self.args.users.is_empty() || self.args.users.iter().any(|wanted| wanted == user)
    }

    /// The subscription of a user; an empty one where the files have none.
    fn timeline(&self, user: &str) -> &Timeline {
        static NONE: std::sync::LazyLock<Timeline> = std::sync::LazyLock::new(Timeline::default);
        self.timelines.get(user).unwrap_or(&NONE)
    }

    /// Notes a row of the file at that place that is not taken over.
    fn note(&mut self, place: usize, table: &'static str, row: Option<String>, reason: String) {
        let file = self.files.get(place).map(|path| path.display().to_string());
        let file = file.unwrap_or_default();
        self.problems.push(Problem { file, table, row: row.unwrap_or_default(), reason });
    }
}
