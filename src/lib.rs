//! alwrity-metering: price every LLM, search, image and audio call exactly.

pub mod domain;
pub mod error;
pub mod meter;
pub mod storage;

pub use domain::account::UsageStatus;
pub use domain::alert::outbox::{Delivery, OutboxCount};
pub use domain::alert::{Alert, AlertKey, AlertKind, NewAlert, Severity};
pub use domain::call::{Call, CallDetails, CallOutcome, CallRecord, CallRequest, UsageSource};
pub use domain::key::CallKey;
pub use domain::limit::{Amount, LimitState};
pub use domain::money::Money;
pub use domain::operation::Operation;
pub use domain::period::Anchor;
pub use domain::plan::{Limit, Maximum, Metric, Plan, Policy, Tier};
pub use domain::price::{Matcher, PriceMatch, PriceVersion, PriceWarning, Rate, Variant};
pub use domain::redact::redact;
pub use domain::report::comparison::{Lines, ModelLine, Performance, ProviderLine};
pub use domain::report::hint::{CheaperModel, Hint, HintScope};
pub use domain::report::projection::LimitProjection;
pub use domain::report::trend::{ProviderTrend, Trends};
pub use domain::subscription::{BillingCycle, Standing, SubscriptionStatus};
pub use domain::time::{Span, Timestamp, Window};
pub use domain::usage::{Unit, UnitName, Usage};
pub use error::{Error, Result};
pub use meter::clock::{Clock, ManualClock};
pub use meter::deliver::{Channel, Delivered, DeliveryFailure};
pub use meter::options::{ExpiredHolds, Options, UnknownPrice};
pub use meter::receipt::{
    CallVerdict, Decision, HoldReceipt, Quote, Reason, Receipt, RecordStatus, ReleaseStatus,
    Reservation, Reservations,
};
pub use meter::reports::{
    Compare, Comparison, CurrentUsage, Dashboard, FindHints, Hints, PlanLimits, Projections,
};
pub use meter::seed::{Seeded, plan_sets};
pub use meter::summary::{Breakdown, PeriodChoice, UsageSummary};
pub use meter::{
    LimitChange, LoggedCall, Meter, ReRating, ReRatingLine, Recorded, Subscribe,
    SubscriptionReceipt, UnpricedGroup, UserLimits,
};
pub use storage::{
    AlertFilter, AlertPage, CallFilter, CallPage, Cell, Check, Durability, Page, Synchronous, Table,
};
