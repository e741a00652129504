//! Rows: what is read of each of ALwrity's tables, as plain values.

use std::collections::BTreeMap;

use super::amount::{Exact, of_text};
use super::table::{Fields, Unread};
use alwrity_metering::{Tier, Timestamp};

/// The limits of a plan: the names of its columns, without `_limit`.
pub(super) const LIMITS: [&str; 20] = [
    "ai_text_generation_calls",
    "gemini_calls",
    "openai_calls",
    "anthropic_calls",
    "mistral_calls",
    "tavily_calls",
    "serper_calls",
    "metaphor_calls",
    "firecrawl_calls",
    "exa_calls",
    "stability_calls",
    "video_calls",
    "image_edit_calls",
    "audio_calls",
    "wavespeed_calls",
    "gemini_tokens",
    "openai_tokens",
    "anthropic_tokens",
    "mistral_tokens",
    "monthly_cost",
];

/// The names that a summary has columns of.
pub(super) const PROVIDERS: [&str; 14] = [
    "gemini",
    "openai",
    "anthropic",
    "mistral",
    "wavespeed",
    "tavily",
    "serper",
    "metaphor",
    "firecrawl",
    "stability",
    "exa",
    "video",
    "image_edit",
    "audio",
];

/// A row of `subscription_plans`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlanRow {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) tier: Tier,
    pub(super) price_monthly: i64,
    pub(super) price_yearly: i64,
    /// The limits whose column is there, in pico units for cost, else whole; NULL is 0, as there.
    pub(super) limits: BTreeMap<&'static str, i64>,
    pub(super) features: Vec<String>,
    pub(super) description: String,
    pub(super) is_active: bool,
}

impl PlanRow {
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, Unread> {
        let amount = |name: &str| -> Result<i64, Unread> {
            match fields.exact(name)?.map_or(0, |exact| exact.pico) {
                negative if negative < 0 => Err(format!("`{name}` is negative")),
                pico => Ok(pico),
            }
        };
        let mut limits = BTreeMap::new();
        for name in LIMITS {
            let column = format!("{name}_limit");
            if fields.has(&column) {
                let is_cost = name == "monthly_cost";
                limits
                    .insert(name, if is_cost { amount(&column)? } else { fields.count(&column)? });
            }
        }
        let tier = fields.word("tier").ok_or("`tier` is empty")?;
        let features = fields.text("features").unwrap_or_default();
        Ok(Self {
            id: fields.count("id")?,
            name: fields.needed_text("name")?,
            tier: tier.parse().map_err(|_| format!("`{tier}` is no tier"))?,
            price_monthly: amount("price_monthly")?,
            price_yearly: amount("price_yearly")?,
            limits,
            features: serde_json::from_str(&features).unwrap_or_default(),
            description: fields.text("description").unwrap_or_default(),
            is_active: fields.flag("is_active").unwrap_or(true),
        })
    }
}

/// A row of `user_subscriptions`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SubscriptionRow {
    pub(super) user: String,
    pub(super) plan_id: i64,
    pub(super) is_yearly: bool,
    pub(super) starts_at: Timestamp,
    pub(super) ends_at: Timestamp,
    pub(super) status: String,
    pub(super) is_active: bool,
    pub(super) auto_renew: bool,
    pub(super) stripe_customer_id: Option<String>,
    pub(super) stripe_subscription_id: Option<String>,
    pub(super) payment_method: Option<String>,
    pub(super) updated_at: Option<Timestamp>,
}

impl SubscriptionRow {
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, Unread> {
        let needed = |name: &str| fields.instant(name)?.ok_or(format!("`{name}` is empty"));
        Ok(Self {
            user: fields.needed_text("user_id")?,
            plan_id: fields.count("plan_id")?,
            is_yearly: fields.word("billing_cycle").as_deref() == Some("yearly"),
            starts_at: needed("current_period_start")?,
            ends_at: needed("current_period_end")?,
            status: fields.word("status").unwrap_or_else(|| "active".to_owned()),
            is_active: fields.flag("is_active").unwrap_or(true),
            auto_renew: fields.flag("auto_renew").unwrap_or(true),
            stripe_customer_id: fields.text("stripe_customer_id"),
            stripe_subscription_id: fields.text("stripe_subscription_id"),
            payment_method: fields.text("payment_method"),
            updated_at: fields.instant("updated_at")?,
        })
    }
}

/// What was used before a renewal, as its JSON says. What is not there, or is no number, is 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct UsedBefore {
    pub(super) total_calls: i64,
    pub(super) total_tokens: i64,
    pub(super) total_cost: i64,
    pub(super) gemini_calls: i64,
    pub(super) mistral_calls: i64,
    pub(super) usage_status: String,
}

impl UsedBefore {
    /// Nothing for `null`, and for what is no JSON object.
    fn read(text: &str) -> Option<Self> {
        let json: serde_json::Value = serde_json::from_str(text).ok()?;
        let fields = json.as_object()?;
        let count = |name: &str| {
            let count = fields.get(name).and_then(serde_json::Value::as_i64);
            count.filter(|count| *count > 0).unwrap_or(0)
        };
        // By its text, so that no float is in between.
        let cost = fields.get("total_cost").and_then(|cost| of_text(&cost.to_string()));
        let status = fields.get("usage_status").and_then(serde_json::Value::as_str);
        Some(Self {
            total_calls: count("total_calls"),
            total_tokens: count("total_tokens"),
            total_cost: cost.map_or(0, |cost| cost.pico),
            gemini_calls: count("gemini_calls"),
            mistral_calls: count("mistral_calls"),
            usage_status: status.unwrap_or_default().to_lowercase(),
        })
    }
}

/// A row of `subscription_renewal_history`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RenewalRow {
    pub(super) user: String,
    pub(super) plan_id: i64,
    pub(super) plan_name: Option<String>,
    pub(super) starts_at: Timestamp,
    pub(super) ends_at: Timestamp,
    pub(super) is_yearly: bool,
    pub(super) kind: String,
    pub(super) used_before: Option<UsedBefore>,
    pub(super) amount: Exact,
    pub(super) payment_status: String,
    pub(super) paid_at: Option<Timestamp>,
    pub(super) reference: Option<String>,
    pub(super) created_at: Option<Timestamp>,
}

impl RenewalRow {
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, Unread> {
        let needed = |name: &str| fields.instant(name)?.ok_or(format!("`{name}` is empty"));
        let used_before = fields.text("usage_before_renewal");
        let amount = fields.exact("payment_amount")?.unwrap_or(Exact::whole(0));
        if amount.pico < 0 {
            return Err("`payment_amount` is negative".to_owned());
        }
        Ok(Self {
            user: fields.needed_text("user_id")?,
            plan_id: fields.count("plan_id")?,
            plan_name: fields.text("plan_name"),
            starts_at: needed("new_period_start")?,
            ends_at: needed("new_period_end")?,
            is_yearly: fields.word("billing_cycle").as_deref() == Some("yearly"),
            kind: fields.word("renewal_type").unwrap_or_else(|| "renewal".to_owned()),
            used_before: used_before.as_deref().and_then(UsedBefore::read),
            amount,
            payment_status: fields.word("payment_status").unwrap_or_else(|| "pending".to_owned()),
            paid_at: fields.instant("payment_date")?,
            reference: fields.text("stripe_invoice_id"),
            created_at: fields.instant("created_at")?,
        })
    }
}

/// A row of `api_usage_logs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LogRow {
    pub(super) id: i64,
    pub(super) user: String,
    pub(super) provider: String,
    pub(super) endpoint: Option<String>,
    pub(super) method: Option<String>,
    pub(super) model: Option<String>,
    pub(super) actual_provider: Option<String>,
    pub(super) tokens_input: i64,
    pub(super) tokens_output: i64,
    pub(super) tokens_total: i64,
    pub(super) cost_input: Option<Exact>,
    pub(super) cost_output: Option<Exact>,
    pub(super) cost_total: Option<Exact>,
    pub(super) response_time: Option<Exact>,
    pub(super) status_code: Option<i64>,
    pub(super) request_size: Option<i64>,
    pub(super) response_size: Option<i64>,
    pub(super) user_agent: Option<String>,
    pub(super) ip_address: Option<String>,
    pub(super) error_message: Option<String>,
    pub(super) retry_count: i64,
    /// Only in versions that count aggregated calls in a column.
    pub(super) call_count: Option<i64>,
    pub(super) at: Timestamp,
    pub(super) period: String,
}

impl LogRow {
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, Unread> {
        let given = fields.text("billing_period").filter(|label| month(label).is_some());
        let at = fields.instant("timestamp")?.or_else(|| month(given.as_deref()?));
        let at = at.ok_or("`timestamp` is empty")?;
        Ok(Self {
            id: fields.count("id")?,
            user: fields.needed_text("user_id")?,
            provider: fields.word("provider").ok_or("`provider` is empty")?,
            endpoint: fields.text("endpoint"),
            method: fields.text("method"),
            model: fields.text("model_used"),
            actual_provider: fields.word("actual_provider_name"),
            tokens_input: fields.count("tokens_input")?,
            tokens_output: fields.count("tokens_output")?,
            tokens_total: fields.count("tokens_total")?,
            cost_input: fields.exact("cost_input")?,
            cost_output: fields.exact("cost_output")?,
            cost_total: fields.exact("cost_total")?,
            response_time: fields.exact("response_time")?,
            status_code: fields.whole("status_code")?,
            request_size: fields.whole("request_size")?,
            response_size: fields.whole("response_size")?,
            user_agent: fields.text("user_agent"),
            ip_address: fields.text("ip_address"),
            error_message: fields.text("error_message"),
            retry_count: fields.count("retry_count")?,
            call_count: fields.whole("call_count")?,
            at,
            period: given.unwrap_or_else(|| at.month_label()),
        })
    }
}

/// What a summary says of one provider. Nothing where the table has no such column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) calls: i64,
    pub(super) tokens: Option<i64>,
    pub(super) cost: Option<i64>,
}

/// A row of `usage_summaries`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SummaryRow {
    pub(super) user: String,
    pub(super) period: String,
    /// By name; only those whose column of calls is there.
    pub(super) providers: BTreeMap<&'static str, Told>,
    pub(super) total: Told,
    pub(super) created_at: Option<Timestamp>,
    pub(super) updated_at: Option<Timestamp>,
}

impl SummaryRow {
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, Unread> {
        let told = |name: &str| -> Result<Told, Unread> {
            let (tokens, cost) = (format!("{name}_tokens"), format!("{name}_cost"));
            let cost_of = |column: &str| -> Result<i64, Unread> {
                Ok(fields.exact(column)?.map_or(0, |exact| exact.pico))
            };
            Ok(Told {
                calls: fields.count(&format!("{name}_calls"))?,
                tokens: fields.has(&tokens).then(|| fields.count(&tokens)).transpose()?,
                cost: fields.has(&cost).then(|| cost_of(&cost)).transpose()?,
            })
        };
        let mut providers = BTreeMap::new();
        for name in PROVIDERS {
            if fields.has(&format!("{name}_calls")) {
                providers.insert(name, told(name)?);
            }
        }
        let period = fields.needed_text("billing_period")?;
        if month(&period).is_none() {
            return Err(format!("`billing_period` is `{period}`, expected `YYYY-MM`"));
        }
        Ok(Self {
            user: fields.needed_text("user_id")?,
            period,
            providers,
            total: told("total")?,
            created_at: fields.instant("created_at")?,
            updated_at: fields.instant("updated_at")?,
        })
    }
}

/// A row of `usage_alerts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AlertRow {
    pub(super) user: String,
    pub(super) kind: String,
    pub(super) threshold: i64,
    pub(super) provider: Option<String>,
    pub(super) title: String,
    pub(super) message: String,
    pub(super) severity: Option<String>,
    pub(super) sent_at: Option<Timestamp>,
    pub(super) read_at: Option<Timestamp>,
    pub(super) period: String,
    pub(super) created_at: Timestamp,
}

impl AlertRow {
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, Unread> {
        let given = fields.text("billing_period").filter(|label| month(label).is_some());
        let created_at = fields.instant("created_at")?.or_else(|| month(given.as_deref()?));
        let created_at = created_at.ok_or("`created_at` is empty")?;
        // A flag without its time happened, at an instant that nobody knows any more.
        let marked = |flag: &str, time: &str| -> Result<Option<Timestamp>, Unread> {
            let is_set = fields.flag(flag).unwrap_or(false);
            Ok(if is_set { Some(fields.instant(time)?.unwrap_or(created_at)) } else { None })
        };
        Ok(Self {
            user: fields.needed_text("user_id")?,
            kind: fields.word("alert_type").unwrap_or_default(),
            threshold: fields.count("threshold_percentage")?,
            provider: fields.word("provider"),
            title: fields.needed_text("title")?,
            message: fields.text("message").unwrap_or_default(),
            severity: fields.word("severity"),
            sent_at: marked("is_sent", "sent_at")?,
            read_at: marked("is_read", "read_at")?,
            period: given.unwrap_or_else(|| created_at.month_label()),
            created_at,
        })
    }
}

/// The start of the month that a label names, if it is one.
pub(super) fn month(label: &str) -> Option<Timestamp> {
    Timestamp::from_month_label(label).ok()
}
