//! Records and quotes: calls that were made, and what calls would cost.

use std::cell::Cell;

use alwrity_metering::{CallDetails, CallRecord, Error, Receipt, Recorded, Result};
use serde::Serialize;

use crate::answer::kept;
use crate::call::alwm_call_record;
use crate::caller::Promise;
use crate::meter::alwm_meter;
use crate::receipt::{alwm_price_quote, alwm_receipt};
use crate::status::alwm_status;
use crate::text::{alwm_string, put_json};

thread_local! {
    /// The call that the thread quoted last: half of what a quote costs here would be memory.
    static QUOTED: Cell<Option<Box<CallRecord>>> = const { Cell::new(None) };
}

/// Prices a call without recording it; the user may be left out. Never waits for the disk once
/// the prices are known.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_quote(
    meter: *const alwm_meter,
    record: *const alwm_call_record,
    quote: *mut alwm_price_quote,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let place = caller.place("quote", quote)?;
        let json = caller.wanted_value("json", json)?;
        let given = caller.read("record", record)?;
        let mut record = QUOTED.try_with(Cell::take).ok().flatten().unwrap_or_default();
        given.fill(caller, &mut record)?;
        let quote = meter.core.quote(&record)?;
        // Nothing of what the log would keep stays behind.
        if !given.details.is_null() {
            record.details = CallDetails::default();
        }
        let _ = QUOTED.try_with(|quoted| quoted.set(Some(record)));
        put_json(json, &quote)?;
        place.put(alwm_price_quote::of(&quote));
        Ok(())
    })
}

/// Records a call that was made, once per idempotency key; over a hard limit too, for the
/// provider was already paid. `receipt` may be `NULL`.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_record_call(
    meter: *const alwm_meter,
    record: *const alwm_call_record,
    receipt: *mut alwm_receipt,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let place = caller.wanted("receipt", receipt)?;
        let json = caller.wanted_value("json", json)?;
        let record = caller.read("record", record)?.for_core(caller)?;
        let receipt = meter.core.record_call(&record)?;
        put_json(json, &receipt)?;
        if let Some(place) = place {
            place.put(alwm_receipt::of(&receipt));
        }
        Ok(())
    })
}

/// Records several calls, of any users, in as few transactions as fit. Each is recorded or not on
/// its own, also where its own texts or numbers are wrong: `statuses[i]` tells, and `receipts[i]`
/// is its receipt if it was, else zeros. Both may be `NULL`. The answer is the first status that
/// is not `ALWM_STATUS_OK`, or that; where a pointer or a size of the arrays is wrong nothing was
/// recorded and nothing is written.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_record_calls(
    meter: *const alwm_meter,
    records: *const alwm_call_record,
    count: usize,
    statuses: *mut alwm_status,
    receipts: *mut alwm_receipt,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let statuses = caller.wanted_values("statuses", statuses, count)?;
        let receipts = caller.wanted_all("receipts", receipts, count)?;
        let records = caller.read_all("records", records, count)?;
        let answers = answers_of(meter, records.iter().map(|record| record.for_core(caller)));
        if let Some(statuses) = statuses {
            statuses.put_each(|place| status_of(&answers[place]));
        }
        if let Some(receipts) = receipts {
            receipts.put_each(|place| answers[place].as_ref().ok().map(alwm_receipt::of));
        }
        answers.into_iter().find_map(Result::err).map_or(Ok(()), Err)
    })
}

/// Records the calls that can be read, and answers each in its place: a host whose users give it
/// texts would else lose a whole batch over one that is no UTF-8.
/// Guarded by `a_record_that_cannot_be_read_takes_no_other_with_it` of tests/c/calls.c.
fn answers_of(
    meter: &alwm_meter,
    records: impl Iterator<Item = Result<CallRecord>>,
) -> Vec<Result<Receipt>> {
    let mut readable = Vec::new();
    let read: Vec<Result<()>> =
        records.map(|record| record.map(|record| readable.push(record))).collect();
    let mut answers = meter.core.record_calls(&readable).into_iter();
    let missing = || Err(Error::Internal { reason: "a record without an answer".to_owned() });
    read.into_iter()
        .map(|read| read.and_then(|()| answers.next().unwrap_or_else(missing)))
        .collect()
}

fn status_of(answer: &Result<Receipt>) -> alwm_status {
    answer.as_ref().err().map_or(alwm_status::Ok, alwm_status::of)
}

/// Queues a record and returns at once with its key, which may be `NULL`; `alwm_flush` waits for
/// the commit. Bad input is still answered here.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_queue_call(
    meter: *const alwm_meter,
    record: *const alwm_call_record,
    idempotency_key: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let place = caller.wanted_value("idempotency_key", idempotency_key)?;
        let record = caller.read("record", record)?.for_core(caller)?;
        let key = meter.core.queue_call(&record)?;
        place.map_or(Ok(()), |place| place.put_text(key))
    })
}

/// The answer to a record that is queued.
#[derive(Serialize)]
struct Queued<'a> {
    status: &'static str,
    idempotency_key: &'a str,
}

/// Records a call as the option `durability` says; a receipt that says `queued` has only its key.
/// `receipt` may be `NULL`.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_record(
    meter: *const alwm_meter,
    record: *const alwm_call_record,
    receipt: *mut alwm_receipt,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let place = caller.wanted("receipt", receipt)?;
        let json = caller.wanted_value("json", json)?;
        let record = caller.read("record", record)?.for_core(caller)?;
        let receipt = match meter.core.record(&record)? {
            Recorded::Receipt(receipt) => {
                put_json(json, &receipt)?;
                alwm_receipt::of(&receipt)
            }
            Recorded::Queued { idempotency_key } => {
                put_json(json, &Queued { status: "queued", idempotency_key: &idempotency_key })?;
                alwm_receipt::queued(&idempotency_key)
            }
        };
        if let Some(place) = place {
            place.put(receipt);
        }
        Ok(())
    })
}

/// Waits until everything that was queued before is committed.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_flush(meter: *const alwm_meter) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| caller.shared("meter", meter)?.core.flush())
}

/// How many queued records failed after they were accepted; each is logged as an error.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_queued_failures(
    meter: *const alwm_meter,
    count: *mut i64,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let place = caller.value("count", count)?;
        place.put(i64::try_from(meter.core.queued_failures()).unwrap_or(i64::MAX));
        Ok(())
    })
}
