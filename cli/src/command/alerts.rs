//! Alerts: what users and the operator are told, and its way out.

use alwrity_metering::{
    Alert, AlertFilter, AlertKind, AlertPage, Channel, Clock, Delivered, Meter, Page, Severity,
};
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::answer::{Answer, Exit};
use crate::channel::{Mail, Webhook};
use crate::context::Context;
use crate::failure::Failure;
use crate::fields::choice;
use crate::sheet::Column::{Number, Prose, Text};
use crate::sheet::or_dash;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Alerts {
    #[command(subcommand)]
    action: Option<Action>,
    /// The user
    #[arg(required = true)]
    user: Option<String>,
    #[command(flatten)]
    filter: Filter,
}

#[derive(Debug, Args)]
struct Filter {
    /// Only alerts that nobody has read
    #[arg(long)]
    unread: bool,
    /// Also alerts that were put away
    #[arg(long)]
    dismissed: bool,
    /// Only alerts of this urgency
    #[arg(long, value_name = "SEVERITY", value_parser = choice::<Severity>())]
    severity: Option<Severity>,
    /// How many are shown, at most 5000
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: i64,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Mark an alert as read, or all of a user's
    Read {
        /// The user
        user: String,
        /// The alert [default: all]
        id: Option<i64>,
    },
    /// Put an alert away
    Dismiss {
        /// The user
        user: String,
        /// The alert
        id: i64,
    },
    /// Show the operator's alerts: failures of the store, and what `verify` found
    Operator {
        #[command(flatten)]
        filter: Filter,
    },
    /// Show how many alerts wait for each channel
    Outbox,
    /// Send every alert that is due; exit code 1 when a channel did not take one
    Deliver(Deliver),
}

#[derive(Debug, Args)]
struct Deliver {
    /// Post to this receiver, signed as Standard Webhooks are
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// The receiver's secrets, `whsec_…`; two while one is being replaced
    #[arg(
        long,
        value_name = "SECRET",
        value_delimiter = ',',
        env = "ALWRITY_METERING_WEBHOOK_SECRET",
        hide_env_values = true
    )]
    webhook_secret: Vec<String>,
    /// Mail through this server: `smtps://name:password@host`, or `smtp://host:25`
    #[arg(long, value_name = "URL", env = "ALWRITY_METERING_SMTP_URL", hide_env_values = true)]
    smtp: Option<String>,
    /// Who the mails are from
    #[arg(long, value_name = "ADDRESS")]
    mail_from: Option<String>,
    /// Mail to this address; `{user}` stands for the user
    #[arg(long, value_name = "ADDRESS")]
    mail_to: Vec<String>,
}

pub(crate) fn run(args: Alerts, context: &Context<'_>) -> Result<Answer, Failure> {
    let meter = context.open()?;
    match args.action {
        None => {
            let (filter, page) = args.filter.split();
            let found = meter.alerts(&args.user.unwrap_or_default(), &filter, page)?;
            Answer::new(context, &found, || show(&found, context))
        }
        Some(Action::Operator { filter }) => {
            let (filter, page) = filter.split();
            let found = meter.operator_alerts(&filter, page)?;
            Answer::new(context, &found, || show(&found, context))
        }
        Some(Action::Read { user, id }) => read(&meter, &user, id, context),
        Some(Action::Dismiss { user, id }) => {
            meter.dismiss(&user, id)?;
            Answer::new(context, &Dismissed { dismissed: id }, || format!("dismissed alert {id}"))
        }
        Some(Action::Outbox) => outbox(&meter, context),
        Some(Action::Deliver(deliver)) => send(&deliver, &meter, context),
    }
}

impl Filter {
    /// What the library asks for.
    fn split(self) -> (AlertFilter, Page) {
        let Self { unread: is_unread, dismissed: with_dismissed, severity, limit } = self;
        let filter = AlertFilter { is_unread, with_dismissed, kind: None, severity };
        (filter, Page { limit, ..Page::default() })
    }
}

#[derive(Serialize)]
struct Dismissed {
    dismissed: i64,
}

#[derive(Serialize)]
struct MarkedRead {
    read: i64,
}

fn read(
    meter: &Meter,
    user: &str,
    id: Option<i64>,
    context: &Context<'_>,
) -> Result<Answer, Failure> {
    let read = match id {
        Some(id) => meter.mark_read(user, id).map(|()| 1)?,
        None => meter.mark_all_read(user)?,
    };
    Answer::new(context, &MarkedRead { read }, || format!("marked {read} as read"))
}

fn show(page: &AlertPage, context: &Context<'_>) -> String {
    if page.alerts.is_empty() {
        return "no alerts".to_owned();
    }
    let text = alerts_text(&page.alerts, context);
    let (shown, total, unread) = (page.alerts.len(), page.total, page.unread_count);
    format!("{text}\n\n{shown} of {total} alerts, {unread} unread")
}

/// Alerts as people read them, wherever they are shown.
pub(super) fn alerts_text(alerts: &[Alert], context: &Context<'_>) -> String {
    let mut sheet = context.sheet(&[
        Number("id"),
        Text("created_at"),
        Text("severity"),
        Number("threshold"),
        Text("state"),
        Text("title"),
        Prose("message"),
        Prose("recommended_action"),
    ]);
    for alert in alerts {
        let state = match (alert.dismissed_at, alert.read_at) {
            (Some(_), _) => "dismissed",
            (None, Some(_)) => "read",
            (None, None) => "unread",
        };
        let is_threshold = alert.key.kind == AlertKind::UsageThreshold;
        sheet.row([
            alert.id.to_string(),
            alert.created_at.to_string(),
            alert.severity.to_string(),
            or_dash(is_threshold.then(|| format!("{}%", alert.key.threshold_percent))),
            state.to_owned(),
            alert.title.clone(),
            alert.message.clone(),
            alert.recommended_action.clone().unwrap_or_default(),
        ]);
    }
    sheet.render()
}

fn outbox(meter: &Meter, context: &Context<'_>) -> Result<Answer, Failure> {
    let counts = meter.outbox()?;
    Answer::new(context, &counts, || {
        if counts.is_empty() {
            return "nothing was ever to be delivered".to_owned();
        }
        let head = [Text("channel"), Number("waiting"), Number("done"), Number("given_up")];
        let mut sheet = context.sheet(&head);
        for count in &counts {
            let numbers =
                [count.waiting, count.done, count.given_up].map(|number| number.to_string());
            sheet.row(std::iter::once(count.channel.clone()).chain(numbers));
        }
        sheet.render()
    })
}

/// What one channel did.
#[derive(Serialize)]
struct ChannelRound {
    channel: String,
    #[serde(flatten)]
    delivered: Delivered,
}

fn send(args: &Deliver, meter: &Meter, context: &Context<'_>) -> Result<Answer, Failure> {
    let channels = channels(args, meter.options().clock.clone())?;
    if channels.is_empty() {
        let hint = "give `--webhook URL`, or `--mail-to ADDRESS --mail-from ADDRESS --smtp URL`";
        return Err(Failure::usage("no channel is named", hint));
    }
    let mut rounds = Vec::with_capacity(channels.len());
    for mut channel in channels {
        let delivered = meter.deliver_alerts(channel.as_mut())?;
        rounds.push(ChannelRound { channel: channel.name().to_owned(), delivered });
    }
    let answer = Answer::new(context, &rounds, || {
        let head = [Text("channel"), Number("sent"), Number("postponed"), Number("given_up")];
        let mut sheet = context.sheet(&head);
        for ChannelRound { channel, delivered } in &rounds {
            let Delivered { sent, postponed, given_up } = delivered;
            let numbers = [sent, postponed, given_up].map(i64::to_string);
            sheet.row(std::iter::once(channel.clone()).chain(numbers));
        }
        sheet.render()
    })?;
    let failed: i64 = rounds.iter().map(|r| r.delivered.postponed + r.delivered.given_up).sum();
    if failed == 0 {
        return Ok(answer);
    }
    let hint = "`query 'SELECT channel, last_error FROM outbox'` tells why";
    Ok(answer
        .ends(Exit::Difference)
        .warns(format!("alerts that were not delivered: {failed}"), Some(hint)))
}

fn channels(args: &Deliver, clock: Clock) -> Result<Vec<Box<dyn Channel>>, Failure> {
    let unusable = |reason: String| Failure::usage(reason, "see `alerts deliver --help`");
    let mut channels: Vec<Box<dyn Channel>> = Vec::new();
    if let Some(url) = &args.webhook {
        let secrets: Vec<&str> = args.webhook_secret.iter().map(String::as_str).collect();
        channels.push(Box::new(Webhook::new(url, &secrets, clock).map_err(unusable)?));
    }
    if !args.mail_to.is_empty() {
        let server = args.smtp.as_deref().unwrap_or_default();
        let from = args.mail_from.as_deref().unwrap_or_default();
        let to: Vec<&str> = args.mail_to.iter().map(String::as_str).collect();
        channels.push(Box::new(Mail::new(server, from, &to).map_err(unusable)?));
    }
    Ok(channels)
}
