//! Flips: one random bit of a filled file is flipped, again and again, and `verify` finds it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use alwrity_metering::{
    CallDetails, CallKey, CallOutcome, CallRecord, CallRequest, Meter, Reservation, Subscribe,
    Unit, Usage, Variant,
};
use rusqlite::types::Value;

use crate::scene::{Scene, limit, quick};

/// Flips of one run; the seed makes them the same every time.
const FLIPS: usize = 60;
const SEED: u64 = 20_261_124;
/// Of the flips that change what a query reads, this share is found, in percent.
const FOUND_MIN_PERCENT: usize = 97;

/// A closed file with calls of every kind, a subscriber, a user with a limit of its own, holds.
fn filled(calls: usize) -> Vec<u8> {
    let scene = Scene::new();
    let meter = &scene.meter;
    meter.subscribe("ann", &Subscribe::monthly("basic").paid("ch_1")).unwrap();
    meter.subscribe("dee", &Subscribe::monthly("enterprise").paid("ch_2")).unwrap();
    meter.set_limit("bob", &limit("gemini_calls", "100000")).unwrap();
    let records: Vec<CallRecord> = (0..calls).map(record).collect();
    meter.record_calls(&records).into_iter().for_each(|receipt| drop(receipt.unwrap()));
    for number in 0..calls / 20 {
        let request = CallRequest {
            idempotency_key: Some(format!("hold {number}")),
            ..CallRequest::new("dee", "gemini", "gemini-2.5-flash").with_tokens(500, 200)
        };
        let held = meter.reserve(&request).unwrap();
        let Reservation::Granted(_) = held else { panic!("{held:?}") };
        let hold = CallKey::new("dee", &format!("hold {number}"));
        if number.is_multiple_of(2) {
            meter.settle("dee", hold, &CallOutcome::from(Usage::tokens(480, 90))).unwrap();
        }
    }
    assert!(meter.verify().unwrap().iter().all(|check| check.is_ok));
    let path = scene.path();
    let Scene { meter, .. } = &scene;
    meter.flush().unwrap();
    let copy = path.with_extension("copy");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
    std::fs::read(copy).unwrap()
}

fn record(number: usize) -> CallRecord {
    let quantity = i64::try_from(number).unwrap();
    let user = ["ann", "bob", "cyd"][number % 3];
    let (provider, model) = [
        ("gemini", "gemini-2.5-flash"),
        ("openai", "gpt-4o-mini"),
        ("anthropic", "claude-3-5-sonnet"),
        ("acme", "acme-1"),
        ("tavily", ""),
    ][number % 5];
    let usage = match provider {
        "tavily" => Usage::none(),
        _ => Usage::tokens(1000 + quantity * 7, 200 + quantity)
            .with(Unit::CachedInputTokens, quantity % 3 * 100),
    };
    CallRecord {
        idempotency_key: Some(format!("call {number}")),
        variant: if number.is_multiple_of(7) { Variant::Batch } else { Variant::Standard },
        vendor_cost_usd: (number.is_multiple_of(11)).then(|| "0.0125".parse().unwrap()),
        status_code: if number.is_multiple_of(13) { 503 } else { 200 },
        details: CallDetails {
            endpoint: Some("/v1/messages".into()),
            response_time_ms: Some(300 + quantity),
            tags: BTreeMap::from([("team".to_owned(), format!("t{}", number % 4))]),
            ..CallDetails::default()
        },
        ..CallRecord::new(user, provider, model, usage)
    }
}

/// Every value that a query reads, by table, or nothing when one cannot be read.
type Dump = BTreeMap<String, Vec<Vec<Value>>>;

fn dump(path: &Path) -> rusqlite::Result<Dump> {
    let connection = rusqlite::Connection::open(path)?;
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    let mut tables: Vec<String> =
        connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    tables.push("sqlite_schema".into());
    let mut dump = Dump::new();
    for table in tables {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table}"))?;
        let columns = statement.column_count();
        let read = |row: &rusqlite::Row<'_>| (0..columns).map(|column| row.get(column)).collect();
        let rows = statement.query_map([], read)?.collect::<Result<_, _>>()?;
        dump.insert(table, rows);
    }
    Ok(dump)
}

/// The first column that differs, as `table.column`; nothing when all is the same.
fn changed(path: &Path, whole: &Dump) -> Option<String> {
    let Ok(found) = dump(path) else { return Some("unreadable".into()) };
    let (table, rows) = whole.iter().find(|(table, rows)| found.get(*table) != Some(rows))?;
    let Some(own) = found.get(table) else { return Some(table.clone()) };
    let pairs = rows.iter().zip(own);
    let place = pairs.flat_map(|(a, b)| a.iter().zip(b)).position(|(a, b)| a != b);
    let columns = rows.first().map_or(1, Vec::len);
    let connection = rusqlite::Connection::open(path).unwrap();
    let name: String = connection
        .query_row(
            "SELECT name FROM pragma_table_info(?1) WHERE cid = ?2",
            (table, i64::try_from(place.unwrap_or(0) % columns).unwrap()),
            |row| row.get(0),
        )
        .unwrap_or_default();
    Some(format!("{table}.{name}"))
}

/// Whether `verify`, or opening the file, finds something.
fn is_found(path: &Path) -> bool {
    let checks = Meter::open(path, quick()).and_then(|meter| meter.verify());
    checks.is_err() || checks.is_ok_and(|checks| checks.iter().any(|check| !check.is_ok))
}

/// Xorshift: the same numbers on every machine.
fn random_below(state: &mut u64, bound: usize) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    usize::try_from(*state % u64::try_from(bound).unwrap()).unwrap()
}

fn damaged(folder: &Path, bytes: &[u8], number: usize) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder.join(format!("{number}.db"));
    std::fs::write(&path, bytes).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// How many flips changed nothing, were found, and were missed, by column.
fn outcomes(flips: usize, calls: usize, seed: u64) -> (usize, usize, BTreeMap<String, usize>) {
    let whole = filled(calls);
    let folder = tempfile::tempdir().unwrap();
    let path = damaged(folder.path(), &whole, flips);
    assert!(!is_found(&path), "the whole file is well");
    let values = dump(&path).unwrap();
    let (mut state, mut unread, mut found) = (seed, 0, 0);
    let mut missed = BTreeMap::new();
    for number in 0..flips {
        let (place, bit) = (random_below(&mut state, whole.len()), random_below(&mut state, 8));
        let mut bytes = whole.clone();
        bytes[place] ^= 1 << bit;
        let path = damaged(folder.path(), &bytes, number);
        if is_found(&path) {
            found += 1;
        } else if let Some(column) = changed(&path, &values) {
            *missed.entry(column).or_insert(0) += 1;
        } else {
            unread += 1;
        }
        std::fs::remove_file(&path).unwrap();
    }
    (unread, found, missed)
}

#[test]
fn random_flipped_bits_are_found() {
    let (unread, found, missed) = outcomes(FLIPS, 100, SEED);
    let changing = found + missed.values().sum::<usize>();
    assert!(changing > FLIPS / 3, "{unread} of {FLIPS} changed nothing that is read");
    assert!(found * 100 >= changing * FOUND_MIN_PERCENT, "{found} of {changing}: {missed:?}");
}

/// The figures of docs/reliability.md.
#[test]
#[ignore = "takes minutes"]
fn many_random_flipped_bits() {
    let (unread, found, missed) = outcomes(400, 1000, SEED + 1);
    println!("{found} found, {unread} changed nothing, missed: {missed:?}");
}
