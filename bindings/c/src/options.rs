//! Options: how a meter is opened.

use alwrity_metering::meter::options::UnknownPrice;
use alwrity_metering::{
    Clock, Durability, Error, ExpiredHolds, ManualClock, Money, Options, Result, Synchronous,
};

use crate::answer::kept;
use crate::call::instant;
use crate::caller::{Caller, Promise, grows};
use crate::codes::{ALWM_NONE, alwm_durability, alwm_expired_holds, alwm_synchronous, chosen};
use crate::status::alwm_status;
use crate::text::alwm_text;

/// The options of a meter; the defaults are right for a service that handles money.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct alwm_options {
    /// Set by `alwm_options_init`.
    pub size: usize,
    /// The plan of users without a subscription; `free` by default.
    pub default_plan: alwm_text,
    /// What a call that nothing prices becomes: `record` (by default), `reject` or
    /// `PROVIDER/MODEL`.
    pub unknown_price: alwm_text,
    /// The channels that deliver alerts, with commas; none by default.
    pub alert_channels: alwm_text,
    /// Output tokens that are held for a chat without `max_output_tokens`; 1024 by default.
    pub default_output_tokens: i64,
    /// What is added to a hold's estimate of input tokens, in percent; 0 by default.
    pub hold_margin_percent: i64,
    /// What is added to an estimate of input tokens by `alwm_estimate_…`, in percent; 10 by
    /// default.
    pub estimate_margin_percent: i64,
    /// How long a hold lives, in ms; 600000 by default.
    pub hold_ttl_ms: i64,
    /// What a call is held at when no price of its operation is known; $0.10 by default.
    pub unpriced_hold_pico_usd: i64,
    /// The longest wait for the queue and the lock, in ms; 5000 by default.
    pub busy_timeout_ms: i64,
    /// Works that may wait in the queue; 4096 by default.
    pub queue_capacity: i64,
    /// Rows that `alwm_query` returns at most; 10000 by default.
    pub query_rows_max: i64,
    /// Where the meter's clock stands, to be moved by `alwm_set_now`; `ALWM_NONE`, the default,
    /// for the system's clock.
    pub now_us: i64,
    /// An `alwm_expired_holds`; release by default.
    pub expired_holds: i32,
    /// An `alwm_durability`; durable by default.
    pub durability: i32,
    /// An `alwm_synchronous`; full by default.
    pub synchronous: i32,
    /// Whether a file that is a symbolic link or has a second name is accepted.
    pub allow_linked_file: i32,
    /// Whether a file on a network disk is accepted.
    pub allow_network_disk: i32,
    /// Whether variables `ALWRITY_METERING_…` of the environment replace what stands here.
    pub reads_environment: i32,
}

grows!(alwm_options, up to reads_environment: i32, {
    size: size_of::<alwm_options>(),
    default_plan: alwm_text::NONE,
    unknown_price: alwm_text::NONE,
    alert_channels: alwm_text::NONE,
    default_output_tokens: 1024,
    hold_margin_percent: 0,
    estimate_margin_percent: 10,
    hold_ttl_ms: 600_000,
    unpriced_hold_pico_usd: 100_000_000_000,
    busy_timeout_ms: 5000,
    queue_capacity: 4096,
    query_rows_max: 10_000,
    now_us: ALWM_NONE,
    expired_holds: alwm_expired_holds::Release as i32,
    durability: alwm_durability::Durable as i32,
    synchronous: alwm_synchronous::Full as i32,
    allow_linked_file: 0,
    allow_network_disk: 0,
    reads_environment: 0,
});

/// A count that is no number of ours where it is negative.
fn count<T: TryFrom<i64>>(option: &'static str, number: i64) -> Result<T> {
    T::try_from(number).map_err(|_| Error::InvalidOption {
        option,
        value: number.to_string(),
        expected: "a number within its range, see docs/operations.md",
    })
}

impl alwm_options {
    /// The options of the core that it says, and the clock that `alwm_set_now` moves.
    pub(crate) fn for_core(&self, caller: Caller<'_>) -> Result<(Options, Option<ManualClock>)> {
        let clock = instant(self.now_us)?.map(ManualClock::at);
        let default = Options::default();
        let unknown_price = caller.optional("unknown_price", self.unknown_price)?;
        let default_plan = caller.optional("default_plan", self.default_plan)?;
        let expired = [
            (alwm_expired_holds::Release as i32, ExpiredHolds::Release),
            (alwm_expired_holds::Charge as i32, ExpiredHolds::Charge),
        ];
        let durabilities = [
            (alwm_durability::Durable as i32, Durability::Durable),
            (alwm_durability::Queued as i32, Durability::Queued),
        ];
        let synchronous = [
            (alwm_synchronous::Full as i32, Synchronous::Full),
            (alwm_synchronous::Normal as i32, Synchronous::Normal),
        ];
        let expected = "one of its codes";
        // Without `..`, so that a new option is a compile error here.
        let mut options = Options {
            clock: clock.clone().map_or(Clock::System, Clock::Manual),
            default_plan: default_plan.map_or(default.default_plan, str::to_owned),
            default_output_tokens: self.default_output_tokens,
            hold_margin_percent: self.hold_margin_percent,
            estimate_margin_percent: self.estimate_margin_percent,
            hold_ttl_ms: self.hold_ttl_ms,
            unpriced_hold_usd: Money::from_pico_usd(self.unpriced_hold_pico_usd),
            unknown_price: unknown_price.map_or(Ok(UnknownPrice::Record), str::parse)?,
            expired_holds: chosen("expired_holds", self.expired_holds, &expired, expected)?,
            durability: chosen("durability", self.durability, &durabilities, expected)?,
            synchronous: chosen("synchronous", self.synchronous, &synchronous, expected)?,
            busy_timeout_ms: count("busy_timeout_ms", self.busy_timeout_ms)?,
            queue_capacity: count("queue_capacity", self.queue_capacity)?,
            query_rows_max: count("query_rows_max", self.query_rows_max)?,
            alert_channels: Vec::new(),
            allow_linked_file: self.allow_linked_file != 0,
            allow_network_disk: self.allow_network_disk != 0,
        };
        if let Some(channels) = caller.optional("alert_channels", self.alert_channels)? {
            options.set("alert_channels", channels)?;
        }
        if self.reads_environment != 0 {
            options.set_from_environment()?;
        }
        Ok((options, clock))
    }
}

/// Sets the size and every default; `size` is `sizeof *options`.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_options_init(options: *mut alwm_options, size: usize) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| caller.initialise(options, size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::Grows;

    #[test]
    fn the_defaults_are_those_of_the_core() {
        // SAFETY: no pointer of these options is set.
        let promise = unsafe { Promise::given() };
        let (options, clock) = alwm_options::initial().for_core(promise.caller()).unwrap();
        assert_eq!(format!("{options:?}"), format!("{:?}", Options::default()));
        assert!(clock.is_none());
    }
}
