//! Mail over SMTP.

use std::time::Duration;

use alwrity_metering::{Channel, Delivery, DeliveryFailure};
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::{Message, SmtpTransport, Transport};

/// A server that does not answer within this is taken to be away.
const TIMEOUT: Duration = Duration::from_secs(20);
/// What stands for the user in an address.
const USER: &str = "{user}";

/// Sends each alert as a plain mail.
///
/// The `Message-ID` is made of the message id, the same in every attempt, so that a mailbox can
/// tell a repeat.
pub struct Mail {
    transport: SmtpTransport,
    from: Mailbox,
    to: Vec<String>,
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail")
            .field("from", &self.from)
            .field("to", &self.to)
            .finish_non_exhaustive()
    }
}

impl Mail {
    /// A server as a URL, `smtps://name:password@host` or `smtp://host:25?tls=required`; the
    /// sender; and the addresses. In an address `{user}` stands for the alert's user: where the
    /// host's user ids are mail addresses, it is `{user}` alone.
    ///
    /// # Errors
    /// What is wrong with the server or an address; the password is not repeated.
    pub fn new(server: &str, from: &str, to: &[&str]) -> Result<Self, String> {
        let transport = SmtpTransport::from_url(server)
            .map_err(|_| {
                "the mail server is no `smtps://` or `smtp://` URL, such as \
                 `smtps://name:password@mail.example.com`"
                    .to_owned()
            })?
            .timeout(Some(TIMEOUT))
            .build();
        let from = from.parse().map_err(|error| format!("`{from}` is no mail address: {error}"))?;
        if to.is_empty() {
            return Err("a mail needs an address to go to".to_owned());
        }
        for address in to {
            let sample = address.replace(USER, "somebody");
            let sample = if *address == USER { "somebody@example.com" } else { &sample };
            sample
                .parse::<Mailbox>()
                .map_err(|error| format!("`{address}` is no mail address: {error}"))?;
        }
        let to = to.iter().map(|&address| address.to_owned()).collect();
        Ok(Self { transport, from, to })
    }

    /// The addresses of an alert: those with a user's name only for a user's alerts.
    fn addresses(&self, user: Option<&str>) -> Result<Vec<Mailbox>, String> {
        let filled = self.to.iter().filter_map(|address| match user {
            Some(user) => Some(address.replace(USER, user)),
            None => Some(address.clone()).filter(|address| !address.contains(USER)),
        });
        filled
            .map(|address| {
                address.parse().map_err(|error| format!("`{address}` is no mail address: {error}"))
            })
            .collect()
    }

    fn message(&self, delivery: &Delivery) -> Result<Message, String> {
        let alert = &delivery.alert;
        let addresses = self.addresses(alert.user.as_deref())?;
        if addresses.is_empty() {
            return Err("no address is meant for the operator".to_owned());
        }
        let mut message = Message::builder()
            .from(self.from.clone())
            .subject(&alert.title)
            .message_id(Some(format!("<{}@alwrity-metering>", delivery.message_id)))
            .header(ContentType::TEXT_PLAIN);
        for address in addresses {
            message = message.to(address);
        }
        message.body(alert.to_plain_text()).map_err(|error| error.to_string())
    }
}

impl Channel for Mail {
    fn name(&self) -> &'static str {
        "mail"
    }

    fn send(&mut self, delivery: &Delivery) -> Result<(), DeliveryFailure> {
        let message = self.message(delivery).map_err(DeliveryFailure::lasting)?;
        match self.transport.send(&message) {
            Ok(_) => Ok(()),
            // 5xx: the server will never take this message.
            Err(error) if error.is_permanent() => Err(DeliveryFailure::lasting(error.to_string())),
            Err(error) => Err(DeliveryFailure::passing(error.to_string())),
        }
    }
}
