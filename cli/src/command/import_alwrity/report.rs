//! The report of an import: what was done, and how their numbers stand to ours.

use std::collections::BTreeMap;

use serde::Serialize;

use super::plan::PlanLine;
use super::reconcile::{Compared, Comparison, Reason, Shown};
use super::source::Skipped;
use crate::context::Context;
use crate::sheet::Column::{Number, Prose, Text};
use crate::sheet::or_dash;

/// What was done, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Tally {
    pub(super) files: u64,
    pub(super) users: u64,
    /// Terms of subscriptions that were added.
    pub(super) terms_added: i64,
    /// Terms that were there already.
    pub(super) terms_known: i64,
    pub(super) alerts_added: i64,
    pub(super) alerts_known: i64,
    /// Rows of logs that were recorded.
    pub(super) logs_recorded: u64,
    /// Rows that were there already.
    pub(super) logs_known: u64,
    /// Rows that stand for what a summary has beyond its logs.
    pub(super) summaries_kept: u64,
    pub(super) summaries_known: u64,
    /// Costs with more digits than a pico-dollar has.
    pub(super) costs_rounded: u64,
    /// Rows that are there with another content: the file has gone on since.
    pub(super) conflicts: u64,
}

/// A row that was not taken over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Problem {
    pub(super) file: String,
    pub(super) table: &'static str,
    /// The row's id, or the user.
    pub(super) row: String,
    pub(super) reason: String,
}

/// Everything that an import says.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    pub(super) is_dry_run: bool,
    #[serde(flatten)]
    pub(super) tally: Tally,
    pub(super) skipped_files: Vec<Skipped>,
    pub(super) plans: Vec<PlanLine>,
    pub(super) problems: Vec<Problem>,
    /// How many lines have which reason.
    pub(super) reasons: BTreeMap<&'static str, u64>,
    /// All providers of a user and period together.
    pub(super) periods: Vec<Compared>,
    pub(super) lines: Vec<Compared>,
}

/// The problems that people are shown; `--json` has all of them.
const PROBLEMS_SHOWN: usize = 20;

impl Report {
    pub(super) fn new(
        is_dry_run: bool,
        tally: Tally,
        skipped_files: Vec<Skipped>,
        plans: Vec<PlanLine>,
        problems: Vec<Problem>,
        comparison: Comparison,
    ) -> Self {
        let Comparison { lines, periods } = comparison;
        let mut reasons = BTreeMap::new();
        for reason in lines.iter().flat_map(|line| &line.reasons) {
            *reasons.entry(reason.name()).or_insert(0) += 1;
        }
        Self { is_dry_run, tally, skipped_files, plans, problems, reasons, periods, lines }
    }

    /// What was not taken over or has no reason; nothing when all is well.
    pub(super) fn trouble(&self) -> Option<String> {
        let unexplained = self.reasons.get(Reason::Unexplained.name()).copied().unwrap_or(0);
        let parts = [
            (self.problems.len().to_string(), "rows were not taken over"),
            (unexplained.to_string(), "lines are unexplained"),
        ];
        let told: Vec<String> = parts
            .iter()
            .filter(|(count, _)| count != "0")
            .map(|(count, what)| format!("{what}: {count}"))
            .collect();
        (!told.is_empty()).then(|| told.join(", "))
    }

    /// The report for people.
    pub(super) fn text(&self, context: &Context<'_>) -> String {
        let mut parts = vec![self.counts(context)];
        if !self.plans.is_empty() {
            let mut sheet = context.sheet(&[Text("their_plan"), Text("tier"), Text("our_plan")]);
            for line in &self.plans {
                let mark = if line.is_new { " (new)" } else { "" };
                let plan = format!("{}{mark}", line.plan_id);
                sheet.row([line.theirs.clone(), line.tier.to_string(), plan]);
            }
            parts.push(sheet.render());
        }
        if !self.skipped_files.is_empty() {
            let mut sheet = context.sheet(&[Text("skipped_file"), Prose("reason")]);
            for skipped in &self.skipped_files {
                sheet.row([skipped.path.clone(), skipped.reason.clone()]);
            }
            parts.push(sheet.render());
        }
        parts.extend(self.differing(context));
        parts.extend(self.troubles(context));
        parts.join("\n\n")
    }

    fn counts(&self, context: &Context<'_>) -> String {
        let Tally {
            files,
            users,
            terms_added,
            terms_known,
            alerts_added,
            alerts_known,
            logs_recorded,
            logs_known,
            summaries_kept,
            summaries_known,
            costs_rounded,
            conflicts,
        } = &self.tally;
        let facts = context.facts([
            ("files", files.to_string()),
            ("users", users.to_string()),
            ("terms", format!("{terms_added} added, {terms_known} known")),
            ("alerts", format!("{alerts_added} added, {alerts_known} known")),
            ("logs", format!("{logs_recorded} recorded, {logs_known} known")),
            ("summaries", format!("{summaries_kept} kept, {summaries_known} known")),
            ("costs_rounded", costs_rounded.to_string()),
            ("conflicts", conflicts.to_string()),
        ]);
        if self.is_dry_run { format!("a dry run: nothing was changed\n{facts}") } else { facts }
    }

    /// The periods and lines that differ, and how many do not.
    fn differing(&self, context: &Context<'_>) -> Option<String> {
        let differs = |line: &&Compared| line.reasons != [Reason::Equal];
        let equal = self.lines.iter().filter(|line| !differs(line)).count();
        let told = format!("{equal} of {} lines are equal", self.lines.len());
        let mut differing: Vec<&Compared> =
            self.periods.iter().chain(&self.lines).filter(differs).collect();
        if differing.is_empty() {
            return (!self.lines.is_empty()).then_some(told);
        }
        // A period stands before its providers, which a stable sort keeps.
        differing.sort_by_key(|line| (&line.user, &line.billing_period));
        let mut sheet = context.sheet(&[
            Text("user"),
            Text("period"),
            Text("provider"),
            Number("summary"),
            Number("logs"),
            Number("ours"),
            Number("summary_cost"),
            Number("logs_cost"),
            Number("our_cost"),
            Prose("reasons"),
        ]);
        for line in differing {
            sheet.row(cells(line));
        }
        Some(format!("{}\n{told}", sheet.render()))
    }

    fn troubles(&self, context: &Context<'_>) -> Option<String> {
        if self.problems.is_empty() {
            return None;
        }
        let mut sheet =
            context.sheet(&[Text("file"), Text("table"), Text("row"), Prose("problem")]);
        for problem in self.problems.iter().take(PROBLEMS_SHOWN) {
            let Problem { file, table, row, reason } = problem;
            sheet.row([file.clone(), (*table).to_owned(), row.clone(), reason.clone()]);
        }
        let more = self.problems.len().saturating_sub(PROBLEMS_SHOWN);
        let rest = if more > 0 { format!("\nand {more} more") } else { String::new() };
        Some(sheet.render() + &rest)
    }
}

fn cells(line: &Compared) -> [String; 10] {
    let Compared { user, billing_period, provider, summary, logs, ours, .. } = line;
    let reasons: Vec<&str> = line.reasons.iter().map(|reason| reason.name()).collect();
    let cost = |shown: &Shown| or_dash(shown.cost_usd);
    [
        user.clone(),
        billing_period.clone(),
        provider.clone(),
        or_dash(summary.map(|summary| summary.calls)),
        logs.calls.to_string(),
        ours.calls.to_string(),
        or_dash(summary.and_then(|summary| summary.cost_usd)),
        cost(logs),
        cost(ours),
        reasons.join(", "),
    ]
}
