//! Processes that reserve and settle for some seconds, each one call after the other.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use alwrity_metering::{
    CallRequest, Limit, Maximum, Meter, Metric, Options, Plan, Reservation, Subscribe, Usage,
};

use crate::{ROLE, Spread, holds, number};

/// What one run gave.
struct Run {
    granted_a_second: f64,
    p50_us: f64,
    p99_us: f64,
    /// The slowest process's calls ÷ the fastest one's.
    fairness: f64,
}

pub(crate) fn measure(folder: &Path) {
    let (runs, seconds) = (number("RUNS", 5), number("SECONDS", 3));
    let (ours, bare) = (folder.join("ours.db"), folder.join("bare.db"));
    prepare(&ours);
    drop(holds::open(&bare));
    println!("reserve + settle, FULL, median of {runs} runs of {seconds} s (smallest–largest)\n");
    println!(
        "| processes | who | granted a second | p50 | p99 | slowest ÷ fastest | ours ÷ bare |"
    );
    println!("|---|---|---|---|---|---|---|");
    for count in [1, 2, 4, 8] {
        let (ours, bare): (Vec<Run>, Vec<Run>) = (0..runs)
            .map(|_| (run("ours", &ours, count, seconds), run("bare", &bare, count, seconds)))
            .unzip();
        let rate = |runs: &[Run]| spread(runs, |run| run.granted_a_second).median;
        let ratio = format!("{:.2}", rate(&ours) / rate(&bare));
        row(count, "ours", &ours, &ratio);
        row(count, "bare", &bare, "");
    }
    println!();
}

fn spread(runs: &[Run], figure: impl Fn(&Run) -> f64) -> Spread {
    Spread::of(runs.iter().map(figure).collect())
}

fn row(count: usize, who: &str, runs: &[Run], ratio: &str) {
    let rate = spread(runs, |run| run.granted_a_second).text(0);
    let ms = |figure: fn(&Run) -> f64| spread(runs, |run| figure(run) / 1000.0).text(2);
    let (p50, p99) = (ms(|run| run.p50_us), ms(|run| run.p99_us));
    let fairness = spread(runs, |run| run.fairness).text(2);
    println!("| {count} | {who} | {rate} | {p50} ms | {p99} ms | {fairness} | {ratio} |");
}

/// A hundred users with limits that are looked at and never reached.
fn prepare(path: &Path) {
    let meter = Meter::open(path, Options::default()).unwrap();
    meter.seed("default").unwrap();
    let pro = meter.plans().unwrap().into_iter().find(|plan| plan.id == "pro").unwrap();
    let limits = [("calls", Metric::Calls), ("cost", Metric::Cost)]
        .map(|(name, metric)| Limit::new(name, metric, Maximum::AtMost(i64::MAX / 2)).unwrap());
    meter.put_plan(&Plan { id: "wide".into(), limits: limits.to_vec(), ..pro }).unwrap();
    for user in 0..100 {
        let wide = Subscribe::monthly("wide").waived("a measurement");
        meter.subscribe(&format!("user-{user}"), &wide).unwrap();
    }
}

/// Starts the processes, lets them go at once, and waits for what they have to say.
fn run(who: &str, path: &Path, count: usize, seconds: usize) -> Run {
    let start = |process: usize| -> Child {
        Command::new(std::env::current_exe().unwrap())
            .env(ROLE, format!("{who}\n{}\n{process}\n{seconds}", path.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let mut children: Vec<Child> = (0..count).map(start).collect();
    let mut said: Vec<_> =
        children.iter_mut().map(|child| BufReader::new(child.stdout.take().unwrap())).collect();
    let line = |from: &mut BufReader<_>| {
        let mut line = String::new();
        from.read_line(&mut line).unwrap();
        line
    };
    for from in &mut said {
        assert_eq!(line(from), "ready\n");
    }
    for child in &mut children {
        child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    }
    let mut all = Vec::new();
    let mut counts = Vec::new();
    for (child, from) in children.iter_mut().zip(&mut said) {
        let times = line(from);
        let times: Vec<u32> = times.split_whitespace().map(|text| text.parse().unwrap()).collect();
        counts.push(times.len());
        all.extend(times);
        assert!(child.wait().unwrap().success());
    }
    all.sort_unstable();
    let percentile = |percent: usize| {
        let place = (all.len() * percent).div_ceil(100).clamp(1, all.len()) - 1;
        f64::from(all[place])
    };
    let (slowest, fastest) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
    Run {
        granted_a_second: all.len() as f64 / seconds as f64,
        p50_us: percentile(50),
        p99_us: percentile(99),
        fairness: *slowest as f64 / *fastest as f64,
    }
}

/// Reserves and settles until the time is over, then tells how long each call took, in µs.
pub(crate) fn play(role: &str) {
    let mut role = role.split('\n');
    let mut next = || role.next().unwrap();
    let (who, path, process, seconds) = (next(), next(), next(), next());
    let path = Path::new(path);
    // No two processes use one key.
    let first =
        process.parse::<i64>().unwrap() * 1_000_000_000 + i64::from(std::process::id()) * 7919;
    let mut one: Box<dyn FnMut(i64)> = match who {
        "ours" => {
            let meter = Meter::open(path, Options::default()).unwrap();
            Box::new(move |n| reserve_and_settle(&meter, n))
        }
        _ => {
            let bare = holds::open(path);
            Box::new(move |n| holds::reserve_and_settle(&bare, n))
        }
    };
    println!("ready");
    std::io::stdin().lock().read_line(&mut String::new()).unwrap();
    let until = Instant::now() + Duration::from_secs(seconds.parse().unwrap());
    let mut times = String::new();
    for n in first.. {
        let begun = Instant::now();
        if begun >= until {
            break;
        }
        one(n);
        times.push_str(&format!("{} ", begun.elapsed().as_micros()));
    }
    println!("{times}");
}

fn reserve_and_settle(meter: &Meter, n: i64) {
    let user = format!("user-{}", n % 100);
    let request = CallRequest::new(&user, "openai", "gpt-4o-mini").with_tokens(900, 300);
    let Reservation::Granted(hold) = meter.reserve(&request).unwrap() else {
        unreachable!("the limits are wide");
    };
    meter.settle(&user, hold.hold_id, &Usage::tokens(900, 250).into()).unwrap();
}
