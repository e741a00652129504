//! Drafts: what a host said about a call, checked at the door, and what the catalogue says of it.

use super::options::UnknownPrice;
use super::posting::Rules;
use crate::domain::call::{
    Call, CallDetails, CallOutcome, CallRecord, CallRequest, UsageSource, in_range,
};
use crate::domain::catalogue::Catalogue;
use crate::domain::estimate::InputEstimate;
use crate::domain::hold::Hold;
use crate::domain::money::Money;
use crate::domain::name;
use crate::domain::operation::Operation;
use crate::domain::price::{PriceMatch, PriceVersion, Variant};
use crate::domain::price_book::PriceQuery;
use crate::domain::rating::{Charge, Rated, full_usage, list_charge, rate, with_implied_units};
use crate::domain::redact::redact;
use crate::domain::time::Timestamp;
use crate::domain::usage::{Unit, Usage};
use crate::error::{Error, Result, shown};

/// The most calls that one record or request stands for.
const CALL_COUNT_MAX: i64 = 1_000_000_000;

/// Who is called for what: the part that a record and a request share.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) provider: String,
    pub(crate) operation: Option<Operation>,
    pub(crate) model: String,
    pub(crate) variant: Variant,
}

impl Target {
    fn new(provider: &str, operation: Option<&str>, model: &str, variant: Variant) -> Result<Self> {
        let model = model.trim();
        Ok(Self {
            provider: name::normalised("provider", provider)?,
            operation: operation.map(Operation::new).transpose()?,
            model: if model.is_empty() { String::new() } else { name::normalised("model", model)? },
            variant,
        })
    }

    /// The operation, the version that prices it, and how that was found. An operation that is
    /// not given is what the model's price is for, else what the provider mostly does, else chat.
    pub(crate) fn priced<'a>(
        &self,
        catalogue: &'a Catalogue,
        at: Timestamp,
        unknown: &UnknownPrice,
    ) -> (Operation, Option<&'a PriceVersion>, PriceMatch) {
        if let Some(operation) = &self.operation {
            let (price, price_match) = self.price(catalogue, operation, at, unknown);
            return (operation.clone(), price, price_match);
        }
        let (provider, model) = (self.provider.as_str(), self.model.as_str());
        let usual = catalogue.usual_operation(provider);
        let (price, price_match) = self.price(catalogue, &usual, at, unknown);
        let is_of_model =
            matches!(price_match, PriceMatch::Exact | PriceMatch::Alias | PriceMatch::Prefix);
        // A model that is priced for what the provider mostly does may do other things too.
        let own =
            if is_of_model { None } else { catalogue.prices.operation_of(provider, model, at) };
        match own {
            Some(own) if *own != usual => {
                let (price, price_match) = self.price(catalogue, own, at, unknown);
                (own.clone(), price, price_match)
            }
            _ => (usual, price, price_match),
        }
    }

    fn price<'a>(
        &self,
        catalogue: &'a Catalogue,
        operation: &Operation,
        at: Timestamp,
        unknown: &UnknownPrice,
    ) -> (Option<&'a PriceVersion>, PriceMatch) {
        let (provider, model) = (self.provider.as_str(), self.model.as_str());
        let query = PriceQuery { provider, model, operation, variant: self.variant, at };
        let named = match unknown {
            UnknownPrice::As { provider, model } => Some((provider.as_str(), model.as_str())),
            UnknownPrice::Record | UnknownPrice::Reject => None,
        };
        match catalogue.find_price(&query, named) {
            Some(found) => (Some(found.version), found.price_match),
            None => (None, PriceMatch::Unknown),
        }
    }
}

/// A call that was made, checked.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) target: Target,
    pub(crate) usage: Usage,
    pub(crate) usage_source: UsageSource,
    pub(crate) vendor_cost: Option<Money>,
    pub(crate) status_code: i64,
    pub(crate) call_count: i64,
    pub(crate) details: CallDetails,
}

impl TryFrom<&CallRecord> for Draft {
    type Error = Error;

    fn try_from(record: &CallRecord) -> Result<Self> {
        let operation = record.operation.as_deref();
        let target = Target::new(&record.provider, operation, &record.model, record.variant)?;
        let outcome = CallOutcome {
            usage: record.usage.clone(),
            usage_source: record.usage_source,
            vendor_cost_usd: record.vendor_cost_usd,
            status_code: record.status_code,
            details: record.details.clone(),
        };
        in_range("call_count", record.call_count, 1, CALL_COUNT_MAX)?;
        check_outcome(&outcome)?;
        Self::new(target, record.call_count, outcome)
    }
}

/// Checks what a host says of a call that was made. It cannot say that a usage is an expired
/// hold's: only the library charges those.
pub(crate) fn check_outcome(outcome: &CallOutcome) -> Result<()> {
    if outcome.usage_source == UsageSource::ExpiredHold {
        let value = outcome.usage_source.name().to_owned();
        let expected = "`reported` or `estimated`".into();
        return Err(Error::InvalidArgument { name: "usage_source", value, expected });
    }
    check_amounts(outcome)
}

fn check_amounts(outcome: &CallOutcome) -> Result<()> {
    outcome.usage.validate()?;
    outcome.details.validate()?;
    in_range("status_code", outcome.status_code, 100, 599)?;
    match outcome.vendor_cost_usd {
        Some(cost) if cost < Money::ZERO => {
            let (value, expected) = (cost.to_string(), "dollars, 0 or more".into());
            Err(Error::InvalidArgument { name: "vendor_cost_usd", value, expected })
        }
        _ => Ok(()),
    }
}

impl Draft {
    fn new(target: Target, call_count: i64, outcome: CallOutcome) -> Result<Self> {
        check_amounts(&outcome)?;
        let CallOutcome { usage, usage_source, vendor_cost_usd, status_code, mut details } =
            outcome;
        details.error_message = details.error_message.as_deref().map(redact);
        let vendor_cost = vendor_cost_usd;
        Ok(Self { target, usage, usage_source, vendor_cost, status_code, call_count, details })
    }

    /// The outcome of the call that a hold was for.
    pub(crate) fn of_hold(hold: &Hold, outcome: &CallOutcome) -> Result<Self> {
        let target = Target {
            provider: hold.provider.clone(),
            operation: Some(hold.operation.clone()),
            model: hold.model.clone(),
            variant: hold.variant,
        };
        Self::new(target, hold.call_count, outcome.clone())
    }

    /// The outcome of the call that is already recorded.
    pub(crate) fn of_call(call: &Call, outcome: &CallOutcome) -> Result<Self> {
        let target = Target {
            provider: call.provider.clone(),
            operation: Some(call.operation.clone()),
            model: call.model.clone(),
            variant: call.variant,
        };
        Self::new(target, call.call_count, outcome.clone())
    }
}

/// What a draft used and costs.
#[derive(Clone, Debug)]
pub(crate) struct Costing {
    pub(crate) operation: Operation,
    pub(crate) usage: Usage,
    /// What is charged; nothing when unknown.
    pub(crate) cost: Option<Money>,
    /// The charge by the list; nothing when unknown.
    pub(crate) charge: Option<Charge>,
    pub(crate) price_version_id: Option<i64>,
    pub(crate) price_match: PriceMatch,
}

/// Rates a draft at an instant. A vendor's own cost wins over the list price.
pub(crate) fn cost_of(
    draft: &Draft,
    catalogue: &Catalogue,
    at: Timestamp,
    unknown: &UnknownPrice,
) -> Result<Costing> {
    let (operation, price, price_match) = draft.target.priced(catalogue, at, unknown);
    cost_with(draft, operation, price, price_match, catalogue)
}

/// Rates a draft with a version that is known already.
pub(crate) fn cost_with(
    draft: &Draft,
    operation: Operation,
    price: Option<&PriceVersion>,
    price_match: PriceMatch,
    catalogue: &Catalogue,
) -> Result<Costing> {
    let Draft { status_code, call_count, .. } = *draft;
    let usage = full_usage(&draft.usage, &operation, status_code, call_count, price);
    if price.is_none() {
        // With a price, rating checks the subsets.
        catalogue.units.split(&usage)?;
    }
    let charge = list_charge(price, status_code, &usage, &catalogue.units)?;
    let list_cost = charge.as_ref().map(|charge| charge.cost_usd);
    Ok(Costing {
        operation,
        usage,
        cost: draft.vendor_cost.or(list_cost),
        price_version_id: charge.as_ref().and(price).map(|price| price.id),
        price_match: if charge.is_some() { price_match } else { PriceMatch::Unknown },
        charge,
    })
}

impl Costing {
    /// The ledger row of a draft; its id is given when it is entered.
    pub(crate) fn into_call(
        self,
        draft: &Draft,
        occurred_at: Timestamp,
        recorded_at: Timestamp,
        period_starts_at: Timestamp,
    ) -> Call {
        // The vendor's cost has no parts: all of it is neither input nor output.
        let charge = self.charge.filter(|_| draft.vendor_cost.is_none()).unwrap_or_default();
        Call {
            id: 0,
            provider: draft.target.provider.clone(),
            operation: self.operation,
            model: draft.target.model.clone(),
            variant: draft.target.variant,
            usage: self.usage,
            usage_source: draft.usage_source,
            call_count: draft.call_count,
            status_code: draft.status_code,
            occurred_at,
            recorded_at,
            period_starts_at,
            cost: self.cost,
            cost_input: charge.cost_input_usd,
            cost_output: charge.cost_output_usd,
            vendor_cost: draft.vendor_cost,
            price_version_id: self.price_version_id,
            price_match: self.price_match,
            is_late: false,
            details: draft.details.clone(),
        }
    }
}

/// A call that is asked for, checked.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) target: Target,
    pub(crate) input_tokens: i64,
    pub(crate) max_output_tokens: Option<i64>,
    pub(crate) usage: Usage,
    pub(crate) call_count: i64,
    pub(crate) occurred_at: Option<Timestamp>,
    pub(crate) ttl_ms: Option<i64>,
    pub(crate) input_estimate: Option<InputEstimate>,
}

impl TryFrom<&CallRequest> for Ask {
    type Error = Error;

    fn try_from(request: &CallRequest) -> Result<Self> {
        let operation = request.operation.as_deref();
        request.usage.validate()?;
        let tokens = Usage::tokens(request.input_tokens, request.max_output_tokens.unwrap_or(0));
        tokens.validate()?;
        tokens.plus(&request.usage)?.validate()?;
        in_range("call_count", request.call_count, 1, CALL_COUNT_MAX)?;
        request.input_estimate.as_ref().map_or(Ok(()), InputEstimate::validate)?;
        in_range("ttl_ms", request.ttl_ms.unwrap_or(1), 1, 604_800_000)?;
        Ok(Self {
            target: Target::new(&request.provider, operation, &request.model, request.variant)?,
            input_tokens: request.input_tokens,
            max_output_tokens: request.max_output_tokens,
            usage: request.usage.clone(),
            call_count: request.call_count,
            occurred_at: request.occurred_at,
            ttl_ms: request.ttl_ms,
            input_estimate: request.input_estimate,
        })
    }
}

/// What a call will probably use and cost.
#[derive(Clone, Debug)]
pub(crate) struct Estimate {
    pub(crate) operation: Operation,
    pub(crate) usage: Usage,
    /// The cost; the worst case when the price is unknown.
    pub(crate) cost: Money,
    pub(crate) price_version_id: Option<i64>,
    pub(crate) price_match: PriceMatch,
}

/// Estimates what a call will use and cost at an instant.
///
/// # Errors
/// [`Error::UnknownPrice`] when nothing prices it and the rules say `reject`.
pub(crate) fn estimate(
    ask: &Ask,
    catalogue: &Catalogue,
    at: Timestamp,
    rules: &Rules,
) -> Result<Estimate> {
    let (operation, price, price_match) = ask.target.priced(catalogue, at, &rules.unknown_price);
    let usage = estimated_usage(ask, &operation, price, rules)?;
    let rated = price.map(|price| rate(price, &usage, &catalogue.units)).transpose()?;
    if let (Some(price), Some(Rated::Priced(charge))) = (price, rated) {
        return Ok(Estimate {
            operation,
            usage,
            cost: charge.cost_usd,
            price_version_id: Some(price.id),
            price_match,
        });
    }
    if rules.unknown_price == UnknownPrice::Reject {
        let Target { provider, model, .. } = &ask.target;
        return Err(Error::UnknownPrice { provider: shown(provider), model: shown(model) });
    }
    Ok(Estimate {
        cost: worst_case(catalogue, &operation, &usage, at, rules)?,
        operation,
        usage,
        price_version_id: None,
        price_match: PriceMatch::Unknown,
    })
}

fn estimated_usage(
    ask: &Ask,
    operation: &Operation,
    price: Option<&PriceVersion>,
    rules: &Rules,
) -> Result<Usage> {
    let calls = ask.call_count;
    // An estimate of this library's has its margin in it.
    let margin_percent = if ask.input_estimate.is_some() { 0 } else { rules.hold_margin_percent };
    let margin = i128::from(ask.input_tokens) * i128::from(margin_percent);
    let margin = i64::try_from((margin + 99) / 100).unwrap_or(i64::MAX);
    let default_output = match operation.as_str() {
        "chat" if ask.usage.get(&Unit::OutputTokens) == 0 => rules.default_output_tokens,
        _ => 0,
    };
    let output_tokens = ask.max_output_tokens.unwrap_or(default_output);
    let tokens = Usage::tokens(
        ask.input_tokens.saturating_add(margin).saturating_mul(calls),
        output_tokens.saturating_mul(calls),
    );
    let asked = tokens.plus(&ask.usage)?;
    let full = with_implied_units(&asked, operation, calls, price);
    full.validate()?;
    Ok(full)
}

/// The dearest current price of the operation for that usage, else the configured amount.
fn worst_case(
    catalogue: &Catalogue,
    operation: &Operation,
    usage: &Usage,
    at: Timestamp,
    rules: &Rules,
) -> Result<Money> {
    let mut dearest: Option<Money> = None;
    for version in catalogue.prices.in_force(at) {
        let is_same =
            version.operation.as_ref().map_or(operation.as_str() == "chat", |own| own == operation);
        if !is_same || version.variant != Variant::Standard {
            continue;
        }
        if let Rated::Priced(charge) = rate(version, usage, &catalogue.units)? {
            dearest = dearest.max(Some(charge.cost_usd));
        }
    }
    Ok(dearest.filter(|cost| *cost > Money::ZERO).unwrap_or(rules.unpriced_hold))
}
