//! Seals: a checksum of what a row says, kept beside it. A bit that flips in either is found.
//!
//! A seal is no signature: whoever can write the file can write it too.

use super::call::{Call, CallDetails};
use super::key::CallKey;

/// About what a call says.
const ROW_BYTES: usize = 512;

/// A seal while it is made: each value is told from every other, so that no two rows are one text.
pub struct Sealing(Vec<u8>);

impl Sealing {
    /// Begins the seal of a kind of row. The kind is part of it, so no row passes for another.
    pub fn new(kind: &str) -> Self {
        let mut sealing = Self(Vec::with_capacity(ROW_BYTES));
        sealing.text(kind);
        sealing
    }

    /// Adds a number.
    pub fn number(&mut self, number: i64) {
        self.0.push(1);
        self.0.extend(number.to_le_bytes());
    }

    /// Adds bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.0.push(2);
        // As many bytes on every machine.
        let count = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.0.extend(count.to_le_bytes());
        self.0.extend(bytes);
    }

    /// Adds a text.
    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// Adds that there is no value.
    pub fn nothing(&mut self) {
        self.0.push(0);
    }

    fn number_or_nothing(&mut self, number: Option<i64>) {
        match number {
            Some(number) => self.number(number),
            None => self.nothing(),
        }
    }

    fn text_or_nothing(&mut self, text: Option<&String>) {
        match text {
            Some(text) => self.text(text),
            None => self.nothing(),
        }
    }

    /// The seal: a CRC-32, which no flip of one bit escapes, nor a burst of 32. It costs a call
    /// next to nothing and 4 bytes.
    pub fn seal(self) -> i64 {
        i64::from(crc32fast::hash(&self.0).cast_signed())
    }
}

/// The seal of a call of a user.
pub fn of_call(user_id: i64, call: &Call) -> i64 {
    // Every field is named, so that a new one does not compile before it is sealed.
    let Call {
        id,
        provider,
        operation,
        model,
        variant,
        usage,
        usage_source,
        call_count,
        status_code,
        occurred_at,
        recorded_at,
        period_starts_at,
        cost,
        cost_input,
        cost_output,
        vendor_cost,
        price_version_id,
        price_match,
        is_late,
        details,
    } = call;
    let mut sealing = Sealing::new("call");
    for text in [provider.as_str(), operation.as_str(), model.as_str()] {
        sealing.text(text);
    }
    let instants = [occurred_at, recorded_at, period_starts_at].map(|instant| instant.micros());
    let codes = [variant.code(), usage_source.code(), price_match.code(), i64::from(*is_late)];
    let numbers = [user_id, *id, *call_count, *status_code];
    for number in numbers.iter().chain(&instants).chain(&codes).chain(usage.common()) {
        sealing.number(*number);
    }
    for (unit, quantity) in usage.other() {
        sealing.text(unit.as_str());
        sealing.number(*quantity);
    }
    for money in [cost, &Some(*cost_input), &Some(*cost_output), vendor_cost] {
        sealing.number_or_nothing(money.map(super::money::Money::pico_usd));
    }
    sealing.number_or_nothing(*price_version_id);
    add_details(&mut sealing, details);
    sealing.seal()
}

fn add_details(sealing: &mut Sealing, details: &CallDetails) {
    let CallDetails {
        actual_provider,
        endpoint,
        method,
        response_time_ms,
        request_size_bytes,
        response_size_bytes,
        retry_count,
        error_message,
        ip_address,
        user_agent,
        tags,
    } = details;
    for text in [actual_provider, endpoint, method, error_message, ip_address, user_agent] {
        sealing.text_or_nothing(text.as_ref());
    }
    let sizes = [*response_time_ms, *request_size_bytes, *response_size_bytes, Some(*retry_count)];
    for number in sizes {
        sealing.number_or_nothing(number);
    }
    for (name, value) in tags {
        sealing.text(name);
        sealing.text(value);
    }
}

/// The seal of a key and the call that it names.
pub fn of_key(key: CallKey, call_id: i64) -> i64 {
    let mut sealing = Sealing::new("key");
    sealing.bytes(key.as_bytes());
    sealing.number(call_id);
    sealing.seal()
}
