//! Alerts: what users were told by ALwrity, under the keys of ours, so that nobody is told again.

use std::collections::BTreeSet;

use alwrity_metering::domain::subscription::Timeline;
use alwrity_metering::{AlertKey, AlertKind, NewAlert, Plan, Severity, Timestamp};

use super::call::period_start;
use super::provider::named;
use super::row::AlertRow;
use super::term::clip;

/// The alerts of a user, in the order that they were raised in.
pub(super) fn alerts(
    rows: Vec<&AlertRow>,
    timeline: &Timeline,
    default_plan: &str,
    plans: &[Plan],
) -> Vec<NewAlert> {
    let mut keys = BTreeSet::new();
    let mut sorted = rows;
    sorted.sort_by_key(|row| row.created_at);
    let mut alerts = Vec::with_capacity(sorted.len());
    for row in sorted {
        let plan_id = timeline.standing(row.created_at, default_plan).plan_id;
        let plan = plans.iter().find(|plan| plan.id == plan_id);
        let mut alert = alert(row, period_start(timeline, &row.period), plan);
        // ALwrity may tell the same many times; each is kept, the first as the one that counts.
        while !keys.insert(alert.key.clone()) {
            let armed_from = alert.key.armed_from.max(row.created_at).plus_micros(1);
            alert.key = AlertKey { armed_from, ..alert.key };
        }
        alerts.push(alert);
    }
    alerts
}

fn alert(row: &AlertRow, period_starts_at: Timestamp, plan: Option<&Plan>) -> NewAlert {
    let is_failure = row.kind.contains("error");
    let provider = row.provider.as_deref().map(named);
    let subject = match provider {
        _ if is_failure => row.kind.clone(),
        _ if row.kind.contains("cost") => "monthly_cost".to_owned(),
        Some(provider) if row.kind.contains("token") => format!("{provider}_tokens"),
        Some(provider) => format!("{provider}_calls"),
        None => "monthly_cost".to_owned(),
    };
    let maximum =
        plan.and_then(|plan| plan.limit(&subject)).and_then(|limit| limit.maximum.bound());
    let threshold_percent = u8::try_from(row.threshold).unwrap_or(u8::MAX);
    let severity = match row.severity.as_deref() {
        Some("info") => Severity::Info,
        Some("warning") => Severity::Warning,
        Some("error" | "critical") => Severity::Error,
        _ => Severity::of_threshold(threshold_percent),
    };
    NewAlert {
        key: AlertKey {
            kind: if is_failure { AlertKind::CriticalError } else { AlertKind::UsageThreshold },
            subject: clip(&subject, 128),
            maximum: maximum.unwrap_or(0),
            threshold_percent,
            armed_from: period_starts_at,
        },
        period_starts_at,
        provider: provider.map(|provider| clip(provider, 128)),
        title: clip(&row.title, 255),
        message: clip(&row.message, 2048),
        severity,
        recommended_action: None,
        upgrade_plan_id: None,
        created_at: row.created_at,
        sent_at: row.sent_at,
        read_at: row.read_at,
        channels: Vec::new(),
    }
}
