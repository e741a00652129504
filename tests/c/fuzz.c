// Sequences of calls with bent arguments, as no honest caller would make them.
//
//   fuzz SECONDS SEED
//
// Every text, struct and output ends at a guarded page, so that one byte too much is a fault. A
// call may fail, but with a status of the table, never `internal`; its outputs are untouched then.
// Now and then the ledger is verified and the store opened anew.
#include "edge.h"
#include "frame.h"

#include <time.h>

static uint64_t state;
static folder own;
static alwm_meter *meter;
static alwm_rows *rows;
static uint64_t calls, failures;

static uint64_t chance(uint64_t below) {
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return state % below;
}

static bool seldom(void) { return chance(12) == 0; }

static void die(const char *call, alwm_status status, const char *why) {
  fprintf(stderr, "%s: %d: %s; last: %s\n", call, status, why, alwm_last_message());
  abort();
}

// Checks what a call answers.
static bool went(alwm_status status, const char *call) {
  calls++;
  if (status == ALWM_STATUS_OK) {
    return true;
  }
  failures++;
  if (status == ALWM_STATUS_INTERNAL || alwm_status_code(status)[0] == '\0') {
    die(call, status, "no status that a caller can make happen");
  }
  if (alwm_last_status() != status || alwm_last_message()[0] == '\0') {
    die(call, status, "not the last failure");
  }
  return false;
}

static alwm_text word(void) {
  static const char *const words[] = {
      "u1",     "u2",      "gemini",        "openai",       "gemini-2.5-flash", "gpt-4o-mini",
      "tavily", "chat",    "free",          "pro",          "basic",            "current",
      "all",    "2025-10", "gemini_tokens", "monthly_cost", "unlimited",        "10",
      "k1",     "calls",   "day",           "hard",         "paid",             "default",
      "{}",     "SELECT 1", "{\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}",
      "SELECT user, calls FROM counters, users LIMIT 3", "{\"change\":\"renew\"}",
      "https://api.openai.com/v1/chat/completions",
  };
  if (!seldom()) {
    const char *one = words[chance(COUNT(words))];
    size_t length = strlen(one);
    bool has_nul = chance(2);
    return (alwm_text){edge_copy(one, length + has_nul), has_nul ? ALWM_NUL : length};
  }
  size_t length = chance(8) == 0 ? chance(EDGE_BYTES_MAX) : chance(40);
  char *bytes = edge_room(length);
  for (size_t n = 0; n < length; n++) {
    bytes[n] = (char)(chance(3) == 0 ? chance(256) : 'a' + chance(26));
  }
  switch (chance(8)) {
    case 0: return (alwm_text){NULL, chance(3)};
    case 1: return (alwm_text){NULL, ALWM_NUL};
    case 2: return (alwm_text){bytes, SIZE_MAX - 1 - chance(1000)};
    default: return (alwm_text){bytes, length};
  }
}

static int64_t number(void) {
  static const int64_t odd[] = {ALWM_NONE, 0,         -1,        1,        INT64_MAX,
                                INT64_MIN + 1, 1 << 30, NOON, NOON - 1, 253402300799999999};
  return seldom() ? odd[chance(COUNT(odd))] : (int64_t)chance(2000);
}

static int64_t instant(void) {
  return seldom() ? number() : NOON + ((int64_t)chance(200) - 100) * 3600000000;
}

static int32_t code(void) { return seldom() ? (int32_t)number() : (int32_t)chance(4); }

static size_t size_of(size_t right) {
  static const int64_t off[] = {-1, 1, 8, 16, -8, 64};
  if (!seldom()) {
    return right;
  }
  return chance(4) == 0 ? (size_t)number() : right + (size_t)off[chance(COUNT(off))];
}

// How many bytes stand behind a size that may be wrong: as many as it says, where that can be.
static size_t room_of(size_t size, size_t length) {
  return size > EDGE_BYTES_MAX || size < sizeof size ? length : size;
}

// A struct at an edge, with a size that may be wrong. Its pointers stay: a wild pointer is the
// caller's error, which nobody can check.
static void *bent(const void *right, size_t length) {
  if (seldom() && seldom()) {
    return NULL;
  }
  size_t size = size_of(length), room = room_of(size, length);
  char *bytes = edge_room(room);
  memset(bytes, seldom() ? 1 : 0, room);
  memcpy(bytes, right, room < length ? room : length);
  memcpy(bytes, &size, sizeof size);
  return bytes;
}

#define BENT(struct_) bent(&(struct_), sizeof(struct_))

// An output at an edge, its size as the caller gave it.
typedef struct output {
  void *place;
  size_t room;
  size_t size;
} output;

static output output_of(size_t length) {
  if (seldom() && seldom()) {
    return (output){NULL, 0, 0};
  }
  size_t size = size_of(length), room = room_of(size, length);
  void *place = edge_room(room);
  memcpy(place, &size, sizeof size);
  return (output){place, room, size};
}

static void check_output(output out, bool is_ok, const char *call) {
  if (out.place == NULL) {
    return;
  }
  if (memcmp(out.place, &out.size, sizeof out.size) != 0) {
    die(call, 0, "the size of an output was changed");
  }
  for (size_t n = sizeof out.size; !is_ok && n < out.room; n++) {
    if (((unsigned char *)out.place)[n] != EDGE_PATTERN) {
      die(call, 0, "an output was written by a call that failed");
    }
  }
}

static alwm_string *string_out(void) {
  static const alwm_string none = {NULL, 0};
  return seldom() ? NULL : edge_copy(&none, sizeof none);
}

static void check_string(alwm_string *json, bool is_ok, const char *call) {
  if (json == NULL) {
    return;
  }
  if (!is_ok && (json->bytes != NULL || json->length != 0)) {
    die(call, 0, "a text was given by a call that failed");
  }
  if (json->bytes != NULL && strlen(json->bytes) != json->length) {
    die(call, 0, "a text of another length");
  }
  alwm_string_free(json);
  alwm_string_free(json);
}

static alwm_units units(void) {
  alwm_units made = {0};
  made.input_tokens = number();
  made.output_tokens = number();
  made.images = seldom() ? number() : 0;
  made.cached_input_tokens = seldom() ? number() : 0;
  return made;
}

static const alwm_call_details *details(void) {
  if (chance(4) != 0) {
    return NULL;
  }
  alwm_call_details made;
  alwm_call_details_init(&made, sizeof made);
  alwm_tag tags[] = {{word(), word()}, {word(), word()}};
  made.endpoint = word();
  made.error_message = word();
  made.response_time_ms = number();
  made.tags = edge_copy(tags, sizeof tags);
  made.tag_count = 2;
  return BENT(made);
}

static alwm_call_record record(void) {
  alwm_call_record made;
  alwm_call_record_init(&made, sizeof made);
  made.user = word();
  made.provider = word();
  made.model = word();
  made.units = units();
  if (seldom()) {
    alwm_quantity other = {word(), number()};
    made.other_units = edge_copy(&other, sizeof other);
    made.other_unit_count = 1;
    made.operation = word();
    made.vendor_cost_pico_usd = number();
    made.status_code = number();
    made.call_count = number();
    made.variant = code();
    made.usage_source = code();
  }
  made.occurred_at_us = chance(3) == 0 ? instant() : ALWM_NONE;
  made.idempotency_key = chance(2) ? word() : (alwm_text){NULL, 0};
  made.details = details();
  return made;
}

static alwm_call_request request(void) {
  alwm_call_request made;
  alwm_call_request_init(&made, sizeof made);
  made.user = word();
  made.provider = word();
  made.model = word();
  made.input_tokens = number();
  made.max_output_tokens = number();
  if (seldom()) {
    made.units = units();
    made.operation = word();
    made.call_count = number();
    made.ttl_ms = number();
    made.variant = code();
    made.occurred_at_us = instant();
  }
  made.idempotency_key = chance(2) ? word() : (alwm_text){NULL, 0};
  return made;
}

#define CHECK(call) is_ok = went((call), #call)

static void record_something(void) {
  bool is_ok = false;
  alwm_string *json = string_out();
  alwm_call_record one = record();
  output receipt = output_of(sizeof(alwm_receipt)), quote = output_of(sizeof(alwm_price_quote));
  switch (chance(5)) {
    case 0: CHECK(alwm_record_call(meter, BENT(one), receipt.place, json)); break;
    case 1: CHECK(alwm_record(meter, BENT(one), receipt.place, json)); break;
    case 2: CHECK(alwm_queue_call(meter, BENT(one), json)); break;
    case 3:
      CHECK(alwm_quote(meter, BENT(one), quote.place, json));
      check_output(quote, is_ok, "alwm_quote");
      break;
    default: {
      alwm_call_record several[] = {record(), record(), record()};
      alwm_status statuses[3];
      CHECK(alwm_record_calls(meter, edge_copy(several, sizeof several), chance(4),
                              edge_copy(statuses, sizeof statuses), NULL));
      json = NULL;
    }
  }
  check_string(json, is_ok, "recording");
}

static void hold_something(void) {
  static char hold_id[40];
  bool is_ok = false;
  alwm_string *json = string_out();
  alwm_call_request one = request();
  output decision = output_of(sizeof(alwm_decision)), receipt = output_of(sizeof(alwm_receipt));
  output reservation = output_of(sizeof(alwm_reservation));
  alwm_call_outcome outcome;
  alwm_call_outcome_init(&outcome, sizeof outcome);
  outcome.units = units();
  outcome.details = details();
  alwm_text hold = chance(3) ? (alwm_text){edge_copy(hold_id, 33), 32} : word();
  switch (chance(6)) {
    case 0:
      CHECK(alwm_check_limit(meter, BENT(one), decision.place, json));
      check_output(decision, is_ok, "alwm_check_limit");
      break;
    case 1: {
      alwm_call_request several[] = {request(), request()};
      CHECK(alwm_check_limits(meter, edge_copy(several, sizeof several), chance(3), decision.place,
                              json));
      break;
    }
    case 2:
      CHECK(alwm_settle(meter, word(), hold, BENT(outcome), receipt.place, json));
      check_output(receipt, is_ok, "alwm_settle");
      break;
    case 3: CHECK(alwm_release(meter, word(), hold, NULL, json)); break;
    default:
      CHECK(alwm_reserve(meter, BENT(one), reservation.place, json));
      check_output(reservation, is_ok, "alwm_reserve");
      if (is_ok && reservation.size >= sizeof(alwm_reservation)) {
        memcpy(hold_id, ((alwm_reservation *)reservation.place)->hold_id, sizeof hold_id);
      }
  }
  check_string(json, is_ok, "holding");
}

typedef alwm_status of_user(const alwm_meter *, alwm_text, alwm_string *);
typedef alwm_status of_two(const alwm_meter *, alwm_text, alwm_text, alwm_string *);
typedef alwm_status of_number(const alwm_meter *, alwm_text, int64_t, alwm_string *);
typedef alwm_status of_none(const alwm_meter *, alwm_string *);

static void ask_something(void) {
  static of_user *const of_users[] = {
      alwm_dashboard,   alwm_limits,       alwm_withdraw_change, alwm_suspend,
      alwm_resume,      alwm_subscription, alwm_billing_history, alwm_finalize_ended,
      alwm_export_user, alwm_put_plans,    alwm_put_prices,      alwm_prices,
  };
  static of_two *const of_twos[] = {
      alwm_usage_summary, alwm_confirm_payment, alwm_downgrade,        alwm_preview_change,
      alwm_invoice,       alwm_invoice_text,    alwm_finalize_invoice, alwm_clear_limit,
      alwm_invoice_html,  alwm_usage_lines,
  };
  static of_number *const of_numbers[] = {alwm_trends, alwm_daily_trends, alwm_mark_past_due};
  static of_none *const of_nones[] = {alwm_plans,  alwm_users,           alwm_unpriced,
                                      alwm_outbox, alwm_re_rate_dry_run, alwm_re_rate};
  bool is_ok = false;
  alwm_string *json = string_out();
  if (chance(200) == 0) {
    // It rewrites the file.
    CHECK(alwm_erase_user(meter, word(), json));
    check_string(json, is_ok, "erasing");
    return;
  }
  switch (chance(5)) {
    case 0: CHECK(of_users[chance(COUNT(of_users))](meter, word(), json)); break;
    case 1: CHECK(of_twos[chance(COUNT(of_twos))](meter, word(), word(), json)); break;
    case 2: CHECK(of_numbers[chance(COUNT(of_numbers))](meter, word(), number(), json)); break;
    case 3: CHECK(of_nones[chance(COUNT(of_nones))](meter, json)); break;
    default: {
      alwm_call_filter filter;
      alwm_call_filter_init(&filter, sizeof filter);
      filter.provider = word();
      filter.limit = number();
      filter.before_id = number();
      filter.from_us = instant();
      CHECK(alwm_calls(meter, word(), BENT(filter), json, NULL));
    }
  }
  check_string(json, is_ok, "asking");
}

static void change_something(void) {
  bool is_ok = false;
  alwm_string *json = string_out();
  alwm_subscribe_terms terms;
  alwm_limit_change change;
  alwm_subscribe_terms_init(&terms, sizeof terms);
  alwm_limit_change_init(&change, sizeof change);
  terms.plan_id = word();
  terms.payment = code();
  terms.payment_text = word();
  terms.billing_cycle = code();
  terms.starts_at_us = seldom() ? instant() : ALWM_NONE;
  change.name = word();
  change.maximum = word();
  change.metric = chance(2) ? word() : (alwm_text){NULL, 0};
  change.window = seldom() ? word() : (alwm_text){NULL, 0};
  switch (chance(10)) {
    case 0: CHECK(alwm_subscribe(meter, word(), BENT(terms), json)); break;
    case 1: CHECK(alwm_set_limit(meter, word(), BENT(change), json)); break;
    case 2: CHECK(alwm_renew(meter, word(), code(), word(), json)); break;
    case 3: CHECK(alwm_upgrade(meter, word(), word(), code(), code(), word(), json)); break;
    case 4: CHECK(alwm_change_cycle(meter, word(), code(), code(), word(), json)); break;
    case 5: CHECK(alwm_cancel(meter, word(), code(), json)); break;
    case 6: CHECK(alwm_void_invoice(meter, word(), word(), word(), json)); break;
    case 7: CHECK(alwm_mark_read(meter, word(), number())), json = NULL; break;
    case 8: CHECK(alwm_prune_dry_run(meter, instant(), json)); break;
    default: CHECK(alwm_set_now(meter, instant())), json = NULL;
  }
  check_string(json, is_ok, "changing");
}

static void read_something(void) {
  bool is_ok = false;
  alwm_string *json = string_out();
  output found = output_of(sizeof(alwm_extracted)), detection = output_of(sizeof(alwm_detection));
  int64_t count;
  int32_t flag;
  alwm_text text;
  switch (chance(8)) {
    case 0: CHECK(alwm_extract_usage(word(), word(), found.place, json)); break;
    case 1: CHECK(alwm_detect_provider(word(), detection.place, json)); break;
    case 2: CHECK(alwm_estimate_tokens(word(), &count)), json = NULL; break;
    case 3:
      CHECK(alwm_rows_close(&rows));
      CHECK(alwm_query(meter, word(), &rows)), json = NULL;
      break;
    case 4: CHECK(alwm_rows_next(rows, &flag)), json = NULL; break;
    case 5: CHECK(alwm_rows_text(rows, chance(4), &text)), json = NULL; break;
    case 6: CHECK(alwm_rows_int64(rows, chance(4), &count)), json = NULL; break;
    default: CHECK(alwm_rows_json(rows, json));
  }
  check_string(json, is_ok, "reading");
}

static void open_anew(void) {
  int32_t is_ok = 0;
  alwm_string json = {NULL, 0};
  if (meter != NULL) {
    alwm_status status = alwm_verify(meter, &is_ok, &json);
    if (status != ALWM_STATUS_OK || !is_ok) {
      die("alwm_verify", status, json.bytes);
    }
    alwm_string_free(&json);
  }
  if (alwm_close(&meter) != ALWM_STATUS_OK || alwm_close(&meter) != ALWM_STATUS_OK) {
    die("alwm_close", alwm_last_status(), "cannot close");
  }
  alwm_options options = options_at(NOON);
  alwm_status status = alwm_open(T(own.store), &options, &meter);
  if (status != ALWM_STATUS_OK) {
    die("alwm_open", status, "cannot open anew");
  }
}

int main(int count, char **arguments) {
  static void (*const verbs[])(void) = {record_something, hold_something, ask_something,
                                        change_something, read_something};
  time_t until = time(NULL) + (count > 1 ? atoi(arguments[1]) : 5);
  state = count > 2 ? strtoull(arguments[2], NULL, 10) : 1;
  printf("seed %llu\n", (unsigned long long)state);
  state = state * UINT64_C(0x9E3779B97F4A7C15) + 1;
  own = folder_new();
  open_anew();
  OK(alwm_seed(meter, T("default"), NULL));
  for (uint64_t step = 1; time(NULL) < until; step++) {
    edge_reset();
    verbs[chance(COUNT(verbs))]();
    if (step % 5000 == 0) {
      open_anew();
    }
  }
  open_anew();
  OK(alwm_rows_close(&rows));
  OK(alwm_close(&meter));
  folder_remove(&own);
  printf("%llu calls, %llu of them failed as they should\n", (unsigned long long)calls,
         (unsigned long long)failures);
  return calls > failures && failures > 0 ? 0 : 1;
}
