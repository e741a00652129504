//! Alerts: raised once, with their cause or not at all, and what becomes of them.

use alwrity_metering::domain::alert::{AlertKey, AlertKind, NewAlert, Severity};
use alwrity_metering::storage::{AlertFilter, AlertMark, Audience, Changes, Store};
use alwrity_metering::{Alert, AlertPage, Page};

use super::samples::{call, hour, october};
use super::works::{recording, seen, write};

/// An alert that the sample limit is used by so many percent.
pub(crate) fn alert(threshold_percent: u8) -> NewAlert {
    NewAlert {
        key: AlertKey {
            kind: AlertKind::UsageThreshold,
            subject: "gemini_calls".into(),
            maximum: 100,
            threshold_percent,
            armed_from: october(),
        },
        period_starts_at: october(),
        provider: Some("gemini".into()),
        title: "API Usage Notice — 警告".into(),
        message: "“80” of 100".into(),
        severity: Severity::of_threshold(threshold_percent),
        recommended_action: Some("Upgrade.".into()),
        upgrade_plan_id: Some("pro".into()),
        created_at: hour(1),
        sent_at: None,
        read_at: None,
        channels: vec![],
    }
}

/// Changes that raise alerts of a user.
pub(crate) fn raising(alerts: &[NewAlert]) -> Changes {
    Changes { alerts: alerts.to_vec(), ..seen() }
}

pub(crate) fn page(store: &dyn Store, audience: Audience<'_>, filter: &AlertFilter) -> AlertPage {
    store.alerts(audience, filter, Page::default()).unwrap()
}

fn all_of(store: &dyn Store, user: &str) -> Vec<Alert> {
    let filter = AlertFilter { with_dismissed: true, ..AlertFilter::default() };
    page(store, Audience::User(user), &filter).alerts
}

pub(crate) fn an_alert_comes_back(store: &dyn Store) {
    let bare = NewAlert {
        key: AlertKey { kind: AlertKind::Unpriced, ..alert(80).key },
        provider: None,
        recommended_action: None,
        upgrade_plan_id: None,
        severity: Severity::Warning,
        ..alert(80)
    };
    write(store, Some("u"), raising(&[alert(80), bare.clone()])).unwrap();
    let found = all_of(store, "u");
    assert_eq!(found.iter().map(|alert| alert.id).collect::<Vec<_>>(), [2, 1], "newest first");
    for (found, raised) in found.iter().rev().zip([alert(80), bare]) {
        let again = NewAlert {
            key: found.key.clone(),
            period_starts_at: found.period_starts_at,
            provider: found.provider.clone(),
            title: found.title.clone(),
            message: found.message.clone(),
            severity: found.severity,
            recommended_action: found.recommended_action.clone(),
            upgrade_plan_id: found.upgrade_plan_id.clone(),
            created_at: found.created_at,
            sent_at: None,
            read_at: None,
            channels: vec![],
        };
        assert_eq!((again, found.user.as_deref()), (raised, Some("u")));
        assert_eq!((found.sent_at, found.read_at, found.dismissed_at), (None, None, None));
        assert_eq!(store.alert(found.id).unwrap().as_ref(), Some(found));
    }
    assert_eq!(store.alert(3).unwrap(), None);
}

pub(crate) fn an_alert_of_another_system_keeps_what_became_of_it(store: &dyn Store) {
    let read = NewAlert { sent_at: Some(hour(2)), read_at: Some(hour(3)), ..alert(80) };
    let sent = NewAlert { sent_at: Some(hour(4)), ..alert(90) };
    write(store, Some("u"), raising(&[read, sent])).unwrap();
    let found = all_of(store, "u");
    let marks: Vec<_> = found.iter().rev().map(|alert| (alert.sent_at, alert.read_at)).collect();
    assert_eq!(marks, [(Some(hour(2)), Some(hour(3))), (Some(hour(4)), None)]);
    assert_eq!(page(store, Audience::User("u"), &AlertFilter::unread()).unread_count, 1);
    assert_eq!(store.outbox().unwrap(), [], "nobody is told of it again");
}

pub(crate) fn an_alert_is_raised_once_for_its_key(store: &dyn Store) {
    let later = NewAlert { created_at: hour(2), message: "again".into(), ..alert(80) };
    write(store, Some("u"), raising(&[alert(80), later.clone()])).unwrap();
    write(store, Some("u"), raising(&[later])).unwrap();
    assert_eq!(all_of(store, "u").len(), 1);
    let key = alert(80).key;
    let others = [
        AlertKey { threshold_percent: 90, ..key.clone() },
        AlertKey { maximum: 200, ..key.clone() },
        AlertKey { armed_from: hour(24), ..key.clone() },
        AlertKey { subject: "openai_calls".into(), ..key.clone() },
        AlertKey { kind: AlertKind::Velocity, ..key.clone() },
    ];
    for key in others {
        write(store, Some("u"), raising(&[NewAlert { key, ..alert(80) }])).unwrap();
    }
    assert_eq!(all_of(store, "u").len(), 6);
    write(store, Some("v"), raising(&[alert(80)])).unwrap();
    assert_eq!(all_of(store, "v").len(), 1, "of another user");
}

pub(crate) fn an_alert_of_a_failed_work_is_not_raised(store: &dyn Store) {
    let twice = recording("u", &[("k", call()), ("k", call())]);
    let changes = Changes { alerts: vec![alert(80)], ..twice };
    write(store, Some("u"), changes).unwrap_err();
    assert_eq!(all_of(store, "u"), []);
    let changes = Changes { alerts: vec![alert(80)], ..Changes::default() };
    write(store, Some("nobody"), changes).unwrap_err();
}

pub(crate) fn an_account_knows_what_its_user_was_told(store: &dyn Store) {
    let told = || {
        let mut told = store.account("u").unwrap().unwrap().told.clone();
        told.sort();
        told
    };
    write(store, Some("u"), raising(&[alert(80), alert(90)])).unwrap();
    assert_eq!(told(), [alert(80).key, alert(90).key]);
    // What belongs to an earlier window of the same limit is no longer needed.
    let next = AlertKey { armed_from: hour(24), ..alert(80).key };
    write(store, Some("u"), raising(&[NewAlert { key: next.clone(), ..alert(80) }])).unwrap();
    assert_eq!(told(), std::slice::from_ref(&next));
    let late = AlertKey { threshold_percent: 100, ..alert(80).key };
    write(store, Some("u"), raising(&[NewAlert { key: late, ..alert(80) }])).unwrap();
    assert_eq!(told(), [next]);
}

pub(crate) fn alerts_are_read_and_put_away(store: &dyn Store) {
    write(store, Some("u"), raising(&[alert(80), alert(90), alert(100)])).unwrap();
    write(store, Some("v"), raising(&[alert(80)])).unwrap();
    let mark = |user: &str, mark| {
        let changes = Changes { alert_marks: vec![mark], ..Changes::default() };
        write(store, Some(user), changes).unwrap();
    };
    mark("u", AlertMark::Read { id: 1, at: hour(2) });
    mark("u", AlertMark::Read { id: 1, at: hour(3) });
    mark("u", AlertMark::Dismissed { id: 2, at: hour(4) });
    mark("v", AlertMark::Read { id: 3, at: hour(5) });
    assert_eq!(store.alert(1).unwrap().unwrap().read_at, Some(hour(2)), "the first time stands");
    assert_eq!(store.alert(3).unwrap().unwrap().read_at, None, "of another user");
    let listed = page(store, Audience::User("u"), &AlertFilter::default());
    assert_eq!((listed.alerts.len(), listed.total, listed.unread_count), (2, 2, 1));
    let unread = page(store, Audience::User("u"), &AlertFilter::unread());
    assert_eq!(unread.alerts.iter().map(|alert| alert.id).collect::<Vec<_>>(), [3]);
    mark("u", AlertMark::AllRead { at: hour(6) });
    assert_eq!(page(store, Audience::User("u"), &AlertFilter::unread()).total, 0);
    assert_eq!(store.alert(2).unwrap().unwrap().read_at, None, "it was put away");
    assert_eq!(page(store, Audience::User("v"), &AlertFilter::unread()).unread_count, 1);
}

pub(crate) fn alerts_are_filtered_and_paged(store: &dyn Store) {
    let unpriced = AlertKey { kind: AlertKind::Unpriced, ..alert(80).key };
    let all = [alert(80), alert(90), alert(100), NewAlert { key: unpriced, ..alert(80) }];
    write(store, Some("u"), raising(&all)).unwrap();
    let ids = |filter: &AlertFilter, page| -> Vec<i64> {
        let found = store.alerts(Audience::User("u"), filter, page).unwrap();
        assert_eq!(found.unread_count, 4, "whatever the filter");
        found.alerts.iter().map(|alert| alert.id).collect()
    };
    let of_kind = |kind| AlertFilter {
        kind: Some(kind),
        severity: Some(Severity::Info),
        ..AlertFilter::default()
    };
    assert_eq!(ids(&of_kind(AlertKind::UsageThreshold), Page::default()), [1]);
    assert_eq!(ids(&of_kind(AlertKind::Unpriced), Page::default()), [4]);
    let everything = AlertFilter::default();
    assert_eq!(ids(&everything, Page { limit: 2, ..Page::default() }), [4, 3]);
    assert_eq!(ids(&everything, Page { offset: 3, ..Page::default() }), [1]);
    assert_eq!(ids(&everything, Page { before_id: Some(3), ..Page::default() }), [2, 1]);
    assert!(page(store, Audience::User("nobody"), &everything).alerts.is_empty());
}

pub(crate) fn the_operator_has_alerts_of_its_own(store: &dyn Store) {
    let changes = Changes { alerts: vec![alert(80), alert(80)], ..Changes::default() };
    write(store, None, changes.clone()).unwrap();
    write(store, None, changes).unwrap();
    write(store, Some("u"), raising(&[alert(80)])).unwrap();
    let own = page(store, Audience::Operator, &AlertFilter::default());
    assert_eq!((own.total, own.unread_count), (1, 1));
    assert_eq!(own.alerts[0].user, None);
    let marks = vec![AlertMark::AllRead { at: hour(2) }];
    write(store, None, Changes { alert_marks: marks, ..Changes::default() }).unwrap();
    assert_eq!(page(store, Audience::Operator, &AlertFilter::unread()).total, 0);
    assert_eq!(page(store, Audience::User("u"), &AlertFilter::unread()).total, 1);
}
