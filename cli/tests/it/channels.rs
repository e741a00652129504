//! Alerts on their way out: through real servers on this machine, with failures in between.

use alwrity_metering::{
    AlertFilter, CallRecord, Channel, Clock, Delivered, ManualClock, Meter, Options, OutboxCount,
    Page, Usage,
};
use alwrity_metering_cli::channel::{Mail, Webhook};
use tempfile::TempDir;

use crate::mail_server::{MailServer, Refusal};
use crate::receiver::HttpReceiver;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEW_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

struct Store {
    meter: Meter,
    clock: ManualClock,
    _folder: TempDir,
}

/// A store in which a user has just used 80 of the Free plan's 100 Gemini calls.
fn store() -> Store {
    let folder = tempfile::tempdir().unwrap();
    // So early in the month that nothing is said about a pace.
    let clock = ManualClock::at("2026-12-01T01:00:00Z".parse().unwrap());
    let options = Options {
        clock: Clock::Manual(clock.clone()),
        alert_channels: vec!["webhook".into(), "mail".into()],
        ..Options::default()
    };
    let meter = Meter::open(folder.path().join("metering.db"), options).unwrap();
    meter.seed("default").unwrap();
    let store = Store { meter, clock, _folder: folder };
    store.record("ann@example.com", 80);
    store
}

impl Store {
    fn record(&self, user: &str, calls: i64) {
        let usage = Usage::tokens(10 * calls, calls);
        let call = CallRecord::new(user, "gemini", "gemini-2.5-flash", usage);
        self.meter.record_call(&CallRecord { call_count: calls, ..call }).unwrap();
    }

    fn deliver(&self, channel: &mut dyn Channel) -> Delivered {
        self.meter.deliver_alerts(channel).unwrap()
    }

    fn webhook(&self, url: &str, secrets: &[&str]) -> Webhook {
        Webhook::new(url, secrets, Clock::Manual(self.clock.clone())).unwrap()
    }

    fn count(&self, channel: &str) -> OutboxCount {
        let counts = self.meter.outbox().unwrap();
        counts.into_iter().find(|count| count.channel == channel).unwrap()
    }
}

const fn delivered(sent: i64, postponed: i64, given_up: i64) -> Delivered {
    Delivered { sent, postponed, given_up }
}

#[test]
fn the_signature_is_the_standards() {
    // Computed with another language's HMAC.
    let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    let signer = standardwebhooks::Webhook::new(SECRET).unwrap();
    let payload = br#"{"test": 2432232314}"#;
    let signature = signer.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, payload).unwrap();
    assert_eq!(signature, expected);
}

#[test]
fn a_webhook_is_signed_and_tried_again_under_one_id() {
    let store = store();
    let receiver = HttpReceiver::answering(&[500, 302]);
    let mut webhook = store.webhook(&receiver.url, &[NEW_SECRET, SECRET]);
    assert_eq!(store.deliver(&mut webhook), delivered(0, 1, 0));
    assert_eq!(store.deliver(&mut webhook), delivered(0, 0, 0), "not due yet");
    store.clock.advance_ms(20_000);
    assert_eq!(store.deliver(&mut webhook), delivered(0, 1, 0), "a redirect is not followed");
    store.clock.advance_ms(60_000);
    assert_eq!(store.deliver(&mut webhook), delivered(1, 0, 0));
    assert_eq!(store.deliver(&mut webhook), delivered(0, 0, 0));
    let requests = receiver.received();
    assert_eq!(requests.len(), 3);
    for request in &requests {
        assert_eq!(request.header("webhook-id"), requests[0].header("webhook-id"));
        assert_eq!(request.body, requests[0].body);
        let seconds = request.header("webhook-timestamp").parse().unwrap();
        for secret in [SECRET, NEW_SECRET] {
            let signer = standardwebhooks::Webhook::new(secret).unwrap();
            let id = request.header("webhook-id");
            let signature = signer.sign(id, seconds, request.body.as_bytes()).unwrap();
            let signatures = request.header("webhook-signature");
            assert!(signatures.split(' ').any(|own| own == signature), "{signatures}");
        }
    }
    let times: Vec<&str> = requests.iter().map(|own| own.header("webhook-timestamp")).collect();
    assert!(times[0] < times[1] && times[1] < times[2], "of each attempt");
    let body: serde_json::Value = serde_json::from_str(&requests[0].body).unwrap();
    assert_eq!(body["type"], "alert.usage_threshold");
    assert_eq!(body["data"]["user"], "ann@example.com");
    assert_eq!(body["data"]["threshold_percentage"], 80);
    assert_eq!(store.count("webhook").done, 1);
    assert_eq!(store.count("mail").waiting, 1, "each channel for itself");
}

#[test]
fn a_receiver_that_asks_for_a_pause_is_left_alone_until_then() {
    let store = store();
    for user in ["bob", "cyd", "dan"] {
        store.record(user, 80);
    }
    // The store's day is the 1st of December 2026, 01:00.
    let asked = [
        (503, Some("120")),
        (429, Some("Tue, 01 Dec 2026 01:10:00 GMT")),
        (503, Some("soon")),
        (503, Some("99999999999999999999")),
    ];
    let receiver = HttpReceiver::asking(&asked);
    let mut webhook = store.webhook(&receiver.url, &[SECRET]);
    let mut round = |advance_s: i64| {
        store.clock.advance_ms(advance_s * 1000);
        let outcome = store.deliver(&mut webhook);
        (receiver.received().len(), outcome)
    };
    assert_eq!(round(0), (1, delivered(0, 1, 0)), "the other three are not tried either");
    assert_eq!(round(119), (0, delivered(0, 0, 0)));
    assert_eq!(round(1), (1, delivered(0, 1, 0)), "a date is as good as seconds");
    assert_eq!(round(479), (0, delivered(0, 0, 0)));
    let (tried, outcome) = round(1);
    assert_eq!((tried, outcome.postponed), (2, 2), "what is no time at all asks for nothing");
    assert_eq!(round(6 * 3600 - 1), (0, delivered(0, 0, 0)), "six hours at most");
    assert_eq!(round(1), (4, delivered(4, 0, 0)));
    let attempts = store.meter.query("SELECT attempts FROM outbox WHERE channel = 'webhook'");
    let attempts = format!("{:?}", attempts.unwrap().rows).replace("Integer", "");
    assert_eq!(attempts, "[[(4)], [(2)], [(1)], [(1)]]", "rests are no attempts");
}

#[test]
fn a_dismissed_alert_is_not_sent_any_more() {
    let store = store();
    store.record("bob@example.com", 80);
    let receiver = HttpReceiver::answering(&[500, 500]);
    let mut webhook = store.webhook(&receiver.url, &[SECRET]);
    assert_eq!(store.deliver(&mut webhook), delivered(0, 2, 0));
    let page = store.meter.alerts("ann@example.com", &AlertFilter::default(), Page::default());
    store.meter.dismiss("ann@example.com", page.unwrap().alerts[0].id).unwrap();
    assert_eq!((store.count("webhook").waiting, store.count("mail").waiting), (1, 1));
    store.clock.advance_ms(60_000);
    drop(receiver.received());
    assert_eq!(store.deliver(&mut webhook), delivered(1, 0, 0));
    assert!(receiver.received()[0].body.contains("bob@example.com"));
}

#[test]
fn a_receiver_that_is_gone_is_given_up() {
    let store = store();
    let receiver = HttpReceiver::answering(&[410]);
    let mut webhook = store.webhook(&receiver.url, &[SECRET]);
    assert_eq!(store.deliver(&mut webhook), delivered(0, 0, 1));
    assert_eq!(store.count("webhook").given_up, 1);
}

#[test]
fn a_receiver_that_is_away_is_tried_again() {
    let store = store();
    // A port that nobody listens on any more.
    let url = HttpReceiver::answering(&[]).url.clone();
    let mut webhook = store.webhook(&url, &[SECRET]);
    assert_eq!(store.deliver(&mut webhook), delivered(0, 1, 0));
    let error = store.meter.query("SELECT last_error FROM outbox WHERE channel = 'webhook'");
    assert!(format!("{error:?}").contains("refused"), "{error:?}");
}

#[test]
fn a_webhook_says_what_is_wrong_with_it_and_keeps_its_secret() {
    let wrong =
        |url: &str, secrets: &[&str]| Webhook::new(url, secrets, Clock::System).unwrap_err();
    assert!(wrong("ftp://example.com", &[SECRET]).contains("https://"));
    assert!(wrong("https://example.com", &[]).contains("needs a secret"));
    for secret in ["hunter2", "whsec_hunter2", "whsec_", "whsec_c2hvcnQ="] {
        let said = wrong("https://example.com", &[secret]);
        assert!(said.contains("whsec_") && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_mail_is_sent_to_the_user_and_to_who_watches() {
    let store = store();
    let server = MailServer::refusing(&[]);
    let to = ["{user}", "Watch <watch@example.com>"];
    let mut mail = Mail::new(&server.url, "Metering <metering@example.com>", &to).unwrap();
    assert_eq!(store.deliver(&mut mail), delivered(1, 0, 0));
    let received = server.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].to, ["ann@example.com", "watch@example.com"]);
    let text = &received[0].text;
    assert!(text.contains("Subject: API Usage Notice - Google Gemini\r\n"), "{text}");
    assert!(text.contains("Message-ID: <msg_"), "{text}");
    assert!(text.contains("You have used 80 of 100 Google Gemini API calls"), "{text}");
}

#[test]
fn a_mail_that_is_refused_for_now_is_tried_again_and_for_good_is_given_up() {
    let store = store();
    let server = MailServer::refusing(&[Refusal::Passing, Refusal::Lasting]);
    let mut mail = Mail::new(&server.url, "metering@example.com", &["watch@example.com"]).unwrap();
    assert_eq!(store.deliver(&mut mail), delivered(0, 1, 0));
    store.clock.advance_ms(20_000);
    assert_eq!(store.deliver(&mut mail), delivered(0, 0, 1));
    store.record("bob@example.com", 80);
    assert_eq!(store.deliver(&mut mail), delivered(1, 0, 0));
    assert_eq!(server.received().len(), 1);
}

#[test]
fn a_mail_says_what_is_wrong_with_it_and_keeps_its_password() {
    let wrong = |server: &str, from: &str, to: &[&str]| Mail::new(server, from, to).unwrap_err();
    let said = wrong("imap://ann:hunter2@example.com", "a@example.com", &["b@example.com"]);
    assert!(said.contains("smtps://") && !said.contains("hunter2"), "{said}");
    let server = "smtp://127.0.0.1:25";
    assert!(wrong(server, "nobody", &["b@example.com"]).contains("`nobody`"));
    assert!(wrong(server, "a@example.com", &["nobody"]).contains("`nobody`"));
    assert!(wrong(server, "a@example.com", &[]).contains("an address"));
    let store = store();
    store.record("no address\u{7f}".trim_end_matches('\u{7f}'), 80);
    let mut mail = Mail::new(server, "a@example.com", &["{user}"]).unwrap();
    let outcome = store.deliver(&mut mail);
    assert_eq!((outcome.sent, outcome.given_up), (0, 1), "a user without an address");
}
