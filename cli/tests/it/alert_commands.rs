//! `alerts`: listing, marking, and sending on their way.

use crate::bench::{Bench, Ran};
use crate::mail_server::MailServer;
use crate::receiver::HttpReceiver;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// So early in the month that nothing is said about a pace.
const EARLY: &str = "2025-10-01T01:00:00Z";

fn run(bench: &Bench, args: &[&str]) -> Ran {
    let own = ["--at", EARLY, "--alert-channels", "webhook,mail"];
    bench.run(&[&own, args].concat())
}

/// A store in which `u1` has used 95 of 100 Gemini calls.
fn bench() -> Bench {
    let bench = Bench::new();
    let call = ["--provider", "gemini", "--model", "gemini-2.5-flash", "--count", "95"];
    let ran = run(&bench, &[&["record", "u1", "--input-tokens", "10"], &call[..]].concat());
    assert_eq!(ran.code, 0, "{ran}");
    bench
}

#[test]
fn alerts_are_listed_read_and_put_away() {
    let bench = bench();
    run(&bench, &["alerts", "u1"]).shows(include_str!("shown/alerts_are_listed.txt"));
    assert_eq!(run(&bench, &["alerts", "read", "u1", "1"]).out, "marked 1 as read\n");
    assert_eq!(run(&bench, &["alerts", "dismiss", "u1", "2"]).out, "dismissed alert 2\n");
    assert_eq!(run(&bench, &["alerts", "read", "u1"]).out, "marked 0 as read\n");
    let listed = run(&bench, &["--json", "alerts", "u1"]).json();
    assert_eq!((&listed["total"], &listed["unread_count"]), (&1.into(), &0.into()));
    let all = run(&bench, &["--json", "alerts", "u1", "--dismissed", "--severity", "warning"]);
    assert_eq!(all.json()["alerts"][0]["id"], 2);
    run(&bench, &["alerts", "dismiss", "u2", "1"]).shows(
        "
        exit 1
        --- err
        error: alert `1` is another user's
        hint: list the user's own with `alerts USER`
        ",
    );
    assert_eq!(run(&bench, &["alerts", "operator"]).out, "no alerts\n");
}

#[test]
fn alerts_are_delivered_by_every_channel_that_is_named() {
    let bench = bench();
    let (receiver, server) = (HttpReceiver::answering(&[500]), MailServer::refusing(&[]));
    let deliver = |webhook: &str| {
        let webhook = ["--webhook", webhook, "--webhook-secret", SECRET];
        let mail = ["--smtp", &server.url, "--mail-from", "a@example.com", "--mail-to"];
        let args = [&["alerts", "deliver"], &webhook[..], &mail, &["{user}@example.com"]];
        run(&bench, &args.concat())
    };
    deliver(&receiver.url).shows(
        "
        exit 1
        --- out
        channel  sent  postponed  given_up
        webhook     1          1         0
        mail        2          0         0
        --- err
        error: alerts that were not delivered: 1
        hint: `query 'SELECT channel, last_error FROM outbox'` tells why
        ",
    );
    run(&bench, &["alerts", "outbox"]).shows(
        "
        exit 0
        --- out
        channel  waiting  done  given_up
        mail           0     2         0
        webhook        1     1         0
        ",
    );
    assert_eq!(receiver.received().len(), 2);
    let mails = server.received();
    assert!(mails.iter().all(|mail| mail.to == ["u1@example.com"]), "{mails:?}");
}

#[test]
fn a_delivery_without_a_channel_or_with_a_wrong_one_says_so() {
    let bench = bench();
    let ran = run(&bench, &["alerts", "deliver"]);
    assert_eq!(ran.code, 2, "{ran}");
    let ran = run(&bench, &["alerts", "deliver", "--webhook", "https://example.com"]);
    assert!(ran.code == 2 && ran.err.contains("needs a secret"), "{ran}");
    let wrong = ["--webhook-secret", "hunter2", "--webhook", "https://example.com"];
    let ran = run(&bench, &[&["alerts", "deliver"], &wrong[..]].concat());
    assert!(ran.code == 2 && !ran.err.contains("hunter2"), "{ran}");
    assert_eq!(run(&bench, &["--alert-channels", "no name", "users"]).code, 2);
}
