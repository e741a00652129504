//! Proration: what a change of plan costs for the rest of a period, to the cent.
//!
//! What it is: arithmetic on fees and instants, shown before anything happens. What it is not: a
//! payment; that is the host's.

use serde::Serialize;

use super::money::Money;
use super::time::{Span, Timestamp};
use crate::error::Result;

/// A fee and the billing period that it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fee {
    /// The fee of the whole period.
    pub amount: Money,
    /// The period.
    pub period: Span,
}

impl Fee {
    /// The part of the fee for what is left of its period, in whole cents, half to even; all of
    /// it at the start of the period, nothing from its end on.
    pub fn unused(&self, at: Timestamp) -> Result<Money> {
        let left_us = self.period.ends_at.micros_since(at).clamp(0, self.period.length_us());
        self.amount.cents_of_share(left_us, self.period.length_us())
    }

    /// The rest of the fee: both parts add to the whole.
    pub fn used(&self, at: Timestamp) -> Result<Money> {
        self.amount.minus(self.unused(at)?)
    }
}

/// What a change at an instant costs. No part is negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Proration {
    /// What is left of the fee that was paid, and is given back.
    pub credit_usd: Money,
    /// What the new plan costs until its period ends.
    pub charge_usd: Money,
    /// What is to be paid now: the charge without the credit, at least 0.
    pub due_usd: Money,
}

impl Proration {
    /// Nothing given back, nothing charged.
    pub const NONE: Self =
        Self { credit_usd: Money::ZERO, charge_usd: Money::ZERO, due_usd: Money::ZERO };

    /// A whole fee, with nothing given back.
    pub const fn full(fee: Money) -> Self {
        Self { credit_usd: Money::ZERO, charge_usd: fee, due_usd: fee }
    }
}

/// The cost of going over from one fee to another at an instant.
///
/// A change to something cheaper gives nothing back beyond the charge: what is due is never
/// negative, and a host that pays back does so by itself.
///
/// ```
/// use alwrity_metering::Span;
/// use alwrity_metering::domain::proration::{Fee, prorate};
/// let november = Span {
///     starts_at: "2025-11-01T00:00:00Z".parse()?,
///     ends_at: "2025-12-01T00:00:00Z".parse()?,
/// };
/// let (basic, pro) = ("29".parse()?, "79".parse()?);
/// let middle = "2025-11-16T00:00:00Z".parse()?;
/// let fee = |amount| Fee { amount, period: november };
/// let proration = prorate(Some(fee(basic)), Some(fee(pro)), middle)?;
/// assert_eq!(proration.credit_usd.to_string(), "14.5");
/// assert_eq!(proration.charge_usd.to_string(), "39.5");
/// assert_eq!(proration.due_usd.to_string(), "25");
/// # Ok::<(), alwrity_metering::Error>(())
/// ```
pub fn prorate(from: Option<Fee>, to: Option<Fee>, at: Timestamp) -> Result<Proration> {
    let unused = |fee: Option<Fee>| fee.map_or(Ok(Money::ZERO), |fee| fee.unused(at));
    let charge_usd = unused(to)?;
    let credit_usd = unused(from)?.min(charge_usd);
    Ok(Proration { credit_usd, charge_usd, due_usd: charge_usd.minus(credit_usd)? })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::period::Anchor;

    fn fee(cents: i64, period: Span) -> Fee {
        Fee { amount: Money::from_pico_usd(cents * 10_000_000_000), period }
    }

    fn instants() -> impl Strategy<Value = Timestamp> {
        (0_i64..4_000_000_000_000_000).prop_map(Timestamp::from_micros_clamped)
    }

    proptest! {
        #[test]
        fn proration_is_never_negative_and_its_parts_add_up(
            anchor in instants(),
            at in instants(),
            cents in (0_i64..1_000_000, 0_i64..1_000_000),
            months in prop_oneof![Just(1_u32), Just(12)],
        ) {
            let period = Anchor(anchor).period(months, at);
            let (old, new) = (fee(cents.0, period), fee(cents.1, period));
            for fee in [old, new] {
                let (used, unused) = (fee.used(at).unwrap(), fee.unused(at).unwrap());
                prop_assert!(used >= Money::ZERO && unused >= Money::ZERO);
                prop_assert_eq!(used.plus(unused).unwrap(), fee.amount);
            }
            let Proration { credit_usd, charge_usd, due_usd } =
                prorate(Some(old), Some(new), at).unwrap();
            prop_assert!(credit_usd >= Money::ZERO && due_usd >= Money::ZERO);
            prop_assert_eq!(credit_usd.plus(due_usd).unwrap(), charge_usd);
            prop_assert!(credit_usd <= old.amount && charge_usd <= new.amount);
        }

        #[test]
        fn a_dearer_plan_costs_more_at_every_instant(
            at in instants(),
            cents in 0_i64..100_000,
            more in 0_i64..100_000,
        ) {
            let period = Anchor(Timestamp::MIN).month(at);
            let (old, new) = (fee(cents, period), fee(cents + more, period));
            let proration = prorate(Some(old), Some(new), at).unwrap();
            prop_assert_eq!(proration.credit_usd, old.unused(at).unwrap());
        }
    }

    #[test]
    fn the_whole_fee_is_left_at_the_start_and_nothing_at_the_end() {
        let period = Anchor::CALENDAR.month("2025-02-10T00:00:00Z".parse().unwrap());
        let fee = fee(2900, period);
        assert_eq!(fee.unused(period.starts_at).unwrap(), fee.amount);
        assert_eq!(fee.unused(period.ends_at).unwrap(), Money::ZERO);
        assert_eq!(fee.unused(period.ends_at.plus_micros(1)).unwrap(), Money::ZERO);
    }
}
