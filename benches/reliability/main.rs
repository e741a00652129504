//! What many processes and a million calls do to the rate, beside the same statements without the
//! library, in the same run.
//!
//! `cargo bench --bench reliability` prints tables in Markdown. `RUNS` (5), `SECONDS` (3) and
//! `CALLS` (a million) come from the environment.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, clippy::float_arithmetic)]
#![allow(clippy::cast_precision_loss, reason = "rates for people")]

#[path = "../core/bare.rs"]
#[allow(dead_code, reason = "the other program uses the rest")]
mod bare;
#[path = "../core/disk.rs"]
mod disk;
mod holds;
mod million;
mod processes;
#[path = "../core/rounds.rs"]
#[allow(dead_code, reason = "the other program uses the rest")]
mod rounds;

/// The role of a process that is measured: whose statements, on which file, and its number.
const ROLE: &str = "ALWRITY_METERING_BENCH_ROLE";

fn main() {
    if let Ok(role) = std::env::var(ROLE) {
        return processes::play(&role);
    }
    let folder = tempfile::tempdir().unwrap();
    println!("fsync: {:.0} µs (median of 50)\n", disk::fsync_us(folder.path()));
    processes::measure(folder.path());
    million::measure(folder.path());
}

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The median of some figures, and the smallest and the largest.
struct Spread {
    median: f64,
    min: f64,
    max: f64,
}

impl Spread {
    fn of(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        let (min, max) = (figures[0], figures[figures.len() - 1]);
        Self { median: figures[figures.len() / 2], min, max }
    }

    fn text(&self, places: usize) -> String {
        let Self { median, min, max } = self;
        format!("{median:.places$} ({min:.places$}–{max:.places$})")
    }
}
