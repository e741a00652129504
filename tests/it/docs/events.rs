//! Events: docs/operations.md lists all of them, with their fields, and they come when it says.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use alwrity_metering::{
    CallRecord, CallRequest, LimitChange, Meter, Options, Reservation, Synchronous, Usage,
};
use proc_macro2::{TokenStream, TokenTree};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::page;
use crate::house::source::sources;

/// Target, level, message and fields, as the page writes them.
type Listed = (String, String, String, Vec<String>);

const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// The events of some tokens: `tracing::level!(target: TARGET, fields…, "message")`.
fn sent(tokens: TokenStream, target: &str, found: &mut Vec<Listed>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        let called: Vec<String> =
            tokens[at.saturating_sub(5)..at].iter().map(ToString::to_string).collect();
        let level = match &called[..] {
            [crate_name, _, _, level, mark] if crate_name == "tracing" && mark == "!" => level,
            _ => {
                sent(group.stream(), target, found);
                continue;
            }
        };
        assert!(LEVELS.contains(&level.as_str()), "`{level}` is no level");
        let (fields, message) = arguments(group.stream());
        found.push((target.to_owned(), level.clone(), message, fields));
    }
}

/// The names of the fields, and the message, of an event's arguments.
fn arguments(tokens: TokenStream) -> (Vec<String>, String) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let is_comma = |token: &TokenTree| token.to_string() == ",";
    let mut parts: Vec<&[TokenTree]> = tokens.split(is_comma).collect();
    let message = parts.pop().unwrap()[0].to_string().trim_matches('"').to_owned();
    assert_eq!(parts[0][0].to_string(), "target", "`{message}` has no target of its own");
    let name = |part: &&[TokenTree]| {
        let first = part.iter().find(|token| matches!(token, TokenTree::Ident(_)));
        first.unwrap().to_string()
    };
    (parts[1..].iter().map(name).collect(), message)
}

fn listed(text: &str) -> BTreeSet<Listed> {
    let (_, table) = text.split_once("| target | level | event |").unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let read = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let fields = cells[4].split('`').skip(1).step_by(2).map(str::to_owned).collect();
        let event = cells[3].trim_matches('`').to_owned();
        (cells[1].to_owned(), cells[2].to_owned(), event, fields)
    };
    rows.map(read).collect()
}

#[test]
fn every_event_is_listed_with_its_fields() {
    let mut found = Vec::new();
    for source in sources().iter().filter(|s| s.is_rust() && s.path.starts_with("src/")) {
        let before = found.len();
        let target = if source.path.starts_with("src/meter/") { "meter" } else { "store" };
        sent(source.tokens(), target, &mut found);
        let is_room = source.path.ends_with("/events.rs");
        assert!(is_room || found.len() == before, "{}: events go to `events.rs`", source.path);
    }
    let found: BTreeSet<Listed> = found.into_iter().collect();
    assert_eq!(listed(&page("docs/operations.md")), found);
}

/// Keeps what it is told, as one line each.
#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Subscriber for Listener {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut line = Line(format!("{} {}", metadata.target(), metadata.level()));
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// A user whose id could not be anything else.
const USER: &str = "ada.lovelace@example.org";

fn live(meter: &Meter) {
    let limit =
        LimitChange { name: "gemini_calls".into(), maximum: "1".into(), ..LimitChange::default() };
    meter.set_limit(USER, &limit).unwrap();
    let request = CallRequest::new(USER, "gemini", "gemini-2.5-flash").with_tokens(10, 10);
    let Reservation::Granted(hold) = meter.reserve(&request).unwrap() else { panic!() };
    meter.settle(USER, hold.hold_id, &Usage::tokens(10, 30).into()).unwrap();
    assert!(matches!(meter.reserve(&request).unwrap(), Reservation::Refused(_)));
    let call = CallRecord::new(USER, "gemini", "gemini-2.5-flash", Usage::tokens(1, 1));
    meter.record_call(&call).unwrap();
    let unknown = CallRecord {
        idempotency_key: Some("k".into()),
        ..CallRecord::new(USER, "nobody", "nothing", Usage::tokens(1, 1))
    };
    meter.record_call(&unknown).unwrap();
    meter.record_call(&unknown).unwrap();
}

#[test]
fn events_come_when_they_should_and_name_no_user() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { synchronous: Synchronous::Normal, ..Options::default() };
    let meter = Meter::open(folder.path().join("metering.db"), options).unwrap();
    meter.seed("default").unwrap();
    let listener = Listener::default();
    tracing::subscriber::with_default(listener.clone(), || live(&meter));
    let lines = listener.0.lock().unwrap().clone();
    let all = lines.join("\n");
    for expected in [
        "INFO message=more was used than was held call_id=1 tokens=20",
        "INFO message=refused a reservation limit=\"gemini_calls\" plan_id=\"free\" calls=1",
        "INFO message=recorded a call over a limit call_id=2 limit=\"gemini_calls\"",
        "WARN message=no price is known call_id=3 provider=\"nobody\" model=\"nothing\"",
        "DEBUG message=a call was repeated call_id=3",
    ] {
        assert!(all.contains(expected), "`{expected}` is not in\n{all}");
    }
    assert!(lines.iter().all(|line| line.starts_with("alwrity_metering::meter ")), "{all}");
    assert!(!all.contains("ada"), "{all}");
}
