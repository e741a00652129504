// The C interface of alwrity-metering; docs/c-abi.md is its contract. Made from the sources, do
// not edit: `UPDATE_HEADER=1 cargo test -p alwrity-metering-c --test header` writes it.

#ifndef ALWRITY_METERING_H
#define ALWRITY_METERING_H


#include <stddef.h>
#include <stdint.h>

// The version of this header; `alwm_version()` is that of the library.
#define ALWM_VERSION_MAJOR 0
#define ALWM_VERSION_MINOR 1
#define ALWM_VERSION_PATCH 0
#define ALWM_VERSION "0.1.0"

// The length of a text that ends with a NUL.
#define ALWM_NUL SIZE_MAX

// An `alwm_text` of a C string; `NULL` is no text.
#ifdef __cplusplus
#define ALWM_TEXT(c_string) (alwm_text{(c_string), ALWM_NUL})
#else
#define ALWM_TEXT(c_string) ((alwm_text){(c_string), ALWM_NUL})
#endif

// A number that is not known or not given, where 0 would be one.
#define ALWM_NONE INT64_MIN



// How a call ended: 0, or the number of an error in docs/errors.md. Numbers are never reused; a
// number that this header does not know is an error too.
enum alwm_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // It is done.
  ALWM_STATUS_OK = 0,
  // An amount of money is no exact decimal text of dollars.
  ALWM_STATUS_INVALID_AMOUNT = 101,
  // An amount or a sum is beyond ± $9.22 million.
  ALWM_STATUS_AMOUNT_OUT_OF_RANGE = 102,
  // A usage has an unknown form of unit, or a quantity that cannot be.
  ALWM_STATUS_INVALID_USAGE = 103,
  // A text is no time with a zone, or a time is outside the years 1970 to 9999.
  ALWM_STATUS_INVALID_TIME = 104,
  // A name (user, provider, model, plan, limit, key, …) is empty, too long or not allowed.
  ALWM_STATUS_INVALID_NAME = 105,
  // An argument is outside what the function accepts.
  ALWM_STATUS_INVALID_ARGUMENT = 106,
  // A catalogue, plan or price file cannot be read as one.
  ALWM_STATUS_INVALID_CATALOGUE = 107,
  // A plan contradicts itself.
  ALWM_STATUS_INVALID_PLAN = 108,
  // A price contradicts itself, or would change what is already used.
  ALWM_STATUS_INVALID_PRICE = 109,
  // A query is not one statement that only reads.
  ALWM_STATUS_INVALID_QUERY = 110,
  // An option of the library has a value outside its range.
  ALWM_STATUS_INVALID_OPTION = 111,
  // No user of that id has ever been seen.
  ALWM_STATUS_UNKNOWN_USER = 201,
  // No plan has that id.
  ALWM_STATUS_UNKNOWN_PLAN = 202,
  // No limit has that name.
  ALWM_STATUS_UNKNOWN_LIMIT = 203,
  // No hold and no call has that id.
  ALWM_STATUS_UNKNOWN_HOLD = 204,
  // Nothing prices the call, and the setting `unknown_price` says `reject`.
  ALWM_STATUS_UNKNOWN_PRICE = 205,
  // No alert has that id.
  ALWM_STATUS_UNKNOWN_ALERT = 206,
  // The alert is another user's.
  ALWM_STATUS_ALERT_OF_ANOTHER = 207,
  // The user has no subscription, or no change of that kind to act on.
  ALWM_STATUS_UNKNOWN_SUBSCRIPTION = 208,
  // The user has no invoice or billing period of that start.
  ALWM_STATUS_UNKNOWN_INVOICE = 209,
  // The idempotency key was used before, with other content.
  ALWM_STATUS_IDEMPOTENCY_CONFLICT = 301,
  // A hold was released or settled, so it can no longer be released.
  ALWM_STATUS_HOLD_CLOSED = 302,
  // The subscription's status or terms do not allow the change.
  ALWM_STATUS_SUBSCRIPTION_STATE = 304,
  // The invoice's state does not allow the change.
  ALWM_STATUS_INVOICE_STATE = 305,
  // The queue or the lock was not free within `busy_timeout_ms`; nothing happened.
  ALWM_STATUS_OVERLOADED = 501,
  // The call was queued, but whether it was committed could not be told.
  ALWM_STATUS_OUTCOME_UNKNOWN = 502,
  // The store could not be read or written.
  ALWM_STATUS_STORAGE_UNAVAILABLE = 503,
  // The file was renamed, replaced or deleted while it was open.
  ALWM_STATUS_STORAGE_REPLACED = 504,
  // The file is no store of this library, or is damaged.
  ALWM_STATUS_STORAGE_CORRUPT = 505,
  // The file was written by a newer version of this library.
  ALWM_STATUS_STORAGE_NEWER = 506,
  // The disk is full; nothing was done.
  ALWM_STATUS_STORAGE_FULL = 507,
  // The file is in a place where it could lose data: a symlink, a second name, a network
  // disk.
  ALWM_STATUS_STORAGE_UNSAFE = 508,
  // The meter was closed.
  ALWM_STATUS_CLOSED = 509,
  // This store cannot do that.
  ALWM_STATUS_UNSUPPORTED = 510,
  // A bug of this library: a rule that always holds did not.
  ALWM_STATUS_INTERNAL = 601,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum alwm_status alwm_status;
#else
typedef int32_t alwm_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// The service tier of a call or a price.
enum alwm_variant
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // The ordinary tier.
  ALWM_VARIANT_STANDARD = 0,
  // Answered within hours.
  ALWM_VARIANT_BATCH = 1,
  // Cheaper and slower.
  ALWM_VARIANT_FLEX = 2,
  // Dearer and faster.
  ALWM_VARIANT_PRIORITY = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum alwm_variant alwm_variant;
#else
typedef int32_t alwm_variant;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Where a usage is from.
enum alwm_usage_source
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // The provider reported it.
  ALWM_USAGE_SOURCE_REPORTED = 0,
  // It was estimated.
  ALWM_USAGE_SOURCE_ESTIMATED = 1,
  // The hold expired and was charged at its estimate; only the library says so.
  ALWM_USAGE_SOURCE_EXPIRED_HOLD = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum alwm_usage_source alwm_usage_source;
#else
typedef int32_t alwm_usage_source;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// How the price of a call was found.
enum alwm_price_match
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // By the model's own id.
  ALWM_PRICE_MATCH_EXACT = 0,
  // By an alias of the model.
  ALWM_PRICE_MATCH_ALIAS = 1,
  // By the longest prefix of the model's id.
  ALWM_PRICE_MATCH_PREFIX = 2,
  // By the provider's default price.
  ALWM_PRICE_MATCH_PROVIDER_DEFAULT = 3,
  // By the price that the option `unknown_price` names.
  ALWM_PRICE_MATCH_NAMED_DEFAULT = 4,
  // Not at all: the cost is unknown.
  ALWM_PRICE_MATCH_UNKNOWN = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum alwm_price_match alwm_price_match;
#else
typedef int32_t alwm_price_match;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Whether a record was new.
enum alwm_record_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // It was recorded now.
  ALWM_RECORD_STATUS_RECORDED = 1,
  // It was recorded before, with the same content.
  ALWM_RECORD_STATUS_DUPLICATE = 2,
  // It is queued; only its key is known. `alwm_flush` waits for the commit.
  ALWM_RECORD_STATUS_QUEUED = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum alwm_record_status alwm_record_status;
#else
typedef int32_t alwm_record_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Why a decision is what it is.
enum alwm_reason
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Everything fits.
  ALWM_REASON_WITHIN_LIMITS = 1,
  // A limit would be passed.
  ALWM_REASON_LIMIT_REACHED = 2,
  // A limit is 0: the plan does not contain it.
  ALWM_REASON_NOT_IN_PLAN = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum alwm_reason alwm_reason;
#else
typedef int32_t alwm_reason;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What became of a reservation.
enum alwm_outcome
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // The estimate is kept free: make the call, then settle.
  ALWM_OUTCOME_GRANTED = 1,
  // It does not fit: do not make the call.
  ALWM_OUTCOME_REFUSED = 2,
  // The key's call is recorded already: do not make the call again.
  ALWM_OUTCOME_DUPLICATE = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum alwm_outcome alwm_outcome;
#else
typedef int32_t alwm_outcome;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What became of a hold that was given back.
enum alwm_release_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // It counts no more from now on.
  ALWM_RELEASE_STATUS_RELEASED = 1,
  // It had been released or had expired before.
  ALWM_RELEASE_STATUS_ALREADY_CLOSED = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum alwm_release_status alwm_release_status;
#else
typedef int32_t alwm_release_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What becomes of a hold whose time is over.
enum alwm_expired_holds
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // It counts no more.
  ALWM_EXPIRED_HOLDS_RELEASE = 1,
  // It is charged at its estimate, and flagged.
  ALWM_EXPIRED_HOLDS_CHARGE = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum alwm_expired_holds alwm_expired_holds;
#else
typedef int32_t alwm_expired_holds;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// When `alwm_record` answers.
enum alwm_durability
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // After the commit.
  ALWM_DURABILITY_DURABLE = 1,
  // When it is queued.
  ALWM_DURABILITY_QUEUED = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum alwm_durability alwm_durability;
#else
typedef int32_t alwm_durability;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// How safe a commit is.
enum alwm_synchronous
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // It survives a power cut.
  ALWM_SYNCHRONOUS_FULL = 1,
  // It survives a kill.
  ALWM_SYNCHRONOUS_NORMAL = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum alwm_synchronous alwm_synchronous;
#else
typedef int32_t alwm_synchronous;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// How often a fee is due.
enum alwm_billing_cycle
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Every month.
  ALWM_BILLING_CYCLE_MONTHLY = 0,
  // Every year.
  ALWM_BILLING_CYCLE_YEARLY = 1,
  // As before; only where a subscription is changed.
  ALWM_BILLING_CYCLE_AS_BEFORE = -1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum alwm_billing_cycle alwm_billing_cycle;
#else
typedef int32_t alwm_billing_cycle;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// How a change is paid for.
enum alwm_payment
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Not yet: the change waits for its payment and grants nothing.
  ALWM_PAYMENT_PENDING = 1,
  // It was paid; the text is the host's reference.
  ALWM_PAYMENT_REFERENCE = 2,
  // Nobody pays for this change; the text says why.
  ALWM_PAYMENT_WAIVED = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum alwm_payment alwm_payment;
#else
typedef int32_t alwm_payment;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// When a cancellation takes effect.
enum alwm_cancel_at
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // When what was paid for ends.
  ALWM_CANCEL_AT_PERIOD_END = 1,
  // At once.
  ALWM_CANCEL_AT_NOW = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum alwm_cancel_at alwm_cancel_at;
#else
typedef int32_t alwm_cancel_at;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Which providers a hint may name.
enum alwm_hint_scope
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // The one that was paid.
  ALWM_HINT_SCOPE_SAME_PROVIDER = 1,
  // Those that the user has used.
  ALWM_HINT_SCOPE_USED_PROVIDERS = 2,
  // All that the catalogue prices.
  ALWM_HINT_SCOPE_ALL_PROVIDERS = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum alwm_hint_scope alwm_hint_scope;
#else
typedef int32_t alwm_hint_scope;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// How sure a detection is.
enum alwm_confidence
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Nothing known.
  ALWM_CONFIDENCE_UNKNOWN = 0,
  // The evidence fits, but others may look the same.
  ALWM_CONFIDENCE_LIKELY = 1,
  // The evidence belongs to this provider alone.
  ALWM_CONFIDENCE_CERTAIN = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum alwm_confidence alwm_confidence;
#else
typedef int32_t alwm_confidence;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What a cell of a query's answer is.
enum alwm_cell
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // SQL NULL.
  ALWM_CELL_NULL = 1,
  // A whole number.
  ALWM_CELL_INT64 = 2,
  // A floating-point number.
  ALWM_CELL_DOUBLE = 3,
  // A text.
  ALWM_CELL_TEXT = 4,
  // Bytes.
  ALWM_CELL_BYTES = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum alwm_cell alwm_cell;
#else
typedef int32_t alwm_cell;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// How grave an event of the log is.
enum alwm_log_level
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Something failed.
  ALWM_LOG_LEVEL_ERROR = 1,
  // Something should be looked at.
  ALWM_LOG_LEVEL_WARN = 2,
  // Something worth knowing happened.
  ALWM_LOG_LEVEL_INFO = 3,
  // For whoever looks for a fault.
  ALWM_LOG_LEVEL_DEBUG = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum alwm_log_level alwm_log_level;
#else
typedef int32_t alwm_log_level;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// A store that is open; any number of threads may use it at once.
typedef struct alwm_meter alwm_meter;

// The answer of a query: rows that are stepped through, for one thread at a time.
typedef struct alwm_rows alwm_rows;

// A text of the caller's, in UTF-8; only borrowed for the call. `ALWM_TEXT("…")` makes one.
typedef struct alwm_text {
  // The first byte; `NULL` means that the text is not given.
  const char *bytes;
  // How many bytes; `ALWM_NUL` for all up to the NUL.
  size_t length;
} alwm_text;

// Which alerts are wanted; newest first.
typedef struct alwm_alert_filter {
  // Set by `alwm_alert_filter_init`.
  size_t size;
  // Only this kind: `usage_threshold`, `velocity`, `unpriced` or `critical_error`.
  struct alwm_text alert_type;
  // Only this urgency: `info`, `warning` or `error`.
  struct alwm_text severity;
  // Only alerts with an id below this one: the cursor, from the last page's last alert.
  int64_t before_id;
  // How many of the first to leave out.
  int64_t offset;
  // The most that are wanted, 1–5000; 50 by default.
  int64_t limit;
  // Only alerts that nobody has read.
  int32_t is_unread;
  // Also alerts that were put away.
  int32_t with_dismissed;
} alwm_alert_filter;

// A text that the library made, with a NUL at its end; `alwm_string_free` frees it.
typedef struct alwm_string {
  // The first byte.
  char *bytes;
  // How many bytes, without the NUL.
  size_t length;
} alwm_string;

// Sends one alert, which is JSON with `message_id`, `attempt` and `alert`; both texts live until
// it returns. It returns 0 once the receiver has it, 1 when it should be tried again later, and
// anything else when that is of no use. It may call the library.
typedef int32_t (*alwm_send_alert)(void *context, const char *message_id, const char *delivery);

// A free tag. Never changes.
typedef struct alwm_tag {
  // The name, at most 128 bytes.
  struct alwm_text name;
  // The value, at most 128 bytes.
  struct alwm_text value;
} alwm_tag;

// What the log keeps of a call beside its usage.
typedef struct alwm_call_details {
  // Set by `alwm_call_details_init`.
  size_t size;
  // Who really answered, when `provider` is a gateway.
  struct alwm_text actual_provider;
  // The path or URL that was called.
  struct alwm_text endpoint;
  // The HTTP method.
  struct alwm_text method;
  // The error text; redacted and cut before it is kept.
  struct alwm_text error_message;
  // The caller's address; give it only if you want it kept.
  struct alwm_text ip_address;
  // The caller's user agent; give it only if you want it kept.
  struct alwm_text user_agent;
  // Tags, at most 16; `NULL` for none.
  const struct alwm_tag *tags;
  // How many tags.
  size_t tag_count;
  // How long the provider took, in ms.
  int64_t response_time_ms;
  // The size of the request, in bytes.
  int64_t request_size_bytes;
  // The size of the response, in bytes.
  int64_t response_size_bytes;
  // How often the host retried before this answer; 0 by default.
  int64_t retry_count;
} alwm_call_details;

// Quantities of the common units, 0 or more. Cached, cache-write, reasoning and audio counts are
// inside the input and output totals. Never changes: other units come as `alwm_quantity`.
typedef struct alwm_units {
  // Tokens of the prompt, cached ones included.
  int64_t input_tokens;
  // Tokens of the answer, reasoning included.
  int64_t output_tokens;
  // Input tokens read from the provider's cache.
  int64_t cached_input_tokens;
  // Input tokens written to a cache for 5 minutes.
  int64_t cache_write_5m_tokens;
  // Input tokens written to a cache for 1 hour.
  int64_t cache_write_1h_tokens;
  // Output tokens spent on reasoning.
  int64_t reasoning_tokens;
  // Input tokens that are audio.
  int64_t input_audio_tokens;
  // Output tokens that are audio.
  int64_t output_audio_tokens;
  // Requests, for prices that count them.
  int64_t requests;
  // Searches.
  int64_t searches;
  // Images.
  int64_t images;
  // Pages read, crawled or recognised.
  int64_t pages;
  // Seconds of audio or video; a started second counts.
  int64_t seconds;
  // Characters of text, as speech synthesis bills them.
  int64_t characters;
} alwm_units;

// A quantity of a unit by its name, such as `web_searches`. Never changes.
typedef struct alwm_quantity {
  // The unit.
  struct alwm_text unit;
  // How many, 0 or more.
  int64_t quantity;
} alwm_quantity;

// How the input of a call was estimated before it, as `alwm_call_estimate` has it; the model is
// learned from it. Never changes.
typedef struct alwm_input_estimate {
  // Unicode characters of the texts.
  int64_t characters;
  // Words of the texts, between blanks.
  int64_t words;
  // Estimated tokens of the texts.
  int64_t text_tokens;
  // Estimated tokens of roles, tools and schemas.
  int64_t other_tokens;
} alwm_input_estimate;

// A call that was made.
typedef struct alwm_call_record {
  // Set by `alwm_call_record_init`.
  size_t size;
  // The user's id in the host, 1–255 bytes.
  struct alwm_text user;
  // Who is paid: `gemini`, `openai`, `tavily`.
  struct alwm_text provider;
  // What was done; without it the catalogue's default.
  struct alwm_text operation;
  // The model, if there is one.
  struct alwm_text model;
  // The key that makes a repeat harmless, 1–255 bytes; without it, one is made.
  struct alwm_text idempotency_key;
  // What was used.
  struct alwm_units units;
  // Quantities of other units; `NULL` for none.
  const struct alwm_quantity *other_units;
  // How many of those.
  size_t other_unit_count;
  // What the log keeps beside; `NULL` for nothing.
  const struct alwm_call_details *details;
  // How the input was estimated before the call; `NULL` when it was not.
  const struct alwm_input_estimate *input_estimate;
  // What the vendor says it cost; it wins over the list price.
  int64_t vendor_cost_pico_usd;
  // When the call was made; without it, now.
  int64_t occurred_at_us;
  // How many calls this stands for; 1 by default.
  int64_t call_count;
  // The HTTP status of the provider's answer, 100–599; 200 by default.
  int64_t status_code;
  // An `alwm_variant`; standard by default.
  int32_t variant;
  // An `alwm_usage_source`; reported by default.
  int32_t usage_source;
} alwm_call_record;

// How a call that was held for turned out.
typedef struct alwm_call_outcome {
  // Set by `alwm_call_outcome_init`.
  size_t size;
  // What was used.
  struct alwm_units units;
  // Quantities of other units; `NULL` for none.
  const struct alwm_quantity *other_units;
  // How many of those.
  size_t other_unit_count;
  // What the log keeps beside; `NULL` for nothing.
  const struct alwm_call_details *details;
  // What the vendor says it cost; it wins over the list price.
  int64_t vendor_cost_pico_usd;
  // The HTTP status of the provider's answer, 100–599; 200 by default.
  int64_t status_code;
  // An `alwm_usage_source`; reported by default.
  int32_t usage_source;
  // Must be 0.
  int32_t reserved;
} alwm_call_outcome;

// A call that is about to be made.
typedef struct alwm_call_request {
  // Set by `alwm_call_request_init`.
  size_t size;
  // The user's id in the host, 1–255 bytes.
  struct alwm_text user;
  // Who will be paid.
  struct alwm_text provider;
  // What will be done; without it the catalogue's default.
  struct alwm_text operation;
  // The model, if there is one.
  struct alwm_text model;
  // The key that makes a repeat harmless, 1–255 bytes; without it, one is made.
  struct alwm_text idempotency_key;
  // Input tokens, exact or estimated; 0 by default.
  int64_t input_tokens;
  // The cap on output tokens; without it the option `default_output_tokens`, for chat.
  int64_t max_output_tokens;
  // Quantities beside; its `input_tokens` and `output_tokens` add to the two above.
  struct alwm_units units;
  // Quantities of other units; `NULL` for none.
  const struct alwm_quantity *other_units;
  // How many of those.
  size_t other_unit_count;
  // How the input was estimated; `NULL` when it was not.
  const struct alwm_input_estimate *input_estimate;
  // How many calls are asked for at once; 1 by default.
  int64_t call_count;
  // When the call is made; without it, now.
  int64_t occurred_at_us;
  // How long the hold lives, in ms; without it the option `hold_ttl_ms`.
  int64_t ttl_ms;
  // An `alwm_variant`; standard by default.
  int32_t variant;
  // Must be 0.
  int32_t reserved;
} alwm_call_request;

// What a call will probably use. Put the first five into the request to reserve, the last of
// them only where `has_input_estimate`: the settlement teaches.
typedef struct alwm_call_estimate {
  // Set it to `sizeof` before the call.
  size_t size;
  // Input tokens to hold, factor and margin included.
  int64_t input_tokens;
  // Output tokens to hold; `ALWM_NONE` where no text is sent to a model.
  int64_t max_output_tokens;
  // Quantities beside.
  struct alwm_units units;
  // How the input was estimated.
  struct alwm_input_estimate input_estimate;
  // Input tokens as counted, before factor and margin.
  int64_t counted_tokens;
  // What the request would be held at; `ALWM_NONE` when it cannot be priced.
  int64_t cost_pico_usd;
  // How many calls of all users the factor was learned from.
  int64_t learned_calls;
  // How many answers that this user had from the model count for the output.
  int64_t learned_answers;
  // Whether a text is sent to a model, so that there is something to learn.
  int32_t has_input_estimate;
  // An `alwm_price_match`.
  int32_t price_match;
  // The model: the request's, or the one that the body names.
  char model[256];
} alwm_call_estimate;

// Whether calls may be made, and the tightest limit: of those that refuse, if any does.
typedef struct alwm_decision {
  // Set it to `sizeof` before the call.
  size_t size;
  // The estimated cost of all calls.
  int64_t cost_pico_usd;
  // The start of the usage period that was judged.
  int64_t period_starts_at_us;
  // Its end, exclusive.
  int64_t period_ends_at_us;
  // The end of the refusing limit's window, or `ALWM_NONE`.
  int64_t resets_at_us;
  // How long until then, in ms, or `ALWM_NONE`.
  int64_t retry_after_ms;
  // The limit's maximum, boost included; `ALWM_NONE` for no maximum. Pico-dollars where
  // `limit_is_cost`, else a count; so are the next four.
  int64_t limit_maximum;
  // What recorded calls used.
  int64_t limit_used;
  // What live holds keep free.
  int64_t limit_held;
  // What the calls want.
  int64_t limit_wanted;
  // maximum − used − held, not below 0; `ALWM_NONE` for no maximum.
  int64_t limit_remaining;
  // Whether all of the calls may be made.
  int32_t allowed;
  // An `alwm_reason`.
  int32_t reason;
  // Whether the limit counts cost.
  int32_t limit_is_cost;
  // How many limits refuse; their names are in the JSON.
  int32_t refusing_limits;
  // The limit's name; empty when no limit covers the calls.
  char limit_name[136];
  // The user's plan.
  char plan_id[136];
  // The cheapest plan that would allow it; empty when none would help.
  char upgrade_plan_id[136];
  // What to tell the user.
  char message[512];
} alwm_decision;

// The answer to a reservation.
typedef struct alwm_reservation {
  // Set it to `sizeof` before the call.
  size_t size;
  // The cost that is held, or that was refused, or that is recorded (`ALWM_NONE` if unknown).
  int64_t cost_pico_usd;
  // How many calls are held.
  int64_t call_count;
  // When it was made: the call's `occurred_at_us`; `ALWM_NONE` unless granted.
  int64_t reserved_at_us;
  // The first instant that it no longer counts; `ALWM_NONE` unless granted.
  int64_t expires_at_us;
  // The call that is recorded already; `ALWM_NONE` unless a duplicate.
  int64_t call_id;
  // The end of the refusing limit's window, or `ALWM_NONE`.
  int64_t resets_at_us;
  // How long until then, in ms, or `ALWM_NONE`.
  int64_t retry_after_ms;
  // An `alwm_outcome`.
  int32_t outcome;
  // An `alwm_reason`.
  int32_t reason;
  // Whether the cost is by a price, or the worst case of an unknown one.
  int32_t is_price_known;
  // Whether the same key had reserved it before.
  int32_t is_repeat;
  // What `alwm_settle` and `alwm_release` name the hold by; empty unless granted.
  char hold_id[40];
  // The key that it was reserved with; its call is recorded under the same key.
  char idempotency_key[256];
  // The limit that refuses, or the one with the least room left; may be empty.
  char limit_name[136];
  // What to tell the user; empty unless refused.
  char message[512];
} alwm_reservation;

// The proof of a recorded call.
typedef struct alwm_receipt {
  // Set it to `sizeof` before the call.
  size_t size;
  // The id of the ledger row.
  int64_t call_id;
  // What was used, implied units included; other units are in the JSON.
  struct alwm_units units;
  // What is charged; `ALWM_NONE` when unknown.
  int64_t cost_pico_usd;
  // The part of input tokens.
  int64_t cost_input_pico_usd;
  // The part of output tokens.
  int64_t cost_output_pico_usd;
  // What the vendor says it cost; `ALWM_NONE` when it does not.
  int64_t vendor_cost_pico_usd;
  // The price version that rated it, or `ALWM_NONE`.
  int64_t price_version_id;
  // When the call was made.
  int64_t occurred_at_us;
  // The start of the usage period that it counts in.
  int64_t period_starts_at_us;
  // How many calls.
  int64_t call_count;
  // Tokens beyond the hold.
  int64_t overshoot_tokens;
  // Cost beyond the hold.
  int64_t overshoot_pico_usd;
  // An `alwm_record_status`.
  int32_t status;
  // An `alwm_price_match`.
  int32_t price_match;
  // An `alwm_usage_source`.
  int32_t usage_source;
  // How many limits that refuse are passed all the same; they are in the JSON.
  int32_t limits_exceeded;
  // Whether its hold had been released or had expired.
  int32_t is_late;
  // Whether the first record's row was pruned; then the id and the cost are the first one's.
  int32_t is_pruned;
  // The key to repeat the call with.
  char idempotency_key[256];
} alwm_receipt;

// What an answer of a provider says was used.
typedef struct alwm_extracted {
  // Set it to `sizeof` before the call.
  size_t size;
  // The quantities; other units are in the JSON.
  struct alwm_units units;
  // What the vendor says it charged; `ALWM_NONE` when it does not.
  int64_t vendor_cost_pico_usd;
  // Whether usage was reported at all; if not, nothing else here says anything.
  int32_t is_found;
  // Whether a stream or a crawl ended before its end.
  int32_t is_partial;
  // The `alwm_variant` that served it; -1 where the answer does not say.
  int32_t variant;
  // An `alwm_usage_source`.
  int32_t usage_source;
  // How many quantities are of other units.
  int32_t other_units;
  // 0.
  int32_t reserved;
  // The model as the answer names it; empty where it does not.
  char model[256];
} alwm_extracted;

// Who was called and what for, as far as it is known.
typedef struct alwm_detection {
  // Set it to `sizeof` before the call.
  size_t size;
  // An `alwm_confidence`.
  int32_t confidence;
  // 0.
  int32_t reserved;
  // Who is paid; empty when unknown.
  char provider[136];
  // What was done; empty when unknown.
  char operation[136];
  // The model as it was written; empty when unknown.
  char model[256];
} alwm_detection;

// A change of a user's own limit.
typedef struct alwm_limit_change {
  // Set by `alwm_limit_change_init`.
  size_t size;
  // The limit's name: `gemini_calls`, `monthly_cost`, or a new one with a metric.
  struct alwm_text name;
  // `unlimited`, a count, or dollars where cost is counted.
  struct alwm_text maximum;
  // What is counted: `calls`, `tokens`, `cost_usd` or a unit; needed for a new name.
  struct alwm_text metric;
  // Only this provider.
  struct alwm_text provider;
  // Only this operation.
  struct alwm_text operation;
  // `period`, `minute`, `hour`, `day` or `lifetime`.
  struct alwm_text window;
  // `hard`, `soft` or `grace N%`.
  struct alwm_text policy;
  // Why, for people.
  struct alwm_text note;
  // The percentages that raise an alert; `NULL` to leave them.
  const uint8_t *thresholds;
  // How many.
  size_t threshold_count;
  // The first instant that it is in force; without it, now.
  int64_t starts_at_us;
  // The first instant that it is not; without it, it stays.
  int64_t ends_at_us;
  // Whether it adds to the plan's maximum instead of replacing it.
  int32_t is_boost;
  // Must be 0.
  int32_t reserved;
} alwm_limit_change;

// Takes one event: an `alwm_log_level`, where it is from, and what happened with its values, as
// docs/operations.md lists them; both texts live until it returns. It may run in any thread, at
// once in several, and must not call the library.
typedef void (*alwm_log_callback)(void *context,
                                  int32_t level,
                                  const char *target,
                                  const char *message);

// The options of a meter; the defaults are right for a service that handles money.
typedef struct alwm_options {
  // Set by `alwm_options_init`.
  size_t size;
  // The plan of users without a subscription; `free` by default.
  struct alwm_text default_plan;
  // What a call that nothing prices becomes: `record` (by default), `reject` or
  // `PROVIDER/MODEL`.
  struct alwm_text unknown_price;
  // The channels that deliver alerts, with commas; none by default.
  struct alwm_text alert_channels;
  // Output tokens that are held for a chat without `max_output_tokens`; 1024 by default.
  int64_t default_output_tokens;
  // What is added to a hold's estimate of input tokens, in percent; 0 by default.
  int64_t hold_margin_percent;
  // What is added to an estimate of input tokens by `alwm_estimate_…`, in percent; 10 by
  // default.
  int64_t estimate_margin_percent;
  // How long a hold lives, in ms; 600000 by default.
  int64_t hold_ttl_ms;
  // What a call is held at when no price of its operation is known; $0.10 by default.
  int64_t unpriced_hold_pico_usd;
  // The longest wait for the queue and the lock, in ms; 5000 by default.
  int64_t busy_timeout_ms;
  // Works that may wait in the queue; 4096 by default.
  int64_t queue_capacity;
  // Rows that `alwm_query` returns at most; 10000 by default.
  int64_t query_rows_max;
  // Where the meter's clock stands, to be moved by `alwm_set_now`; `ALWM_NONE`, the default,
  // for the system's clock.
  int64_t now_us;
  // An `alwm_expired_holds`; release by default.
  int32_t expired_holds;
  // An `alwm_durability`; durable by default.
  int32_t durability;
  // An `alwm_synchronous`; full by default.
  int32_t synchronous;
  // Whether a file that is a symbolic link or has a second name is accepted.
  int32_t allow_linked_file;
  // Whether a file on a network disk is accepted.
  int32_t allow_network_disk;
  // Whether variables `ALWRITY_METERING_…` of the environment replace what stands here.
  int32_t reads_environment;
} alwm_options;

// Which calls of a user are wanted; newest first.
typedef struct alwm_call_filter {
  // Set by `alwm_call_filter_init`.
  size_t size;
  // Only calls of this provider.
  struct alwm_text provider;
  // Only calls of this operation.
  struct alwm_text operation;
  // Only calls of this model.
  struct alwm_text model;
  // Only calls with this HTTP status.
  int64_t status_code;
  // Only calls that were made from this instant on.
  int64_t from_us;
  // Only calls that were made before this instant.
  int64_t before_us;
  // Only calls with an id below this one: the cursor.
  int64_t before_id;
  // How many of the first to leave out.
  int64_t offset;
  // The most that are wanted, 1–5000; 50 by default.
  int64_t limit;
  // Only calls whose cost is unknown.
  int32_t is_unpriced;
  // Must be 0.
  int32_t reserved;
} alwm_call_filter;

// What a call would cost.
typedef struct alwm_price_quote {
  // Set it to `sizeof` before the call.
  size_t size;
  // The cost; `ALWM_NONE` when no price is known.
  int64_t cost_pico_usd;
  // The part of input tokens.
  int64_t cost_input_pico_usd;
  // The part of output tokens.
  int64_t cost_output_pico_usd;
  // The price version, or `ALWM_NONE`.
  int64_t price_version_id;
  // The first instant that it applies to, or `ALWM_NONE`.
  int64_t effective_from_us;
  // An `alwm_price_match`.
  int32_t price_match;
  // The `alwm_variant` of the price; -1 when there is none.
  int32_t variant;
  // What would be done.
  char operation[136];
} alwm_price_quote;

// Takes one call of an export: the user with a NUL, and the call as JSON; both live until it
// returns. It returns 0 to go on, anything else to stop.
typedef int32_t (*alwm_visit_call)(void *context, const char *user, const char *call);

// What a user subscribes to.
typedef struct alwm_subscribe_terms {
  // Set by `alwm_subscribe_terms_init`.
  size_t size;
  // The plan.
  struct alwm_text plan_id;
  // The reference of the payment, or why nobody pays, as `payment` says.
  struct alwm_text payment_text;
  // The customer at Stripe.
  struct alwm_text stripe_customer_id;
  // The subscription at Stripe.
  struct alwm_text stripe_subscription_id;
  // How the user pays, for people: `card`.
  struct alwm_text payment_method;
  // What periods are counted from; without it, now at first, then what it was.
  int64_t anchor_us;
  // From when on; without it, now.
  int64_t starts_at_us;
  // An `alwm_billing_cycle`; monthly by default.
  int32_t billing_cycle;
  // An `alwm_payment`; pending by default: it grants nothing until it is paid.
  int32_t payment;
  // Whether it renews by itself; 1 by default.
  int32_t auto_renew;
  // Must be 0.
  int32_t reserved;
} alwm_subscribe_terms;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Sets the size and every default; `size` is `sizeof *filter`.
// Since 0.1.0.
alwm_status alwm_alert_filter_init(struct alwm_alert_filter *filter, size_t size);

// A page of a user's alerts, newest first, and how many there are; `filter` may be `NULL`.
// Since 0.1.0.
alwm_status alwm_alerts(const struct alwm_meter *meter,
                        struct alwm_text user,
                        const struct alwm_alert_filter *filter,
                        struct alwm_string *json);

// A page of the operator's alerts: failures of the store, and what `alwm_verify` found.
// Since 0.1.0.
alwm_status alwm_operator_alerts(const struct alwm_meter *meter,
                                 const struct alwm_alert_filter *filter,
                                 struct alwm_string *json);

// Marks an alert of a user as read.
// Since 0.1.0.
alwm_status alwm_mark_read(const struct alwm_meter *meter, struct alwm_text user, int64_t alert_id);

// Marks all alerts of a user as read. `count`, how many there were, may be `NULL`.
// Since 0.1.0.
alwm_status alwm_mark_all_read(const struct alwm_meter *meter,
                               struct alwm_text user,
                               int64_t *count);

// Puts an alert of a user away.
// Since 0.1.0.
alwm_status alwm_dismiss(const struct alwm_meter *meter, struct alwm_text user, int64_t alert_id);

// Puts an alert of the operator away.
// Since 0.1.0.
alwm_status alwm_dismiss_operator_alert(const struct alwm_meter *meter, int64_t alert_id);

// How many alerts wait in each channel, and what became of the others.
// Since 0.1.0.
alwm_status alwm_outbox(const struct alwm_meter *meter, struct alwm_string *json);

// Sends every alert that is due in a channel that the option `alert_channels` names; each is
// claimed by one process. `json`, what the round did, may be `NULL`.
// Since 0.1.0.
alwm_status alwm_deliver_alerts(const struct alwm_meter *meter,
                                struct alwm_text channel,
                                alwm_send_alert send,
                                void *context,
                                struct alwm_string *json);

// The status of this thread's last call that failed; `ALWM_STATUS_OK` when none did.
// Since 0.1.0.
alwm_status alwm_last_status(void);

// The stable name of that error, such as `unknown_plan`; empty when there was none.
// Since 0.1.0.
const char *alwm_last_code(void);

// What went wrong, with the values; it lives until the thread's next call that fails.
// Since 0.1.0.
const char *alwm_last_message(void);

// What to do about it; empty when there was no error.
// Since 0.1.0.
const char *alwm_last_hint(void);

// Sets the size and every default; `size` is `sizeof *details`.
// Since 0.1.0.
alwm_status alwm_call_details_init(struct alwm_call_details *details, size_t size);

// Sets the size and every default; `size` is `sizeof *record`.
// Since 0.1.0.
alwm_status alwm_call_record_init(struct alwm_call_record *record, size_t size);

// Sets the size and every default; `size` is `sizeof *outcome`.
// Since 0.1.0.
alwm_status alwm_call_outcome_init(struct alwm_call_outcome *outcome, size_t size);

// The plans and their limits.
// Since 0.1.0.
alwm_status alwm_plans(const struct alwm_meter *meter, struct alwm_string *json);

// Adds the plans of a TOML text in the form of `catalogue/plans`, or replaces those with the same
// id; all of them, or none. The answer is the plans.
// Since 0.1.0.
alwm_status alwm_put_plans(const struct alwm_meter *meter,
                           struct alwm_text toml,
                           struct alwm_string *json);

// Every price version, or those of a provider; `provider` may be `NULL`.
// Since 0.1.0.
alwm_status alwm_prices(const struct alwm_meter *meter,
                        struct alwm_text provider,
                        struct alwm_string *json);

// Puts the price versions of a CSV text in the form of `catalogue/prices`; all of them, or none.
// The answer counts them, and warns of prices that look a million times off.
// Since 0.1.0.
alwm_status alwm_put_prices(const struct alwm_meter *meter,
                            struct alwm_text csv,
                            struct alwm_string *json);

// The calls whose cost is unknown, by provider, model and operation.
// Since 0.1.0.
alwm_status alwm_unpriced(const struct alwm_meter *meter, struct alwm_string *json);

// What `alwm_re_rate` would do; it changes nothing.
// Since 0.1.0.
alwm_status alwm_re_rate_dry_run(const struct alwm_meter *meter, struct alwm_string *json);

// Gives calls whose cost is unknown the cost that is known by now.
// Since 0.1.0.
alwm_status alwm_re_rate(const struct alwm_meter *meter, struct alwm_string *json);

// What a call with this text will probably use: of a chat one message, of speech what is to be
// spoken. The user of the request may be left out; `json` may be `NULL`.
// Since 0.1.0.
alwm_status alwm_estimate_text(const struct alwm_meter *meter,
                               const struct alwm_call_request *request,
                               struct alwm_text text,
                               struct alwm_call_estimate *estimate,
                               struct alwm_string *json);

// What a call with this request, JSON as it will be sent in any vendor's form, will probably use.
// A model and a maximum that are not given are taken from it; `json` may be `NULL`.
// Since 0.1.0.
alwm_status alwm_estimate_request(const struct alwm_meter *meter,
                                  const struct alwm_call_request *request,
                                  struct alwm_text body,
                                  struct alwm_call_estimate *estimate,
                                  struct alwm_string *json);

// What was learned of each model from calls that were estimated before and reported after.
// Since 0.1.0.
alwm_status alwm_calibrations(const struct alwm_meter *meter, struct alwm_string *json);

// Whether a call may be made now. It reserves nothing: only `alwm_reserve` enforces.
// Since 0.1.0.
alwm_status alwm_check_limit(const struct alwm_meter *meter,
                             const struct alwm_call_request *request,
                             struct alwm_decision *decision,
                             struct alwm_string *json);

// Whether several calls of one user (1–256) may be made together, each seeing those before it.
// Since 0.1.0.
alwm_status alwm_check_limits(const struct alwm_meter *meter,
                              const struct alwm_call_request *requests,
                              size_t count,
                              struct alwm_decision *decision,
                              struct alwm_string *json);

// Reserves a call's estimate, if it fits every limit; then make the call and settle. A repeat
// with the same key returns the same hold, or the recorded call. A refusal is an `outcome`.
// Since 0.1.0.
alwm_status alwm_reserve(const struct alwm_meter *meter,
                         const struct alwm_call_request *request,
                         struct alwm_reservation *reservation,
                         struct alwm_string *json);

// Reserves several calls of one user (1–256) together: all of them, or none. Where they are
// refused, every one of the `count` reservations says so.
// Since 0.1.0.
alwm_status alwm_reserve_all(const struct alwm_meter *meter,
                             const struct alwm_call_request *requests,
                             size_t count,
                             struct alwm_reservation *reservations,
                             struct alwm_string *json);

// Records what the call that was held for really used, and ends the hold. More than was held is
// charged in full. `receipt` may be `NULL`.
// Since 0.1.0.
alwm_status alwm_settle(const struct alwm_meter *meter,
                        struct alwm_text user,
                        struct alwm_text hold_id,
                        const struct alwm_call_outcome *outcome,
                        struct alwm_receipt *receipt,
                        struct alwm_string *json);

// Queues what the call that was held for really used, and returns at once; `alwm_flush` waits for
// the commit. Bad input is still answered here.
// Since 0.1.0.
alwm_status alwm_queue_settle(const struct alwm_meter *meter,
                              struct alwm_text user,
                              struct alwm_text hold_id,
                              const struct alwm_call_outcome *outcome);

// Queues the giving back of a hold and returns at once.
// Since 0.1.0.
alwm_status alwm_queue_release(const struct alwm_meter *meter,
                               struct alwm_text user,
                               struct alwm_text hold_id);

// Gives a hold back: the call was not made. `status`, an `alwm_release_status`, may be `NULL`.
// Since 0.1.0.
alwm_status alwm_release(const struct alwm_meter *meter,
                         struct alwm_text user,
                         struct alwm_text hold_id,
                         int32_t *status,
                         struct alwm_string *json);

// What a provider's answer says was used: JSON, or the text of a stream as it came. An answer
// without usage is `is_found` 0, and `null` as JSON; `json` may be `NULL`. Never waits.
// Since 0.1.0.
alwm_status alwm_extract_usage(struct alwm_text provider,
                               struct alwm_text body,
                               struct alwm_extracted *extracted,
                               struct alwm_string *json);

// The tokens of a text, estimated in one pass. Never waits.
// Since 0.1.0.
alwm_status alwm_estimate_tokens(struct alwm_text text, int64_t *tokens);

// Who is behind a URL of an outgoing call, and what its path does; `json` may be `NULL`. Never
// waits.
// Since 0.1.0.
alwm_status alwm_detect_provider(struct alwm_text url,
                                 struct alwm_detection *detection,
                                 struct alwm_string *json);

// A user's invoice: the finalized one, or the draft as it stands now. `period` is `current` (also
// for `NULL`), a month as `YYYY-MM`, or the instant that the billing period starts.
// Since 0.1.0.
alwm_status alwm_invoice(const struct alwm_meter *meter,
                         struct alwm_text user,
                         struct alwm_text period,
                         struct alwm_string *json);

// The same as text for a terminal.
// Since 0.1.0.
alwm_status alwm_invoice_text(const struct alwm_meter *meter,
                              struct alwm_text user,
                              struct alwm_text period,
                              struct alwm_string *text);

// The same as one page of HTML.
// Since 0.1.0.
alwm_status alwm_invoice_html(const struct alwm_meter *meter,
                              struct alwm_text user,
                              struct alwm_text period,
                              struct alwm_string *text);

// All invoices and drafts of a user.
// Since 0.1.0.
alwm_status alwm_billing_history(const struct alwm_meter *meter,
                                 struct alwm_text user,
                                 struct alwm_string *json);

// Freezes the draft of a billing period that has ended, with its hash.
// Since 0.1.0.
alwm_status alwm_finalize_invoice(const struct alwm_meter *meter,
                                  struct alwm_text user,
                                  struct alwm_text period,
                                  struct alwm_string *json);

// Finalizes every billing period that has ended and has lines.
// Since 0.1.0.
alwm_status alwm_finalize_ended(const struct alwm_meter *meter,
                                struct alwm_text user,
                                struct alwm_string *json);

// Declares a finalized invoice void: its period is a draft again.
// Since 0.1.0.
alwm_status alwm_void_invoice(const struct alwm_meter *meter,
                              struct alwm_text user,
                              struct alwm_text period,
                              struct alwm_text reason,
                              struct alwm_string *json);

// Notes what became of the payment of a finalized invoice: `pending`, `paid`, `failed` or
// `waived`. The two references may be `NULL`.
// Since 0.1.0.
alwm_status alwm_set_invoice_payment(const struct alwm_meter *meter,
                                     struct alwm_text user,
                                     struct alwm_text period,
                                     struct alwm_text payment_status,
                                     struct alwm_text reference,
                                     struct alwm_text stripe_invoice_id,
                                     struct alwm_string *json);

// Sets the size and every default; `size` is `sizeof *change`.
// Since 0.1.0.
alwm_status alwm_limit_change_init(struct alwm_limit_change *change, size_t size);

// Where a user stands with every limit now.
// Since 0.1.0.
alwm_status alwm_limits(const struct alwm_meter *meter,
                        struct alwm_text user,
                        struct alwm_string *json);

// Gives a user a limit of its own; the answer, which may be `NULL`, is where the user stands.
// Since 0.1.0.
alwm_status alwm_set_limit(const struct alwm_meter *meter,
                           struct alwm_text user,
                           const struct alwm_limit_change *change,
                           struct alwm_string *json);

// Ends a user's own limits of that name, now; the answer, which may be `NULL`, is where the user
// stands.
// Since 0.1.0.
alwm_status alwm_clear_limit(const struct alwm_meter *meter,
                             struct alwm_text user,
                             struct alwm_text name,
                             struct alwm_string *json);

// Gives every event down to a level (an `alwm_log_level`) to a function, together with a pointer
// that only it understands; `NULL` ends that. The former one no longer runs afterwards. It is the
// whole process's. Set it before other threads are inside the library where the process forks.
// Since 0.1.0.
alwm_status alwm_set_log(int32_t level, alwm_log_callback callback, void *context);

// The version of the library, such as `0.1.0`; `ALWM_VERSION` is that of the header.
// Since 0.1.0.
const char *alwm_version(void);

// Opens the file, or makes it, with the tables that this version needs. `options` may be `NULL`
// for the defaults.
// Since 0.1.0.
alwm_status alwm_open(struct alwm_text path,
                      const struct alwm_options *options,
                      struct alwm_meter **meter);

// Waits for what is queued, closes the meter and sets the pointer to `NULL`; does nothing where
// it is `NULL` already. It is closed whatever the answer is, which is that of `alwm_flush`.
// Since 0.1.0.
alwm_status alwm_close(struct alwm_meter **meter);

// The time, as the meter's clock tells it. Never waits.
// Since 0.1.0.
alwm_status alwm_now(const struct alwm_meter *meter, int64_t *now_us);

// Moves the clock of a meter that was opened with `now_us`, forward or back: for tests and
// simulations. Never waits.
// Since 0.1.0.
alwm_status alwm_set_now(const struct alwm_meter *meter, int64_t now_us);

// Gives the store the plans of a set (`default`), prices, providers and units; what is there
// stays. `json` may be `NULL`.
// Since 0.1.0.
alwm_status alwm_seed(const struct alwm_meter *meter,
                      struct alwm_text plan_set,
                      struct alwm_string *json);

// Sets the size and every default; `size` is `sizeof *options`.
// Since 0.1.0.
alwm_status alwm_options_init(struct alwm_options *options, size_t size);

// Recomputes every counter and rollup from the ledger and compares them; `is_ok` is 1 when all is
// well. `json`, which names the first difference, may be `NULL`.
// Since 0.1.0.
alwm_status alwm_verify(const struct alwm_meter *meter, int32_t *is_ok, struct alwm_string *json);

// Replaces every counter and rollup by what the ledger says. `rows`, how many were written, may be
// `NULL`.
// Since 0.1.0.
alwm_status alwm_rebuild(const struct alwm_meter *meter, int64_t *rows);

// Sets the size and every default; `size` is `sizeof *filter`.
// Since 0.1.0.
alwm_status alwm_call_filter_init(struct alwm_call_filter *filter, size_t size);

// A page of a user's recorded calls, newest first, and how many there are in all; `filter` may be
// `NULL`. `next_before_id`, which may be `NULL`, is the cursor of the next page, for the filter's
// `before_id`; `ALWM_NONE` when this page was not full.
// Since 0.1.0.
alwm_status alwm_calls(const struct alwm_meter *meter,
                       struct alwm_text user,
                       const struct alwm_call_filter *filter,
                       struct alwm_string *json,
                       int64_t *next_before_id);

// Runs one SQL statement that only reads, on the tables and views of docs/schema.md; at most
// `query_rows_max` rows. `alwm_rows_close` closes them.
// Since 0.1.0.
alwm_status alwm_query(const struct alwm_meter *meter,
                       struct alwm_text sql,
                       struct alwm_rows **rows);

// Steps to the first row, then to the next one; `has_row` is 0 after the last. Never waits.
// Since 0.1.0.
alwm_status alwm_rows_next(struct alwm_rows *rows, int32_t *has_row);

// How many columns every row has. Never waits.
// Since 0.1.0.
alwm_status alwm_rows_column_count(const struct alwm_rows *rows, size_t *count);

// The name of a column, counted from 0; it lives until the rows are closed. Never waits.
// Since 0.1.0.
alwm_status alwm_rows_column_name(const struct alwm_rows *rows, size_t column, const char **name);

// Whether rows were left out because there were too many. Never waits.
// Since 0.1.0.
alwm_status alwm_rows_is_cut(const struct alwm_rows *rows, int32_t *is_cut);

// What a cell of the current row is: an `alwm_cell`. Never waits.
// Since 0.1.0.
alwm_status alwm_rows_kind(const struct alwm_rows *rows, size_t column, int32_t *kind);

// A cell of the current row that is a whole number. Never waits.
// Since 0.1.0.
alwm_status alwm_rows_int64(const struct alwm_rows *rows, size_t column, int64_t *number);

// A cell of the current row that is a floating-point number; no money is one. Never waits.
// Since 0.1.0.
alwm_status alwm_rows_double(const struct alwm_rows *rows, size_t column, double *number);

// A cell of the current row that is a text or bytes; it has no NUL at its end, and lives until
// the rows are closed. Never waits.
// Since 0.1.0.
alwm_status alwm_rows_text(const struct alwm_rows *rows, size_t column, struct alwm_text *text);

// All rows as JSON, each an object with its keys in the order of the columns. Never waits.
// Since 0.1.0.
alwm_status alwm_rows_json(const struct alwm_rows *rows, struct alwm_string *json);

// Closes rows and sets the pointer to `NULL`; does nothing where it is `NULL` already. Never
// waits.
// Since 0.1.0.
alwm_status alwm_rows_close(struct alwm_rows **rows);

// Prices a call without recording it; the user may be left out. Never waits for the disk once
// the prices are known.
// Since 0.1.0.
alwm_status alwm_quote(const struct alwm_meter *meter,
                       const struct alwm_call_record *record,
                       struct alwm_price_quote *quote,
                       struct alwm_string *json);

// Records a call that was made, once per idempotency key; over a hard limit too, for the
// provider was already paid. `receipt` may be `NULL`.
// Since 0.1.0.
alwm_status alwm_record_call(const struct alwm_meter *meter,
                             const struct alwm_call_record *record,
                             struct alwm_receipt *receipt,
                             struct alwm_string *json);

// Records several calls, of any users, in as few transactions as fit. Each is recorded or not on
// its own, also where its own texts or numbers are wrong: `statuses[i]` tells, and `receipts[i]`
// is its receipt if it was, else zeros. Both may be `NULL`. The answer is the first status that
// is not `ALWM_STATUS_OK`, or that; where a pointer or a size of the arrays is wrong nothing was
// recorded and nothing is written.
// Since 0.1.0.
alwm_status alwm_record_calls(const struct alwm_meter *meter,
                              const struct alwm_call_record *records,
                              size_t count,
                              alwm_status *statuses,
                              struct alwm_receipt *receipts);

// Queues a record and returns at once with its key, which may be `NULL`; `alwm_flush` waits for
// the commit. Bad input is still answered here.
// Since 0.1.0.
alwm_status alwm_queue_call(const struct alwm_meter *meter,
                            const struct alwm_call_record *record,
                            struct alwm_string *idempotency_key);

// Records a call as the option `durability` says; a receipt that says `queued` has only its key.
// `receipt` may be `NULL`.
// Since 0.1.0.
alwm_status alwm_record(const struct alwm_meter *meter,
                        const struct alwm_call_record *record,
                        struct alwm_receipt *receipt,
                        struct alwm_string *json);

// Waits until everything that was queued before is committed.
// Since 0.1.0.
alwm_status alwm_flush(const struct alwm_meter *meter);

// How many queued records failed after they were accepted; each is logged as an error.
// Since 0.1.0.
alwm_status alwm_queued_failures(const struct alwm_meter *meter, int64_t *count);

// What a user used in a period: `current` (also for `NULL`), `all` or a month as `YYYY-MM`.
// Since 0.1.0.
alwm_status alwm_usage_summary(const struct alwm_meter *meter,
                               struct alwm_text user,
                               struct alwm_text period,
                               struct alwm_string *json);

// What a user used in a period, as `alwm_usage_summary` takes it, by provider and operation
// together.
// Since 0.1.0.
alwm_status alwm_usage_lines(const struct alwm_meter *meter,
                             struct alwm_text user,
                             struct alwm_text period,
                             struct alwm_string *json);

// A user's running period at one glance: use, limits, trends, projections, alerts.
// Since 0.1.0.
alwm_status alwm_dashboard(const struct alwm_meter *meter,
                           struct alwm_text user,
                           struct alwm_string *json);

// What a user used in each of the last months, 1–24.
// Since 0.1.0.
alwm_status alwm_trends(const struct alwm_meter *meter,
                        struct alwm_text user,
                        int64_t months,
                        struct alwm_string *json);

// What a user used on each of the last UTC days, 1–731.
// Since 0.1.0.
alwm_status alwm_daily_trends(const struct alwm_meter *meter,
                              struct alwm_text user,
                              int64_t days,
                              struct alwm_string *json);

// A user's providers and models side by side over the last UTC days, 1–731. `sla_ms`, the
// promised response time, may be `ALWM_NONE`.
// Since 0.1.0.
alwm_status alwm_compare(const struct alwm_meter *meter,
                         struct alwm_text user,
                         int64_t days,
                         int64_t sla_ms,
                         struct alwm_string *json);

// Cheaper models for the use of the last UTC days, 1–731; `scope` is an `alwm_hint_scope`.
// Since 0.1.0.
alwm_status alwm_hints(const struct alwm_meter *meter,
                       struct alwm_text user,
                       int64_t days,
                       int32_t scope,
                       struct alwm_string *json);

// The users that were ever seen, in the order of their first sight.
// Since 0.1.0.
alwm_status alwm_users(const struct alwm_meter *meter, struct alwm_string *json);

// Sets the size and every default; `size` is `sizeof *request`.
// Since 0.1.0.
alwm_status alwm_call_request_init(struct alwm_call_request *request, size_t size);

// What `alwm_prune` would remove; it changes nothing.
// Since 0.1.0.
alwm_status alwm_prune_dry_run(const struct alwm_meter *meter,
                               int64_t older_than_us,
                               struct alwm_string *json);

// Removes the rows of calls that were made before an instant; their sums and keys stay.
// Since 0.1.0.
alwm_status alwm_prune(const struct alwm_meter *meter,
                       int64_t older_than_us,
                       struct alwm_string *json);

// Everything that is kept about a user, as one object.
// Since 0.1.0.
alwm_status alwm_export_user(const struct alwm_meter *meter,
                             struct alwm_text user,
                             struct alwm_string *json);

// Takes a user's identity and every free text out of the store; the numbers stay under a
// pseudonym. There is no way back.
// Since 0.1.0.
alwm_status alwm_erase_user(const struct alwm_meter *meter,
                            struct alwm_text user,
                            struct alwm_string *json);

// Visits the recorded calls of one user, or of all for `NULL`, that were made from one instant to
// before another (`ALWM_NONE` for no bound), in the order of recording and in one snapshot.
// Since 0.1.0.
alwm_status alwm_visit_calls(const struct alwm_meter *meter,
                             struct alwm_text user,
                             int64_t from_us,
                             int64_t before_us,
                             alwm_visit_call visit,
                             void *context);

// The stable name of a status, such as `unknown_plan`; `ok` for 0, empty for an unknown number.
// Since 0.1.0.
const char *alwm_status_code(int32_t status);

// What to do about a status; empty for 0 and for an unknown number.
// Since 0.1.0.
const char *alwm_status_hint(int32_t status);

// The HTTP status that a server answers with; 200 for 0, 500 for an unknown number.
// Since 0.1.0.
int32_t alwm_status_http(int32_t status);

// Whether the same call, with the same idempotency key, may succeed when it is repeated.
// Since 0.1.0.
int32_t alwm_status_is_retryable(int32_t status);

// Sets the size and every default; `size` is `sizeof *terms`.
// Since 0.1.0.
alwm_status alwm_subscribe_terms_init(struct alwm_subscribe_terms *terms, size_t size);

// Puts a user on a plan.
// Since 0.1.0.
alwm_status alwm_subscribe(const struct alwm_meter *meter,
                           struct alwm_text user,
                           const struct alwm_subscribe_terms *terms,
                           struct alwm_string *json);

// Makes the change that waits for its payment happen, paid under the host's reference.
// Since 0.1.0.
alwm_status alwm_confirm_payment(const struct alwm_meter *meter,
                                 struct alwm_text user,
                                 struct alwm_text reference,
                                 struct alwm_string *json);

// Pays one fee. `payment` is an `alwm_payment`, and the text its reference or reason.
// Since 0.1.0.
alwm_status alwm_renew(const struct alwm_meter *meter,
                       struct alwm_text user,
                       int32_t payment,
                       struct alwm_text payment_text,
                       struct alwm_string *json);

// Goes over to a dearer plan at once, for the prorated difference; `billing_cycle` may be
// `ALWM_BILLING_CYCLE_AS_BEFORE`.
// Since 0.1.0.
alwm_status alwm_upgrade(const struct alwm_meter *meter,
                         struct alwm_text user,
                         struct alwm_text plan_id,
                         int32_t billing_cycle,
                         int32_t payment,
                         struct alwm_text payment_text,
                         struct alwm_string *json);

// Goes over to a cheaper plan when the billing period ends.
// Since 0.1.0.
alwm_status alwm_downgrade(const struct alwm_meter *meter,
                           struct alwm_text user,
                           struct alwm_text plan_id,
                           struct alwm_string *json);

// Pays by the year from the running month on, or by the month when the year ends.
// Since 0.1.0.
alwm_status alwm_change_cycle(const struct alwm_meter *meter,
                              struct alwm_text user,
                              int32_t cycle,
                              int32_t payment,
                              struct alwm_text payment_text,
                              struct alwm_string *json);

// Ends a subscription; `when` is an `alwm_cancel_at`.
// Since 0.1.0.
alwm_status alwm_cancel(const struct alwm_meter *meter,
                        struct alwm_text user,
                        int32_t when,
                        struct alwm_string *json);

// Takes back what is scheduled or waits for its payment.
// Since 0.1.0.
alwm_status alwm_withdraw_change(const struct alwm_meter *meter,
                                 struct alwm_text user,
                                 struct alwm_string *json);

// Notes that a payment is late: the plan is granted until the grace ends.
// Since 0.1.0.
alwm_status alwm_mark_past_due(const struct alwm_meter *meter,
                               struct alwm_text user,
                               int64_t grace_until_us,
                               struct alwm_string *json);

// Grants nothing from now on.
// Since 0.1.0.
alwm_status alwm_suspend(const struct alwm_meter *meter,
                         struct alwm_text user,
                         struct alwm_string *json);

// Ends a suspension.
// Since 0.1.0.
alwm_status alwm_resume(const struct alwm_meter *meter,
                        struct alwm_text user,
                        struct alwm_string *json);

// How a user's subscription stands, and what is scheduled.
// Since 0.1.0.
alwm_status alwm_subscription(const struct alwm_meter *meter,
                              struct alwm_text user,
                              struct alwm_string *json);

// What has happened to a subscription, newest first: 1 to 100 lines, without the first `offset`.
// Since 0.1.0.
alwm_status alwm_subscription_history(const struct alwm_meter *meter,
                                      struct alwm_text user,
                                      int64_t limit,
                                      int64_t offset,
                                      struct alwm_string *json);

// What a change would do and cost, to the cent. The change is JSON, such as
// `{"change": "upgrade", "plan_id": "pro", "billing_cycle": null}`.
// Since 0.1.0.
alwm_status alwm_preview_change(const struct alwm_meter *meter,
                                struct alwm_text user,
                                struct alwm_text change,
                                struct alwm_string *json);

// Frees a text of the library and clears it; does nothing for `NULL` or a cleared one.
// Since 0.1.0.
void alwm_string_free(struct alwm_string *string);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ALWRITY_METERING_H */
