//! Decisions: judging estimates against a user's limits, and saying it in words.

use super::draft::Estimate;
use super::posting::Posting;
use super::receipt::{CallVerdict, Decision, Reason};
use crate::domain::hold::Hold;
use crate::domain::limit::{Amount, Judgement, LimitState, Want, judge};
use crate::domain::money::Money;
use crate::domain::plan::{Metric, Plan};
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
        let upgrade = refusing.and_then(|state| self.upgrade_for(state));
        let resets_at = refusing.and_then(|state| state.resets_at);
        let calls = if wants.len() > 1 {
            self.verdicts(wants)
        } else {
            let (fits, limit) = (judgement.fits, limit.clone());
            wants.iter().map(|want| verdict(want, fits, limit.clone(), plan)).collect()
        };
        Ok(Decision {
            allowed: judgement.fits,
            reason: reason(&judgement, limit.as_ref()),
            user: self.account.user.clone(),
            plan_id: plan.id.clone(),
            message: refusing.map_or_else(
                || "within all limits".to_owned(),
                |state| refusal_message(state, plan, upgrade),
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
                Some(verdict(want, !is_refused, covering.cloned(), plan))
            })
            .collect()
    }

    /// What would help; nothing where the user's own limit refuses, which no plan changes.
    fn upgrade_for(&self, state: &LimitState) -> Option<&Plan> {
        if state.is_override {
            return None;
        }
        let total = [state.used, state.held, state.wanted]
            .iter()
            .map(|amount| i128::from(amount.number()))
            .sum();
        self.catalogue.upgrade(&self.standing.plan_id, &state.name, total)
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

fn verdict(want: &Want, allowed: bool, limit: Option<LimitState>, plan: &Plan) -> CallVerdict {
    let message =
        limit.as_ref().filter(|_| !allowed).map(|state| refusal_message(state, plan, None));
    CallVerdict {
        provider: want.provider.clone(),
        operation: want.operation.clone(),
        allowed,
        cost_usd: want.cost,
        limit,
        message,
    }
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

/// What a refused user reads: what is used up, when it resets, and what would help.
fn refusal_message(state: &LimitState, plan: &Plan, upgrade: Option<&Plan>) -> String {
    let mut sentences = Vec::new();
    match state.maximum {
        Some(maximum) if maximum.number() == 0 => {
            sentences.push(format!("{} are not part of the {} plan.", subject(state), plan.name));
        }
        Some(maximum) => sentences.push(used_up(state, maximum)),
        None => {}
    }
    if let Some(at) = state.resets_at.filter(|_| state.maximum.is_some_and(|m| m.number() > 0)) {
        sentences.push(format!("It resets at {at}."));
    }
    if let Some(upgrade) = upgrade {
        let most = upgrade
            .limit(&state.name)
            .and_then(|limit| limit.maximum.bound())
            .map_or("no such limit".to_owned(), |bound| {
                format!("{} a {}", dollars(Amount::new(&state.metric, bound.into())), "month")
            });
        sentences.push(format!("Upgrade to {} for {most}.", upgrade.name));
    }
    sentences.join(" ")
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

fn subject(state: &LimitState) -> String {
    let scope = state.provider.clone().unwrap_or_else(|| operation_text(state));
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
