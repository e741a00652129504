//! Measures the token estimate against the exact `o200k_base` count, per piece of 200–2000
//! characters, beside words × 1.3 and characters ÷ 4.
//!
//! ```text
//! cargo run --release --features exact --example estimate_accuracy [FOLDER …] [--json]
//! ```
//!
//! A folder holds one folder per class of text. Without one, the texts that the project made are
//! read: `tests/golden/estimation`. Pieces are cut the same way every time. The factor of a class
//! is learned on the pieces with an even number and scored on the others, so that it is never
//! scored on what it was learned from.

// A measurement prints, and shares of errors are no money.
#![allow(clippy::print_stdout, clippy::float_arithmetic)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use alwrity_metering::ingest::{
    Calibration, CountSource, Encoding, HoldRule, TextSize, count_tokens,
};

/// Pieces of one class at most, taken evenly.
const PIECES_MAX: usize = 600;
/// How often each text of a small class is cut, each time elsewhere.
const PASSES: u64 = 8;

struct Piece {
    size: TextSize,
    exact: i64,
}

/// The errors of one way to estimate.
#[derive(Default)]
struct Errors {
    count: f64,
    absolute: f64,
    signed: f64,
    far_below: f64,
}

impl Errors {
    fn add(&mut self, estimate: f64, exact: i64) {
        let error = estimate / float(exact) - 1.0;
        self.count += 1.0;
        self.absolute += error.abs();
        self.signed += error;
        self.far_below += if error < -0.1 { 1.0 } else { 0.0 };
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.absolute += other.absolute;
        self.signed += other.signed;
        self.far_below += other.far_below;
    }

    fn percent(&self, sum: f64) -> f64 {
        100.0 * sum / self.count.max(1.0)
    }
}

#[derive(Default)]
struct Row {
    words: Errors,
    fourth: Errors,
    scan: Errors,
    calibrated: Errors,
    held: Errors,
    held_calibrated: Errors,
}

impl Row {
    fn merge(&mut self, other: &Self) {
        self.words.merge(&other.words);
        self.fourth.merge(&other.fourth);
        self.scan.merge(&other.scan);
        self.calibrated.merge(&other.calibrated);
        self.held.merge(&other.held);
        self.held_calibrated.merge(&other.held_calibrated);
    }

    fn figures(&self) -> [f64; 9] {
        let mean = |errors: &Errors| errors.percent(errors.absolute);
        [
            mean(&self.words),
            mean(&self.fourth),
            mean(&self.scan),
            self.scan.percent(self.scan.signed),
            mean(&self.calibrated),
            self.held.percent(self.held.far_below),
            self.held.percent(self.held.signed),
            self.held_calibrated.percent(self.held_calibrated.far_below),
            self.held_calibrated.percent(self.held_calibrated.signed),
        ]
    }
}

fn float(count: i64) -> f64 {
    i32::try_from(count).map_or(f64::MAX, f64::from)
}

/// Pieces of 200–2000 characters, shorter ones as frequent as longer ones by their order of size.
fn cut(text: &str, seed: u64) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = |most: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % most).unwrap_or(0)
    };
    let mut pieces = Vec::new();
    let mut at = if seed == 0 { 0 } else { next(200) };
    while at < characters.len() {
        // 200, 252, 318 … 2000: ten steps of the same ratio.
        const SIZES: [usize; 11] = [200, 252, 318, 400, 504, 635, 800, 1008, 1270, 1600, 2000];
        let step = SIZES[next(10)];
        let size = step + next(u64::try_from(step / 4).unwrap_or(1).max(1));
        let piece = &characters[at..characters.len().min(at + size.min(2000))];
        if piece.len() >= 200 {
            pieces.push(piece.iter().collect());
        }
        at += size;
    }
    pieces
}

fn pieces_of(folder: &Path) -> Vec<Piece> {
    let mut paths: Vec<PathBuf> = match std::fs::read_dir(folder) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        Err(_) => vec![folder.to_owned()],
    };
    paths.sort();
    let texts: Vec<String> =
        paths.iter().filter_map(|path| std::fs::read_to_string(path).ok()).collect();
    let passes = if texts.len() == 1 { PASSES } else { 1 };
    let all: Vec<String> = (0..passes)
        .flat_map(|pass| texts.iter().enumerate().map(move |(number, text)| (pass, number, text)))
        .flat_map(|(pass, number, text)| {
            cut(text, pass * 1_000 + u64::try_from(number).unwrap_or(0))
        })
        .collect();
    let step = all.len().div_ceil(PIECES_MAX).max(1);
    all.iter()
        .step_by(step)
        .map(|text| Piece {
            size: TextSize::of(text),
            exact: count_tokens(Encoding::O200kBase, text),
        })
        .collect()
}

fn score(pieces: &[Piece]) -> (Row, Calibration) {
    let mut model = Calibration::new();
    // Many small calls, as a host would make them: the prior no longer counts.
    for piece in pieces.iter().step_by(2) {
        model.observe(piece.size, piece.exact);
    }
    let rule = HoldRule::default();
    let mut row = Row::default();
    for (number, piece) in pieces.iter().enumerate() {
        let estimate = piece.size.estimated_tokens;
        let hold = |model| {
            float(rule.hold(estimate, CountSource::Estimated, None, model, None).input_tokens)
        };
        row.words.add(float(piece.size.words) * 1.3, piece.exact);
        row.fourth.add(float(piece.size.characters) / 4.0, piece.exact);
        row.scan.add(float(estimate), piece.exact);
        row.held.add(hold(None), piece.exact);
        if number % 2 == 1 {
            let ppm = float(model.factor_ppm()) / 1_000_000.0;
            row.calibrated.add(float(estimate) * ppm, piece.exact);
            row.held_calibrated.add(hold(Some(&model)), piece.exact);
        }
    }
    (row, model)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_json = arguments.iter().any(|argument| argument == "--json");
    let mut folders: Vec<PathBuf> =
        arguments.iter().filter(|argument| *argument != "--json").map(PathBuf::from).collect();
    if folders.is_empty() {
        folders.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/estimation"));
    }
    let mut by_class = BTreeMap::new();
    for folder in folders {
        let entries = std::fs::read_dir(&folder).map(|entries| entries.flatten().collect());
        for entry in entries.unwrap_or_else(|_| Vec::new()) {
            let name = entry.path().file_stem().map(|stem| stem.to_string_lossy().into_owned());
            by_class.insert(name.unwrap_or_default(), pieces_of(&entry.path()));
        }
    }
    if !is_json {
        println!(
            "| class | pieces | words × 1.3 | chars ÷ 4 | scan | bias | after calibration | factor \
             | held, > 10 % under | held, over | calibrated, > 10 % under | calibrated, over |"
        );
        println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    }
    let mut all = Row::default();
    let mut total = 0;
    for (class, pieces) in &by_class {
        let (row, model) = score(pieces);
        print_row(class, pieces.len(), &row, float(model.factor_ppm()) / 1_000_000.0, is_json);
        all.merge(&row);
        total += pieces.len();
    }
    print_row("all", total, &all, 1.0, is_json);
}

fn print_row(class: &str, pieces: usize, row: &Row, factor: f64, is_json: bool) {
    let [words, fourth, scan, bias, after, below, over, after_below, after_over] = row.figures();
    if is_json {
        println!(
            "{{\"class\":\"{class}\",\"pieces\":{pieces},\"words\":{words:.2},\
             \"fourth\":{fourth:.2},\"scan\":{scan:.2},\"bias\":{bias:.2},\"after\":{after:.2},\
             \"factor\":{factor:.3},\"below\":{below:.2},\"over\":{over:.2},\
             \"after_below\":{after_below:.2},\"after_over\":{after_over:.2}}}"
        );
    } else {
        println!(
            "| {class} | {pieces} | {words:.1} % | {fourth:.1} % | **{scan:.1} %** | {bias:+.1} % \
             | **{after:.1} %** | {factor:.3} | {below:.1} % | {over:+.1} % | {after_below:.1} % \
             | {after_over:+.1} % |"
        );
    }
}
