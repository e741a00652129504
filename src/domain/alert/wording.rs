//! What people read in an alert.

use super::{Alert, AlertKey, AlertKind, NewAlert, Severity};
use crate::domain::call::Call;
use crate::domain::catalogue::Catalogue;
use crate::domain::limit::Amount;
use crate::domain::plan::{Limit, Metric, Plan, Policy};
use crate::domain::time::{Span, Timestamp, Window};

/// The facts that an alert about a limit is written from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LimitFacts<'a> {
    pub(crate) limit: &'a Limit,
    pub(crate) used: i128,
    pub(crate) catalogue: &'a Catalogue,
    /// The cheapest plan that would help.
    pub(crate) upgrade: Option<&'a Plan>,
    /// The end of the limit's window.
    pub(crate) resets_at: Option<Timestamp>,
    pub(crate) armed_from: Timestamp,
    pub(crate) usage_period: Span,
    pub(crate) now: Timestamp,
}

impl LimitFacts<'_> {
    /// The alert that a threshold raises.
    pub(crate) fn threshold(&self, percent: u8, channels: Vec<String>) -> NewAlert {
        let severity = Severity::of_threshold(percent);
        let grade = match severity {
            Severity::Info => "Notice",
            Severity::Warning => "Warning",
            Severity::Error => "Limit Reached",
        };
        let used = shown(Amount::new(&self.limit.metric, self.used));
        let (maximum, when) = (self.maximum(), window_text(self.limit.window));
        let message = match self.limit.metric {
            Metric::Cost => format!("You have spent {used} of {maximum} {when}."),
            _ => format!("You have used {used} of {maximum} {} {when}.", self.what()),
        };
        let key = self.key(AlertKind::UsageThreshold, self.limit.maximum.bound(), percent);
        let title = format!("{} {grade} - {}", self.area(), self.scope());
        self.alert(key, title, message, severity, self.action(percent >= 100), channels)
    }

    /// The alert that the pace of a period raises.
    pub(crate) fn velocity(&self, reached_at: Timestamp, channels: Vec<String>) -> NewAlert {
        let message = format!(
            "At this pace your {} reach the limit of {} on {}, before the billing period ends \
             on {}.",
            self.what(),
            self.maximum(),
            reached_at.day_label(),
            self.usage_period.ends_at.day_label()
        );
        let key = self.key(AlertKind::Velocity, None, 100);
        let title = format!("{} Pace Warning - {}", self.area(), self.scope());
        self.alert(key, title, message, Severity::Warning, self.action(false), channels)
    }

    fn key(&self, kind: AlertKind, maximum: Option<i64>, threshold_percent: u8) -> AlertKey {
        AlertKey {
            kind,
            subject: self.limit.name.clone(),
            maximum: maximum.unwrap_or(0),
            threshold_percent,
            armed_from: self.armed_from,
        }
    }

    fn alert(
        &self,
        key: AlertKey,
        title: String,
        message: String,
        severity: Severity,
        recommended_action: Option<String>,
        channels: Vec<String>,
    ) -> NewAlert {
        NewAlert {
            key,
            period_starts_at: self.usage_period.starts_at,
            provider: self.limit.provider.clone(),
            title,
            message,
            severity,
            recommended_action,
            upgrade_plan_id: self.upgrade.map(|plan| plan.id.clone()),
            created_at: self.now,
            sent_at: None,
            read_at: None,
            channels,
        }
    }

    /// `Gemini`, `AI text generation`, or what everything together is called.
    fn scope(&self) -> String {
        let provider = self.limit.provider.as_deref().map(|id| self.provider_name(id));
        match (provider, &self.limit.operation) {
            (Some(provider), Some(operation)) => {
                format!("{provider} {}", operation_text(operation.as_str()))
            }
            (Some(provider), None) => provider,
            (None, Some(operation)) => capitalised(&operation_text(operation.as_str())),
            (None, None) => match &self.limit.metric {
                Metric::Unit(unit) => capitalised(&unit.name().replace('_', " ")),
                _ => "All Providers".to_owned(),
            },
        }
    }

    fn provider_name(&self, id: &str) -> String {
        self.catalogue
            .provider(id)
            .map_or_else(|| capitalised(id), |provider| provider.display_name.clone())
    }

    fn area(&self) -> &'static str {
        match self.limit.metric {
            Metric::Calls => "API Usage",
            Metric::Tokens => "Token Usage",
            Metric::Cost => "Spending",
            Metric::Unit(_) => "Usage",
        }
    }

    /// What is counted: `Gemini API calls`, `tokens`, `spending on all providers`.
    fn what(&self) -> String {
        let scope = match (&self.limit.provider, &self.limit.operation) {
            (None, None) => String::new(),
            (Some(id), None) => self.provider_name(id) + " ",
            (Some(id), Some(operation)) => {
                format!("{} {} ", self.provider_name(id), operation_text(operation.as_str()))
            }
            (None, Some(operation)) => operation_text(operation.as_str()) + " ",
        };
        match &self.limit.metric {
            Metric::Calls if self.limit.operation.is_some() => format!("{scope}calls"),
            Metric::Calls => format!("{scope}API calls"),
            Metric::Tokens => format!("{scope}tokens"),
            Metric::Cost => format!("{scope}costs"),
            Metric::Unit(unit) => format!("{scope}{}", unit.name().replace('_', " ")),
        }
    }

    fn maximum(&self) -> String {
        let bound = self.limit.maximum.bound().unwrap_or(0);
        shown(Amount::new(&self.limit.metric, bound.into()))
    }

    /// What to do: the plan that would fit, or what happens from now on.
    fn action(&self, is_reached: bool) -> Option<String> {
        let most = |plan: &Plan| {
            let own = plan.limit(&self.limit.name);
            let bound = own.and_then(|limit| limit.maximum.bound());
            bound.map_or_else(
                || format!("unlimited {}", self.what()),
                |bound| {
                    let maximum = shown(Amount::new(&self.limit.metric, bound.into()));
                    match self.limit.metric {
                        Metric::Cost => format!("up to {maximum}"),
                        _ => format!("{maximum} {}", self.what()),
                    }
                },
            )
        };
        if let Some(plan) = self.upgrade {
            let (most, how_often) = (most(plan), self.limit.window.how_often());
            return Some(format!("Upgrade to {} for {most} {how_often}.", plan.name));
        }
        let resets = |at: Timestamp| match self.limit.policy {
            Policy::Hard if is_reached => format!("Further calls are refused until {at}."),
            _ if is_reached => format!("The limit starts anew at {at}."),
            _ => format!("Slow down: the limit starts anew at {at}."),
        };
        self.resets_at.map(resets)
    }
}

/// The alert that a call without a price raises.
pub(crate) fn unpriced(call: &Call, now: Timestamp, channels: Vec<String>) -> NewAlert {
    let model = if call.model.is_empty() { "(no model)" } else { &call.model };
    let priced = format!("{} / {model}", call.provider);
    let key = AlertKey {
        kind: AlertKind::Unpriced,
        subject: format!("{}/{} {}", call.provider, call.model, call.operation),
        maximum: 0,
        threshold_percent: 0,
        armed_from: call.period_starts_at,
    };
    NewAlert {
        key,
        period_starts_at: call.period_starts_at,
        provider: Some(call.provider.clone()),
        title: format!("Unpriced Calls - {priced}"),
        message: format!(
            "{} calls of {priced} have no known price. They are counted, but their cost is not \
             in the totals.",
            capitalised(&operation_text(call.operation.as_str()))
        ),
        severity: Severity::Warning,
        recommended_action: Some("Add the price, then re-rate the unpriced calls.".to_owned()),
        upgrade_plan_id: None,
        created_at: now,
        sent_at: None,
        read_at: None,
        channels,
    }
}

/// The alert that a failure raises, once a day for each code.
pub(crate) fn critical(
    code: &str,
    message: String,
    action: &str,
    now: Timestamp,
    channels: Vec<String>,
) -> NewAlert {
    let armed_from = super::day_of(now);
    NewAlert {
        key: AlertKey {
            kind: AlertKind::CriticalError,
            subject: code.to_owned(),
            maximum: 0,
            threshold_percent: 0,
            armed_from,
        },
        period_starts_at: armed_from,
        provider: None,
        title: format!("Critical Error - {code}"),
        message,
        severity: Severity::Error,
        recommended_action: Some(action.to_owned()),
        upgrade_plan_id: None,
        created_at: now,
        sent_at: None,
        read_at: None,
        channels,
    }
}

impl Alert {
    /// The alert as plain text, for a mail.
    pub fn to_plain_text(&self) -> String {
        let action = self.recommended_action.as_deref().map_or(String::new(), |a| format!("{a}\n"));
        let whose = match &self.user {
            Some(user) => format!("user {user}"),
            None => "the operator".to_owned(),
        };
        format!("{}\n{action}\nRaised at {} for {whose}.\n", self.message, self.created_at)
    }
}

fn operation_text(operation: &str) -> String {
    match operation {
        "chat" => "AI text generation".to_owned(),
        other => other.replace('_', " "),
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

const fn window_text(window: Window) -> &'static str {
    match window {
        Window::Period => "this billing period",
        Window::Minute => "in one minute",
        Window::Hour => "in one hour",
        Window::Day => "today",
        Window::Lifetime => "in all",
    }
}

/// An amount as people read it: thousands in groups, dollars with two decimals at least.
fn shown(amount: Amount) -> String {
    let (sign, text) = match amount {
        Amount::Count(count) => ("", count.to_string()),
        Amount::Usd(money) => ("$", money.to_string()),
    };
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        let left = whole.len() - place;
        if place > 0 && left.is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    match amount {
        Amount::Count(_) => grouped,
        Amount::Usd(_) => format!("{sign}{grouped}.{decimals:0<2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Money;
    use crate::domain::operation::Operation;
    use crate::domain::plan::Maximum;

    fn facts<'a>(limit: &'a Limit, used: i128, catalogue: &'a Catalogue) -> LimitFacts<'a> {
        let at = |text: &str| text.parse().unwrap();
        let usage_period =
            Span { starts_at: at("2025-10-01T00:00:00Z"), ends_at: at("2025-11-01T00:00:00Z") };
        LimitFacts {
            limit,
            used,
            catalogue,
            upgrade: None,
            resets_at: Some(usage_period.ends_at),
            armed_from: usage_period.starts_at,
            usage_period,
            now: at("2025-10-11T00:00:00Z"),
        }
    }

    #[test]
    fn an_alert_reads_as_the_specification_shows_it() {
        let catalogue = Catalogue::default();
        let calls = Limit::new("gemini_calls", Metric::Calls, Maximum::AtMost(5000)).unwrap();
        let calls = calls.for_provider("gemini").unwrap();
        let alert = facts(&calls, 4000, &catalogue).threshold(80, vec![]);
        assert_eq!(alert.title, "API Usage Notice - Gemini");
        let expected = "You have used 4,000 of 5,000 Gemini API calls this billing period.";
        assert_eq!(alert.message, expected);
        assert_eq!(alert.severity, Severity::Info);
        let action = "Slow down: the limit starts anew at 2025-11-01T00:00:00Z.";
        assert_eq!(alert.recommended_action.unwrap(), action);
    }

    #[test]
    fn every_kind_of_limit_has_its_words() {
        let catalogue = Catalogue::default();
        let title = |limit: &Limit, percent| {
            let alert = facts(limit, 1_500_000_000_000, &catalogue).threshold(percent, vec![]);
            (alert.title, alert.message)
        };
        let cost = Limit::new("c", Metric::Cost, Maximum::AtMost(1_500_000_000_000)).unwrap();
        let (heading, message) = title(&cost, 100);
        assert_eq!(heading, "Spending Limit Reached - All Providers");
        assert_eq!(message, "You have spent $1.50 of $1.50 this billing period.");
        let chat = Limit::new("t", Metric::Calls, Maximum::AtMost(9)).unwrap();
        let chat = chat.for_operation(Operation::chat());
        assert_eq!(title(&chat, 90).0, "API Usage Warning - AI text generation");
    }

    #[test]
    fn amounts_are_grouped() {
        let count = |number| shown(Amount::Count(number));
        assert_eq!([count(0), count(999), count(1000)], ["0", "999", "1,000"]);
        assert_eq!([count(-1_234_567), count(-123)], ["-1,234,567", "-123"]);
        let usd = |text: &str| shown(Amount::Usd(text.parse::<Money>().unwrap()));
        assert_eq!([usd("0.5"), usd("1234"), usd("0.0625")], ["$0.50", "$1,234.00", "$0.0625"]);
    }
}
