//! Prices every LLM, search, image and audio call exactly, refuses the call that would break a
//! user's plan before it is made, and answers at once what was used.
//!
//! It lives in your process and keeps everything in one SQLite file, which any number of threads
//! and processes share. [`Meter`] is the handle; it is cheap to clone.
//!
//! # Quick start
//!
//! ```
//! use alwrity_metering::{CallRequest, Meter, Options, PeriodChoice, Reservation, Usage};
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("metering.db");
//! let meter = Meter::open(&path, Options::default())?;
//! meter.seed("default")?; // plans and prices, once
//!
//! let request = CallRequest::new("ada", "gemini", "gemini-2.5-flash").with_tokens(900, 800);
//! if let Reservation::Granted(hold) = meter.reserve(&request)? {
//!     // … make the call: it used 512 output tokens …
//!     meter.settle("ada", hold.hold_id, &Usage::tokens(900, 512).into())?;
//! }
//! let summary = meter.usage_summary("ada", &PeriodChoice::Current)?;
//! assert_eq!((summary.total_calls, summary.total_tokens), (1, 1412));
//! # Ok::<(), alwrity_metering::Error>(())
//! ```
//!
//! # From an answer to its price
//!
//! What the provider answered says what was used; a stream is read as it comes. Nothing of the
//! text is kept.
//!
//! ```
//! use alwrity_metering::{Meter, Options, UsageStream, detect_provider, extract_usage_text};
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("metering.db");
//! let meter = Meter::open(&path, Options::default())?;
//! meter.seed("default")?;
//!
//! let call = detect_provider("https://api.openai.com/v1/chat/completions");
//! let provider = call.provider.unwrap_or_default();
//! let body = r#"{"object": "chat.completion", "model": "gpt-4o-2024-08-06", "usage":
//!     {"prompt_tokens": 1374, "completion_tokens": 244, "total_tokens": 1618}}"#;
//! if let Some(found) = extract_usage_text(&provider, body) {
//!     let receipt = meter.record_call(&found.into_record("ada", &provider))?;
//!     assert_eq!(receipt.cost_usd.map(|cost| cost.to_string()).as_deref(), Some("0.005875"));
//! }
//!
//! let mut stream = UsageStream::new("anthropic");
//! stream.push_chunk("data: {\"type\":\"message_start\",\"message\":");
//! stream.push_chunk("{\"model\":\"claude-sonnet-4-5\",\"usage\":{\"input_tokens\":25}}}\n\n");
//! stream.push_chunk("data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":15}}\n\n");
//! stream.push_chunk("data: {\"type\":\"message_stop\"}\n\n");
//! assert_eq!(stream.finish().map(|found| found.usage.total_tokens()), Some(40));
//! # Ok::<(), alwrity_metering::Error>(())
//! ```
//!
//! # The map
//!
//! | you want to | call | you get |
//! |---|---|---|
//! | open a store | [`Meter::open`] with [`Options`], [`Meter::seed`] | |
//! | keep room for a call that you will make | [`Meter::reserve`], [`Meter::reserve_all`] | a [`Reservation`] |
//! | say what it really used, or that it was not made | [`Meter::settle`], [`Meter::queue_settle`], [`Meter::release`], [`Meter::queue_release`] | a [`Receipt`] |
//! | record a call that was made | [`Meter::record_call`], [`Meter::record_calls`], [`Meter::queue_call`] | a [`Receipt`] |
//! | know whether a call would fit, keeping nothing | [`Meter::check_limit`], [`Meter::check_limits`] | a [`Decision`] |
//! | know what a call would cost | [`Meter::quote`] | a [`Quote`] |
//! | tell who was called, and what for | [`detect_provider`], [`detect_model`], [`detect_body`], [`RouteRules`] | a [`Detection`] |
//! | read what an answer or a stream used | [`extract_usage`], [`extract_usage_text`], [`UsageStream`] | [`Extracted`], which becomes a [`CallRecord`] or [`CallOutcome`] |
//! | know what a request will probably use | [`Meter::estimate`], [`Meter::calibrations`]; pure: [`estimate_tokens`], [`estimate_request`] | a [`CallEstimate`], whose request is to be reserved |
//! | know what was used and what is left | [`Meter::usage_summary`], [`Meter::usage_lines`], [`Meter::limits`], [`Meter::current_period`] | |
//! | look into the log | [`Meter::calls`], [`Meter::query`] | |
//! | put a user on a plan, or give it a limit of its own | [`Meter::subscribe`], [`Meter::set_limit`] | |
//! | change plans and prices | [`Meter::put_plan`], [`Meter::put_price`] | |
//! | price what had no price | [`Meter::unpriced`], [`Meter::re_rate`] | |
//! | take over what another system knew | [`Meter::adopt_history`], [`Meter::adopt_calls`] | [`Adopted`], a [`Receipt`] |
//! | prove every total, or restore it | [`Meter::verify`], [`Meter::rebuild`] | |
//!
//! # What to know
//!
//! | | |
//! |---|---|
//! | only `reserve` enforces | `record_call` records always: the provider was already paid |
//! | money | [`Money`], whole pico-dollars; text is exact decimal dollars; never a float |
//! | time | [`Timestamp`], microseconds in UTC; spans are half-open; the clock is an [option](Options::clock) |
//! | tokens | cached, cache-write, reasoning and audio counts are *inside* the input and output totals |
//! | keys | a repeat with the same idempotency key returns the first receipt; with other content it is a conflict |
//! | unknown prices | the cost is `None`, never 0, until it is re-rated |
//! | errors | one table, [`error::ERRORS`]; being over a limit is a [`Decision`], not an error |
//! | threads | every call may wait for the disk; [`Meter::queue_call`], [`Meter::queue_settle`] and [`Meter::queue_release`] do not |
//!
//! The rooms behind it: [`domain`] is the pure rules, [`ingest`] reads what vendors write,
//! [`storage`] is the seam to a database, [`meter`] what joins them.

pub mod domain;
pub mod error;
pub mod ingest;
pub mod meter;
pub mod storage;

pub use domain::account::UsageStatus;
pub use domain::alert::outbox::{Delivery, OutboxCount};
pub use domain::alert::{Alert, AlertKey, AlertKind, NewAlert, Severity};
pub use domain::call::{Call, CallDetails, CallOutcome, CallRecord, CallRequest, UsageSource};
pub use domain::estimate::InputEstimate;
pub use domain::invoice::{Invoice, InvoiceLine, InvoiceState, LineKind};
pub use domain::key::CallKey;
pub use domain::limit::{Amount, LimitState};
pub use domain::money::Money;
pub use domain::operation::Operation;
pub use domain::period::Anchor;
pub use domain::plan::{Limit, Maximum, Metric, Plan, Policy, Tier};
pub use domain::price::{Matcher, PriceMatch, PriceVersion, PriceWarning, Rate, Variant};
pub use domain::proration::Proration;
pub use domain::redact::redact;
pub use domain::report::comparison::{Lines, ModelLine, Performance, ProviderLine};
pub use domain::report::hint::{CheaperModel, Hint, HintScope};
pub use domain::report::projection::LimitProjection;
pub use domain::report::trend::{ProviderTrend, Trends};
pub use domain::subscription::change::{CancelAt, Change};
pub use domain::subscription::history::HistoryEntry;
pub use domain::subscription::{
    BillingCycle, ChangeKind, ExternalIds, Payment, PaymentStatus, Standing, SubscriptionStatus,
};
pub use domain::time::{Span, Timestamp, Window};
pub use domain::usage::{Unit, UnitName, Usage};
pub use error::{Error, Result};
pub use ingest::{
    Confidence, Detection, Extracted, RequestEstimate, RouteRules, UsageStream, detect_body,
    detect_body_text, detect_model, detect_provider, estimate_request, estimate_tokens,
    extract_content_type, extract_usage, extract_usage_text,
};
pub use meter::clock::{Clock, ManualClock};
pub use meter::deliver::{Channel, Delivered, DeliveryFailure};
pub use meter::options::{ExpiredHolds, Options, UnknownPrice};
pub use meter::receipt::{
    CallVerdict, Decision, HoldReceipt, Overshoot, Quote, Reason, Receipt, RecordStatus,
    ReleaseStatus, Reservation, Reservations,
};
pub use meter::reports::{
    Compare, Comparison, CurrentUsage, Dashboard, FindHints, Hints, PlanLimits, Projections,
};
pub use meter::seed::{Seeded, plan_sets};
pub use meter::summary::{Breakdown, PeriodChoice, UsageLine, UsageSummary};
pub use meter::{
    Adopted, CallEstimate, ChangePreview, ErasedUser, EstimateInput, History, HistoryPage,
    InvoiceChoice, InvoicePaid, LimitChange, Meter, ModelCalibration, Pending, ReRating,
    ReRatingLine, Recorded, ScheduledChange, Subscribe, SubscriptionReceipt, SubscriptionView,
    UnpricedGroup, UserInvoice, UserLimits, Verification,
};
pub use storage::{
    AlertFilter, AlertPage, CallFilter, CallPage, Cell, Check, Durability, Erased, Page, Pruned,
    Synchronous, Table,
};

/// The examples of the documents, which are run with those of the code.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../README.md")]
    mod readme {}
    #[doc = include_str!("../ARCHITECTURE.md")]
    mod architecture {}
    #[doc = include_str!("../docs/errors.md")]
    mod errors {}
    #[doc = include_str!("../docs/answers.md")]
    mod answers {}
    #[doc = include_str!("../docs/estimation.md")]
    mod estimation {}
    #[doc = include_str!("../docs/subscriptions.md")]
    mod subscriptions {}
    #[doc = include_str!("../docs/invoices.md")]
    mod invoices {}
}
