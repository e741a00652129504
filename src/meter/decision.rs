//! Decisions: judging estimates against a user's limits, and saying it in words.

use super::draft::Estimate;
use super::posting::Posting;
use super::receipt::{CallVerdict, Decision, Reason};
use crate::domain::catalogue::Catalogue;
use crate::domain::hold::Hold;
use crate::domain::limit::{Amount, Judgement, LimitState, Want, judge};
use crate::domain::money::Money;
use crate::domain::plan::{Metric, Plan};
use crate::domain::subscription::SubscriptionStatus;
use crate::domain::time::{Timestamp, Window};
use crate::error::Result;

impl From<(&Estimate, &str, i64)> for Want {
    fn from((estimate, provider, calls): (&Estimate, &str, i64)) -> Self {
        Self {
            provider: provider.to_owned(),
            operation: estimate.operation.clone(),
            calls,
            usage: estimate.usage.clone(),
            cost: estimate.cost,
        }
    }
}

impl Posting {
    /// Judges what is wanted together.
    pub(crate) fn decide(&self, wants: &[Want]) -> Result<Decision> {
        let judgement = judge(&self.limits, wants, &self.books());
        let limit = judgement.tightest.map(|place| judgement.states[place].clone());
        let refusing = limit.as_ref().filter(|_| !judgement.fits);
        let plan = self.catalogue.plan(&self.standing.plan_id)?;
        let lapsed = refusing.and_then(|_| self.lapsed());
        let needs_plan = refusing.filter(|_| lapsed.is_none());
        let upgrade = needs_plan.and_then(|_| self.upgrade_for(wants));
        let resets_at = refusing.and_then(|state| state.resets_at);
        let calls = if wants.len() > 1 {
            self.verdicts(wants)
        } else {
            let (fits, limit) = (judgement.fits, limit.clone());
            let one = |want| self.verdict(want, fits, limit.clone(), plan);
            wants.iter().map(one).collect()
        };
        Ok(Decision {
            allowed: judgement.fits,
            reason: reason(&judgement, limit.as_ref()),
            user: self.account.user.clone(),
            plan_id: plan.id.clone(),
            message: refusing.map_or_else(
                || "within all limits".to_owned(),
                |state| {
                    let facts = [refusal_message(state, plan, &self.catalogue)];
                    let helps = lapsed.or_else(|| upgrade.map(|to| upgrade_message(state, to)));
                    facts.into_iter().chain(helps).collect::<Vec<_>>().join(" ")
                },
            ),
            resets_at,
            retry_after_ms: resets_at.map(|at| retry_after_ms(at, self.now)),
            upgrade_plan_id: upgrade.map(|plan| plan.id.clone()),
            cost_usd: Money::sum(wants.iter().map(|want| want.cost))?,
            usage_period: self.standing.usage_period,
            limits: judgement.states,
            refusing: judgement.refusing,
            limit,
            calls,
            subscription_status: self.standing.status,
        })
    }

    /// How each call fares after those before it.
    fn verdicts(&self, wants: &[Want]) -> Vec<CallVerdict> {
        let plan = self.catalogue.plan(&self.standing.plan_id).ok();
        (1..=wants.len())
            .filter_map(|count| {
                let want = &wants[count - 1];
                let judgement = judge(&self.limits, &wants[..count], &self.books());
                // Only limits that cover this very call say something about it.
                let covering = judgement.states.iter().find(|state| covers(state, want));
                let is_refused = judgement
                    .states
                    .iter()
                    .any(|state| covers(state, want) && judgement.refusing.contains(&state.name));
                let plan = plan?;
                Some(self.verdict(want, !is_refused, covering.cloned(), plan))
            })
            .collect()
    }

    fn verdict(
        &self,
        want: &Want,
        allowed: bool,
        limit: Option<LimitState>,
        plan: &Plan,
    ) -> CallVerdict {
        let refusing = limit.as_ref().filter(|_| !allowed);
        let message = refusing.map(|state| refusal_message(state, plan, &self.catalogue));
        CallVerdict {
            provider: want.provider.clone(),
            operation: want.operation.clone(),
            allowed,
            cost_usd: want.cost,
            limit,
            message,
        }
    }

    /// Why the plan that the user subscribed to is not granted, where another plan is not what
    /// helps.
    fn lapsed(&self) -> Option<String> {
        let term = self.standing.term.as_ref().filter(|own| !own.grants_at(self.at))?;
        let plan = self.catalogue.plan(&term.plan_id).map_or(&term.plan_id, |plan| &plan.name);
        match term.status_at(self.at) {
            SubscriptionStatus::Suspended => Some(format!("The {plan} subscription is suspended.")),
            SubscriptionStatus::PastDue => {
                Some(format!("The payment of the {plan} subscription is past due."))
            }
            SubscriptionStatus::Expired => Some(format!("The {plan} subscription has expired.")),
            _ => None,
        }
    }

    /// The cheapest plan under which all of it would fit, with the user's own limits, which no
    /// plan changes.
    fn upgrade_for(&self, wants: &[Want]) -> Option<&Plan> {
        let books = self.books();
        self.catalogue.dearer_plans(&self.standing.plan_id).find(|plan| {
            let limits = self.account.limits_under(&plan.id, self.at, &self.catalogue);
            limits.is_ok_and(|limits| judge(&limits, wants, &books).fits)
        })
    }

    /// The limit with the least room for calls like this hold, the hold included.
    pub(crate) fn tightest_for(&self, hold: &Hold) -> Option<LimitState> {
        let nothing = Want {
            provider: hold.provider.clone(),
            operation: hold.operation.clone(),
            calls: 0,
            usage: crate::domain::usage::Usage::none(),
            cost: Money::ZERO,
        };
        let judgement = judge(&self.limits, &[nothing], &self.books());
        judgement.tightest.map(|place| judgement.states[place].clone())
    }
}

fn covers(state: &LimitState, want: &Want) -> bool {
    state.provider.as_ref().is_none_or(|own| *own == want.provider)
        && state.operation.as_ref().is_none_or(|own| *own == want.operation)
}

fn reason(judgement: &Judgement, limit: Option<&LimitState>) -> Reason {
    let is_zero = limit.is_some_and(|state| state.maximum.is_some_and(|m| m.number() == 0));
    match (judgement.fits, is_zero) {
        (true, _) => Reason::WithinLimits,
        (false, true) => Reason::NotInPlan,
        (false, false) => Reason::LimitReached,
    }
}

fn retry_after_ms(resets_at: Timestamp, now: Timestamp) -> i64 {
    resets_at.micros_since(now).max(0).saturating_add(999) / 1000
}

/// What a refused user reads: what is used up, and when it resets.
fn refusal_message(state: &LimitState, plan: &Plan, catalogue: &Catalogue) -> String {
    let Some(maximum) = state.maximum else { return String::new() };
    if maximum.number() == 0 {
        return format!("{} are not part of the {} plan.", subject(state, catalogue), plan.name);
    }
    let used_up = used_up(state, maximum);
    state.resets_at.map_or_else(|| used_up.clone(), |at| format!("{used_up} It resets at {at}."))
}

/// What the plan that would help has of the limit that refuses.
fn upgrade_message(state: &LimitState, upgrade: &Plan) -> String {
    let bound = upgrade.limit(&state.name).and_then(|limit| limit.maximum.bound());
    let Some(bound) = bound else {
        return format!("Upgrade to {}, which has no such limit.", upgrade.name);
    };
    let most = dollars(Amount::new(&state.metric, bound.into()));
    format!("Upgrade to {} for {most} {}.", upgrade.name, state.window.how_often())
}

fn used_up(state: &LimitState, maximum: Amount) -> String {
    let window = window_text(state.window);
    let used = Amount::new(
        &state.metric,
        i128::from(state.used.number()) + i128::from(state.held.number()),
    );
    let (used, maximum) = (dollars(used), dollars(maximum));
    let wanted = dollars(state.wanted);
    match &state.metric {
        Metric::Calls if state.provider.is_some() && state.operation.is_none() => {
            let provider = state.provider.as_deref().unwrap_or_default();
            format!(
                "API call limit reached for {provider}. Used {used} of {maximum} calls {window}."
            )
        }
        Metric::Calls => {
            let what = operation_text(state);
            let capital = capitalised(&what);
            format!(
                "{capital} call limit reached. \
                 Used {used} of {maximum} total {what} calls {window}."
            )
        }
        Metric::Cost => {
            format!(
                "{} cost limit reached. \
                 Current cost: {used}, Requested: {wanted}, Limit: {maximum}",
                if state.window == Window::Period { "Monthly" } else { "The" },
            ) + "."
        }
        Metric::Tokens => {
            let scope = state.provider.clone().unwrap_or_else(|| operation_text(state));
            format!(
                "Token limit would be exceeded for {scope}. \
                 Current: {used}, Requested: {wanted}, Limit: {maximum}."
            )
        }
        Metric::Unit(unit) => {
            let unit = unit.name().replace('_', " ");
            format!(
                "Limit of {unit} would be exceeded. \
                 Current: {used}, Requested: {wanted}, Limit: {maximum}."
            )
        }
    }
}

fn subject(state: &LimitState, catalogue: &Catalogue) -> String {
    let scope = state.provider.as_deref().map_or_else(
        || operation_text(state),
        |id| catalogue.provider(id).map_or(id, |provider| &provider.display_name).to_owned(),
    );
    let what = match &state.metric {
        Metric::Calls => "calls",
        Metric::Tokens => "tokens",
        Metric::Cost => "paid calls",
        Metric::Unit(unit) => unit.name(),
    };
    capitalised(&format!("{scope} {what}"))
}

fn operation_text(state: &LimitState) -> String {
    match state.operation.as_ref().map(crate::domain::operation::Operation::as_str) {
        Some("chat") => "AI text generation".to_owned(),
        Some(other) => other.replace('_', " "),
        None => "API".to_owned(),
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

const fn window_text(window: Window) -> &'static str {
    match window {
        Window::Period => "this billing period",
        Window::Minute => "this minute",
        Window::Hour => "this hour",
        Window::Day => "today",
        Window::Lifetime => "in all",
    }
}

/// An amount as people read it: dollars with two decimals at least.
fn dollars(amount: Amount) -> String {
    let text = amount.to_string();
    match (amount, text.split_once('.')) {
        (Amount::Usd(_), None) => format!("{text}.00"),
        (Amount::Usd(_), Some((_, decimals))) if decimals.len() == 1 => format!("{text}0"),
        _ => text,
    }
}
