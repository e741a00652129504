//! The report: a table for people, JSON for comparisons.

use std::time::Duration;

use crate::rounds::median;

/// What a figure should be.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    /// Not less than this.
    AtLeast(f64),
    /// Not more than this.
    AtMost(f64),
}

impl Goal {
    fn text(self) -> String {
        match self {
            Self::AtLeast(bound) => format!("≥ {bound}"),
            Self::AtMost(bound) => format!("≤ {bound}"),
        }
    }

    fn is_met(self, figure: f64) -> bool {
        match self {
            Self::AtLeast(bound) => figure >= bound,
            Self::AtMost(bound) => figure <= bound,
        }
    }
}

struct Line {
    name: &'static str,
    ours: String,
    bare: String,
    figure: f64,
    goal: Goal,
}

/// The figures of one run.
pub(crate) struct Report {
    fsync_us: f64,
    lines: Vec<Line>,
}

impl Report {
    pub(crate) fn new(fsync_us: f64) -> Self {
        Self { fsync_us, lines: Vec::new() }
    }

    /// Work per second, ours ÷ bare.
    pub(crate) fn rate(
        &mut self,
        name: &'static str,
        count: usize,
        ours: &[Duration],
        bare: &[Duration],
        goal: Goal,
    ) {
        let per_second = |durations: &[Duration]| count as f64 / median(durations).as_secs_f64();
        let (ours, bare) = (per_second(ours), per_second(bare));
        let shown = |rate: f64| format!("{rate:.0}/s");
        self.push(name, shown(ours), shown(bare), ours / bare, goal);
    }

    /// Time per piece, ours ÷ bare.
    pub(crate) fn time(
        &mut self,
        name: &'static str,
        count: usize,
        ours: &[Duration],
        bare: &[Duration],
        goal: Goal,
    ) {
        let micros = |durations: &[Duration]| median(durations).as_secs_f64() * 1e6 / count as f64;
        let (ours, bare) = (micros(ours), micros(bare));
        let shown = |time: f64| format!("{time:.2} µs");
        self.push(name, shown(ours), shown(bare), ours / bare, goal);
    }

    /// A figure without a peer.
    pub(crate) fn figure(&mut self, name: &'static str, figure: f64, unit: &str, goal: Goal) {
        self.push(name, format!("{figure:.2} {unit}"), "–".into(), figure, goal);
    }

    fn push(&mut self, name: &'static str, ours: String, bare: String, figure: f64, goal: Goal) {
        self.lines.push(Line { name, ours, bare, figure, goal });
    }

    /// Prints the table, and writes JSON when `--json FILE` is given.
    pub(crate) fn finish(&self) {
        println!("fsync: {:.0} µs (median of 50)\n", self.fsync_us);
        println!("{:<32} {:>12} {:>12} {:>8}  {:<8} met", "what", "ours", "bare", "figure", "goal");
        for line in &self.lines {
            let met = if line.goal.is_met(line.figure) { "yes" } else { "NO" };
            println!(
                "{:<32} {:>12} {:>12} {:>8.2}  {:<8} {met}",
                line.name,
                line.ours,
                line.bare,
                line.figure,
                line.goal.text()
            );
        }
        let mut arguments = std::env::args();
        if arguments.any(|argument| argument == "--json")
            && let Some(path) = arguments.next()
        {
            std::fs::write(path, self.json()).unwrap();
        }
    }

    fn json(&self) -> String {
        let figures: Vec<_> = self
            .lines
            .iter()
            .map(|line| {
                serde_json::json!({
                    "name": line.name,
                    "ours": line.ours,
                    "bare": line.bare,
                    "figure": line.figure,
                    "goal": line.goal.text(),
                    "is_met": line.goal.is_met(line.figure),
                })
            })
            .collect();
        serde_json::json!({ "fsync_us": self.fsync_us, "figures": figures }).to_string()
    }
}
