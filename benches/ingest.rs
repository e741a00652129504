//! Times the ingest room: `cargo bench --bench ingest [-- --json]`.
//!
//! Each figure is the median of many short rounds on one thread; the goals stand beside them.

// A bench prints, and its figures are no money.
#![allow(clippy::print_stdout, clippy::float_arithmetic)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use alwrity_metering::ingest::{
    RouteRules, UsageStream, detect_body, detect_model, detect_provider, estimate_chat,
    estimate_tokens, extract_usage, extract_usage_text,
};

const ROUNDS: usize = 501;
const ROUND: Duration = Duration::from_micros(400);

struct Figure {
    name: &'static str,
    median_ns: f64,
    /// Bytes a call, where a rate makes sense.
    bytes: usize,
    goal: &'static str,
}

fn main() {
    // `cargo test --benches` runs this too: then there is nothing to time.
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.iter().any(|argument| argument == "--test") {
        return;
    }
    let is_json = arguments.iter().any(|argument| argument == "--json");
    let figures = figures();
    if is_json {
        let rows: Vec<String> = figures.iter().map(json_row).collect();
        println!("[{}]", rows.join(","));
        return;
    }
    println!("| what | median | rate | goal |\n|---|---|---|---|");
    for figure in &figures {
        let rate = if figure.bytes > 0 {
            format!("{:.0} MB/s", float(figure.bytes) * 1_000.0 / figure.median_ns)
        } else {
            String::new()
        };
        println!("| {} | {:.0} ns | {rate} | {} |", figure.name, figure.median_ns, figure.goal);
    }
}

fn json_row(figure: &Figure) -> String {
    format!(
        "{{\"name\":\"{}\",\"median_ns\":{:.1},\"bytes\":{}}}",
        figure.name, figure.median_ns, figure.bytes
    )
}

fn float(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

/// The median time of a call in nanoseconds.
fn time(mut call: impl FnMut()) -> f64 {
    let start = Instant::now();
    let mut calls = 0_u32;
    while start.elapsed() < ROUND {
        call();
        calls += 1;
    }
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            (0..calls).for_each(|_| call());
            start.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

fn figures() -> Vec<Figure> {
    let mut figures = Vec::new();
    estimates(&mut figures);
    extractions(&mut figures);
    detections(&mut figures);
    figures
}

fn estimates(figures: &mut Vec<Figure>) {
    const TEXTS: [(&str, &str); 4] = [
        ("estimate English", include_str!("../tests/golden/estimation/english.txt")),
        ("estimate Python", include_str!("../tests/golden/estimation/python.txt")),
        ("estimate JSON", include_str!("../tests/golden/estimation/json.txt")),
        ("estimate Japanese", include_str!("../tests/golden/estimation/japanese.txt")),
    ];
    for (name, text) in TEXTS {
        let text = text.repeat(4);
        let median_ns = time(|| {
            black_box(estimate_tokens(black_box(&text)));
        });
        figures.push(Figure { name, median_ns, bytes: text.len(), goal: "≥ 200 MB/s" });
    }
    let content = include_str!("../tests/golden/estimation/english.txt");
    let chat = serde_json::json!({
        "model": "gpt-4o", "max_tokens": 500,
        "messages": [
            {"role": "system", "content": "You are brief."},
            {"role": "user", "content": content},
        ],
    });
    let median_ns = time(|| {
        black_box(estimate_chat(black_box(&chat)));
    });
    figures.push(Figure {
        name: "estimate a chat of 4 KB",
        median_ns,
        bytes: content.len(),
        goal: "",
    });
}

fn extractions(figures: &mut Vec<Figure>) {
    let answer = "A boat of nine metres may leave at half past six. ".repeat(28);
    let text = include_str!("../tests/golden/ingest/openai-chat.json");
    let mut body: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    body["choices"][0]["message"]["content"] = answer.as_str().into();
    let text = body.to_string();
    let median_ns = time(|| {
        black_box(extract_usage(black_box("openai"), black_box(&body)));
    });
    let goal = "≤ 5 µs";
    figures.push(Figure { name: "extract 2 KB, parsed", median_ns, bytes: 0, goal });
    let median_ns = time(|| {
        black_box(extract_usage_text(black_box("openai"), black_box(&text)));
    });
    figures.push(Figure { name: "extract 2 KB, text", median_ns, bytes: text.len(), goal });
    let stream = include_str!("../tests/golden/ingest/anthropic-stream.sse");
    let median_ns = time(|| {
        let mut reader = UsageStream::new("anthropic");
        reader.push_chunk(black_box(stream));
        black_box(reader.finish());
    });
    figures.push(Figure {
        name: "extract a stream of 7 events",
        median_ns,
        bytes: stream.len(),
        goal: "",
    });
}

fn detections(figures: &mut Vec<Figure>) {
    let goal = "≤ 1 µs";
    let mut push = |name, median_ns| figures.push(Figure { name, median_ns, bytes: 0, goal });
    let first = "https://api.openai.com/v1/chat/completions";
    push(
        "detect a URL, first host",
        time(|| {
            black_box(detect_provider(black_box(first)));
        }),
    );
    let last = "https://queue.fal.run/fal-ai/flux/dev";
    push(
        "detect a URL, last host",
        time(|| {
            black_box(detect_provider(black_box(last)));
        }),
    );
    push(
        "detect a URL, unknown",
        time(|| {
            black_box(detect_provider(black_box("https://www.example.org/a/b/c?d=e")));
        }),
    );
    push(
        "detect a model",
        time(|| {
            black_box(detect_model(black_box("openai/gpt-oss-120b:groq")));
        }),
    );
    let text = include_str!("../tests/golden/ingest/openai-chat.json");
    let body: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    push(
        "detect a body",
        time(|| {
            black_box(detect_body(black_box(&body)));
        }),
    );
    let mut rules = RouteRules::new();
    for number in 0..50 {
        let pattern = format!("/api/part{number}/{{id}}/write");
        let _ = rules.add(Some("POST"), &pattern, Some("gemini"), Some("chat"));
    }
    push(
        "detect a route, the 50th rule",
        time(|| {
            black_box(rules.detect(black_box("POST"), black_box("/api/part49/17/write")));
        }),
    );
}
