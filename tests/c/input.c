// What callers get wrong: NULL, bad UTF-8, wrong sizes, numbers that are none, closed handles.
#include "edge.h"
#include "frame.h"

static void every_function_refuses_a_null_meter(void **state) {
  (void)state;
  alwm_call_record record = record_of("u", "gemini", "m", 1, 1);
  alwm_call_request request = request_of("u", "gemini", "m", 1, 1);
  alwm_call_outcome outcome;
  OK(alwm_call_outcome_init(&outcome, sizeof outcome));
  alwm_subscribe_terms terms;
  OK(alwm_subscribe_terms_init(&terms, sizeof terms));
  alwm_limit_change change;
  OK(alwm_limit_change_init(&change, sizeof change));
  alwm_price_quote quote = {.size = sizeof quote};
  alwm_decision decision = {.size = sizeof decision};
  alwm_reservation reservation = {.size = sizeof reservation};
  alwm_string json = {NULL, 0};
  alwm_rows *rows = NULL;
  int64_t number = 0;
  int32_t flag = 0;
  const int32_t waived = ALWM_PAYMENT_WAIVED;
  const alwm_meter *none = NULL;
  REFUSED(alwm_quote(none, &record, &quote, NULL));
  REFUSED(alwm_record_call(none, &record, NULL, NULL));
  REFUSED(alwm_record_calls(none, &record, 1, NULL, NULL));
  REFUSED(alwm_record(none, &record, NULL, NULL));
  REFUSED(alwm_queue_call(none, &record, NULL));
  REFUSED(alwm_flush(none));
  REFUSED(alwm_queued_failures(none, &number));
  REFUSED(alwm_check_limit(none, &request, &decision, NULL));
  REFUSED(alwm_check_limits(none, &request, 1, &decision, NULL));
  REFUSED(alwm_reserve(none, &request, &reservation, NULL));
  REFUSED(alwm_reserve_all(none, &request, 1, &reservation, NULL));
  REFUSED(alwm_settle(none, T("u"), T("h"), &outcome, NULL, NULL));
  REFUSED(alwm_queue_settle(none, T("u"), T("h"), &outcome));
  REFUSED(alwm_queue_release(none, T("u"), T("h")));
  REFUSED(alwm_release(none, T("u"), T("h"), NULL, NULL));
  alwm_call_estimate estimate = {.size = sizeof estimate};
  REFUSED(alwm_estimate_text(none, &request, T("x"), &estimate, NULL));
  REFUSED(alwm_estimate_request(none, &request, T("{}"), &estimate, NULL));
  REFUSED(alwm_calibrations(none, &json));
  REFUSED(alwm_now(none, &number));
  REFUSED(alwm_set_now(none, 1));
  REFUSED(alwm_seed(none, T("default"), NULL));
  REFUSED(alwm_usage_summary(none, T("u"), T("current"), &json));
  REFUSED(alwm_usage_lines(none, T("u"), T("current"), &json));
  REFUSED(alwm_dashboard(none, T("u"), &json));
  REFUSED(alwm_trends(none, T("u"), 1, &json));
  REFUSED(alwm_daily_trends(none, T("u"), 1, &json));
  REFUSED(alwm_compare(none, T("u"), 1, ALWM_NONE, &json));
  REFUSED(alwm_hints(none, T("u"), 1, ALWM_HINT_SCOPE_USED_PROVIDERS, &json));
  REFUSED(alwm_users(none, &json));
  REFUSED(alwm_limits(none, T("u"), &json));
  REFUSED(alwm_set_limit(none, T("u"), &change, NULL));
  REFUSED(alwm_clear_limit(none, T("u"), T("l"), NULL));
  REFUSED(alwm_plans(none, &json));
  REFUSED(alwm_put_plans(none, T(""), &json));
  REFUSED(alwm_prices(none, T(NULL), &json));
  REFUSED(alwm_put_prices(none, T(""), &json));
  REFUSED(alwm_unpriced(none, &json));
  REFUSED(alwm_re_rate(none, &json));
  REFUSED(alwm_re_rate_dry_run(none, &json));
  REFUSED(alwm_subscribe(none, T("u"), &terms, &json));
  REFUSED(alwm_confirm_payment(none, T("u"), T("r"), &json));
  REFUSED(alwm_renew(none, T("u"), waived, T("r"), &json));
  REFUSED(alwm_upgrade(none, T("u"), T("pro"), 0, waived, T("r"), &json));
  REFUSED(alwm_downgrade(none, T("u"), T("basic"), &json));
  REFUSED(alwm_change_cycle(none, T("u"), 1, waived, T("r"), &json));
  REFUSED(alwm_cancel(none, T("u"), ALWM_CANCEL_AT_NOW, &json));
  REFUSED(alwm_withdraw_change(none, T("u"), &json));
  REFUSED(alwm_mark_past_due(none, T("u"), NOON, &json));
  REFUSED(alwm_suspend(none, T("u"), &json));
  REFUSED(alwm_resume(none, T("u"), &json));
  REFUSED(alwm_subscription(none, T("u"), &json));
  REFUSED(alwm_subscription_history(none, T("u"), 1, 0, &json));
  REFUSED(alwm_preview_change(none, T("u"), T("{}"), &json));
  REFUSED(alwm_invoice(none, T("u"), T(NULL), &json));
  REFUSED(alwm_invoice_text(none, T("u"), T(NULL), &json));
  REFUSED(alwm_invoice_html(none, T("u"), T(NULL), &json));
  REFUSED(alwm_billing_history(none, T("u"), &json));
  REFUSED(alwm_finalize_invoice(none, T("u"), T(NULL), &json));
  REFUSED(alwm_finalize_ended(none, T("u"), &json));
  REFUSED(alwm_void_invoice(none, T("u"), T(NULL), T("why"), &json));
  REFUSED(alwm_set_invoice_payment(none, T("u"), T(NULL), T("paid"), T(NULL), T(NULL), &json));
  REFUSED(alwm_alerts(none, T("u"), NULL, &json));
  REFUSED(alwm_operator_alerts(none, NULL, &json));
  REFUSED(alwm_mark_read(none, T("u"), 1));
  REFUSED(alwm_mark_all_read(none, T("u"), NULL));
  REFUSED(alwm_dismiss(none, T("u"), 1));
  REFUSED(alwm_dismiss_operator_alert(none, 1));
  REFUSED(alwm_outbox(none, &json));
  REFUSED(alwm_deliver_alerts(none, T("c"), NULL, NULL, NULL));
  REFUSED(alwm_verify(none, &flag, NULL));
  REFUSED(alwm_rebuild(none, NULL));
  REFUSED(alwm_calls(none, T("u"), NULL, &json, NULL));
  REFUSED(alwm_visit_calls(none, T("u"), ALWM_NONE, ALWM_NONE, NULL, NULL));
  REFUSED(alwm_query(none, T("SELECT 1"), &rows));
  REFUSED(alwm_prune(none, 1, &json));
  REFUSED(alwm_prune_dry_run(none, 1, &json));
  REFUSED(alwm_export_user(none, T("u"), &json));
  REFUSED(alwm_erase_user(none, T("u"), &json));
  assert_non_null(strstr(alwm_last_message(), "meter"));
  assert_null(json.bytes);
  assert_null(rows);
}

static void every_function_refuses_a_null_output(void **state) {
  (void)state;
  scene own = scene_new();
  alwm_meter *meter = own.meter;
  alwm_call_record record = record_of("u", "gemini", "gemini-2.5-flash", 1, 1);
  alwm_call_request request = request_of("u", "gemini", "gemini-2.5-flash", 1, 1);
  const int32_t waived = ALWM_PAYMENT_WAIVED;
  REFUSED(alwm_open(T(own.folder.store), NULL, NULL));
  REFUSED(alwm_quote(meter, &record, NULL, NULL));
  REFUSED(alwm_queued_failures(meter, NULL));
  REFUSED(alwm_check_limit(meter, &request, NULL, NULL));
  REFUSED(alwm_check_limits(meter, &request, 1, NULL, NULL));
  REFUSED(alwm_reserve(meter, &request, NULL, NULL));
  REFUSED(alwm_reserve_all(meter, &request, 1, NULL, NULL));
  REFUSED(alwm_now(meter, NULL));
  REFUSED(alwm_estimate_text(meter, &request, T("x"), NULL, NULL));
  REFUSED(alwm_estimate_request(meter, &request, T("{}"), NULL, NULL));
  REFUSED(alwm_calibrations(meter, NULL));
  REFUSED(alwm_usage_summary(meter, T("u"), T("current"), NULL));
  REFUSED(alwm_dashboard(meter, T("u"), NULL));
  REFUSED(alwm_trends(meter, T("u"), 1, NULL));
  REFUSED(alwm_daily_trends(meter, T("u"), 1, NULL));
  REFUSED(alwm_compare(meter, T("u"), 1, ALWM_NONE, NULL));
  REFUSED(alwm_hints(meter, T("u"), 1, ALWM_HINT_SCOPE_USED_PROVIDERS, NULL));
  REFUSED(alwm_users(meter, NULL));
  REFUSED(alwm_limits(meter, T("u"), NULL));
  REFUSED(alwm_plans(meter, NULL));
  REFUSED(alwm_put_plans(meter, T(""), NULL));
  REFUSED(alwm_prices(meter, T(NULL), NULL));
  REFUSED(alwm_put_prices(meter, T(""), NULL));
  REFUSED(alwm_unpriced(meter, NULL));
  REFUSED(alwm_re_rate(meter, NULL));
  REFUSED(alwm_re_rate_dry_run(meter, NULL));
  REFUSED(alwm_confirm_payment(meter, T("u"), T("r"), NULL));
  REFUSED(alwm_renew(meter, T("u"), waived, T("r"), NULL));
  REFUSED(alwm_subscription(meter, T("u"), NULL));
  REFUSED(alwm_invoice(meter, T("u"), T(NULL), NULL));
  REFUSED(alwm_invoice_text(meter, T("u"), T(NULL), NULL));
  REFUSED(alwm_invoice_html(meter, T("u"), T(NULL), NULL));
  REFUSED(alwm_alerts(meter, T("u"), NULL, NULL));
  REFUSED(alwm_outbox(meter, NULL));
  REFUSED(alwm_verify(meter, NULL, NULL));
  REFUSED(alwm_calls(meter, T("u"), NULL, NULL, NULL));
  REFUSED(alwm_query(meter, T("SELECT 1"), NULL));
  REFUSED(alwm_export_user(meter, T("u"), NULL));
  REFUSED(alwm_erase_user(meter, T("u"), NULL));
  REFUSED(alwm_extract_usage(T("openai"), T("{}"), NULL, NULL));
  REFUSED(alwm_estimate_tokens(T("x"), NULL));
  REFUSED(alwm_detect_provider(T("https://x"), NULL, NULL));
  // None of them has done anything.
  alwm_string json = {NULL, 0};
  OK(alwm_users(meter, &json));
  assert_string_equal(json.bytes, "[]");
  alwm_string_free(&json);
  scene_end(&own);
}

static void texts_are_utf8_of_any_length(void **state) {
  (void)state;
  scene own = scene_new();
  alwm_string json = {NULL, 0};
  // The exact bytes are read and no more: a page that nobody may touch follows.
  const char user[] = {'j', 'o', '\xc3', '\xa3', 'o'};
  alwm_text name = {edge_copy(user, sizeof user), sizeof user};
  OK(alwm_limits(own.meter, name, &json));
  json_t *limits = taken(&json);
  assert_string_equal(text_at(limits, "user"), "joão");
  json_decref(limits);
  name.length = 3;
  REFUSED(alwm_limits(own.meter, name, &json));
  assert_non_null(strstr(alwm_last_message(), "wrong from 2 on"));
  for (size_t n = 0; n < 4; n++) {
    const char *wrong[] = {"\xff", "\xc3(", "\xed\xa0\x80", "\xf4\x90\x80\x80"};
    REFUSED(alwm_limits(own.meter, T(wrong[n]), &json));
  }
  name.bytes = edge_copy("", 1);
  FAILS(ALWM_STATUS_INVALID_NAME, alwm_limits(own.meter, T(name.bytes), &json));
  name.length = 0;
  FAILS(ALWM_STATUS_INVALID_NAME, alwm_limits(own.meter, name, &json));
  REFUSED(alwm_limits(own.meter, T(NULL), &json));
  REFUSED(alwm_limits(own.meter, ((alwm_text){NULL, 7}), &json));
  REFUSED(alwm_limits(own.meter, ((alwm_text){"u", SIZE_MAX / 2 + 1}), &json));
  FAILS(ALWM_STATUS_INVALID_NAME, alwm_limits(own.meter, ((alwm_text){"a\0b", 3}), &json));
  assert_null(json.bytes);
  scene_end(&own);
}

static void a_struct_that_was_only_zeroed_is_refused(void **state) {
  (void)state;
  scene own = scene_new();
  alwm_call_record record = {0};
  REFUSED(alwm_record_call(own.meter, &record, NULL, NULL));
  record.size = sizeof record;
  record.user = T("u");
  record.provider = T("tavily");
  // A vendor's cost of 0 would be believed otherwise.
  REFUSED(alwm_record_call(own.meter, &record, NULL, NULL));
  alwm_call_request request = {.size = sizeof request};
  request.user = T("u");
  request.provider = T("tavily");
  alwm_reservation reservation = {.size = sizeof reservation};
  REFUSED(alwm_reserve(own.meter, &request, &reservation, NULL));
  alwm_meter *other = NULL;
  alwm_options options = {.size = sizeof options};
  REFUSED(alwm_open(T(own.folder.store), &options, &other));
  assert_null(other);
  scene_end(&own);
}

static void sizes_tell_older_and_newer_callers(void **state) {
  (void)state;
  scene own = scene_new();
  alwm_call_record record = record_of("u", "gemini", "gemini-2.5-flash", 1, 1);
  const size_t wrong[] = {0, 8, sizeof record - 8, sizeof record - 1, 1 << 20, SIZE_MAX};
  for (size_t n = 0; n < COUNT(wrong); n++) {
    record.size = wrong[n];
    REFUSED(alwm_record_call(own.meter, &record, NULL, NULL));
    alwm_receipt receipt = {.size = wrong[n]};
    REFUSED(alwm_record_call(own.meter, &record, &receipt, NULL));
    REFUSED(alwm_call_record_init(&record, wrong[n]));
  }
  // A newer caller, whose new fields are not set; the library of now sets them to 0.
  struct {
    alwm_call_record known;
    int64_t field_of_later;
  } newer;
  memset(&newer, 0x55, sizeof newer);
  OK(alwm_call_record_init(&newer.known, sizeof newer));
  assert_int_equal(newer.known.size, sizeof newer);
  assert_int_equal(newer.field_of_later, 0);
  newer.known.user = T("u");
  newer.known.provider = T("tavily");
  struct {
    alwm_receipt known;
    int64_t field_of_later;
  } receipt = {{.size = sizeof receipt}, 7};
  OK(alwm_record_call(own.meter, &newer.known, &receipt.known, NULL));
  assert_int_equal(receipt.known.size, sizeof receipt);
  assert_int_equal(receipt.field_of_later, 0);
  newer.field_of_later = 1;
  REFUSED(alwm_record_call(own.meter, &newer.known, NULL, NULL));
  // No byte beyond the size is read or written.
  alwm_call_record *edge = edge_copy(&newer.known, sizeof newer.known);
  edge->size = sizeof *edge;
  alwm_receipt *out = edge_copy(&receipt.known, sizeof receipt.known);
  out->size = sizeof *out;
  OK(alwm_record_call(own.meter, edge, out, NULL));
  alwm_call_record mixed[2] = {*edge, *edge};
  mixed[1].size += 8;
  REFUSED(alwm_record_calls(own.meter, mixed, 2, NULL, NULL));
  REFUSED(alwm_record_calls(own.meter, mixed, SIZE_MAX / 2, NULL, NULL));
  mixed[0].size = sizeof *mixed + 1;
  REFUSED(alwm_record_calls(own.meter, mixed, 2, NULL, NULL));
  scene_end(&own);
}

static void misaligned_pointers_are_refused(void **state) {
  (void)state;
  scene own = scene_new();
  _Alignas(8) char bytes[sizeof(alwm_call_record) + 8] = {0};
  void *odd = bytes + 1;
  REFUSED(alwm_record_call(own.meter, odd, NULL, NULL));
  alwm_call_record record = record_of("u", "tavily", NULL, 0, 0);
  REFUSED(alwm_record_call(own.meter, &record, odd, NULL));
  REFUSED(alwm_record_call(own.meter, &record, NULL, odd));
  REFUSED(alwm_flush(odd));
  scene_end(&own);
}

static void numbers_that_are_no_choice_are_refused(void **state) {
  (void)state;
  scene own = scene_new();
  alwm_string json = {NULL, 0};
  alwm_price_quote quote = {.size = sizeof quote};
  const int32_t codes[] = {-2, 17, INT32_MAX, INT32_MIN};
  for (size_t n = 0; n < COUNT(codes); n++) {
    alwm_call_record record = record_of("u", "gemini", "gemini-2.5-flash", 1, 1);
    record.variant = codes[n];
    REFUSED(alwm_quote(own.meter, &record, &quote, NULL));
    record.variant = ALWM_VARIANT_STANDARD;
    record.usage_source = codes[n];
    REFUSED(alwm_quote(own.meter, &record, &quote, NULL));
    REFUSED(alwm_cancel(own.meter, T("u"), codes[n], &json));
    REFUSED(alwm_hints(own.meter, T("u"), 1, codes[n], &json));
    REFUSED(alwm_renew(own.meter, T("u"), codes[n], T("r"), &json));
    REFUSED(alwm_change_cycle(own.meter, T("u"), codes[n], ALWM_PAYMENT_WAIVED, T("r"), &json));
    REFUSED(alwm_set_log(codes[n] < 0 ? 0 : codes[n], (alwm_log_callback)abort, NULL));
    for (int field = 0; field < 3; field++) {
      alwm_options options;
      OK(alwm_options_init(&options, sizeof options));
      *(int32_t *[]){&options.expired_holds, &options.durability, &options.synchronous}[field] =
          codes[n];
      alwm_meter *meter = NULL;
      REFUSED(alwm_open(T(own.folder.store), &options, &meter));
    }
  }
  REFUSED(alwm_cancel(own.meter, T("u"), 0, &json));
  alwm_call_record record = record_of("u", "gemini", "gemini-2.5-flash", -1, 1);
  FAILS(ALWM_STATUS_INVALID_USAGE, alwm_quote(own.meter, &record, &quote, NULL));
  record = record_of("u", "gemini", "gemini-2.5-flash", 1, 1);
  record.occurred_at_us = -1;
  FAILS(ALWM_STATUS_INVALID_TIME, alwm_quote(own.meter, &record, &quote, NULL));
  FAILS(ALWM_STATUS_INVALID_TIME, alwm_set_now(own.meter, INT64_MAX));
  alwm_quantity others[] = {{T("Web Searches"), 1}};
  record = record_of("u", "gemini", "gemini-2.5-flash", 1, 1);
  record.other_units = others;
  record.other_unit_count = 1;
  FAILS(ALWM_STATUS_INVALID_USAGE, alwm_quote(own.meter, &record, &quote, NULL));
  record.other_unit_count = SIZE_MAX;
  REFUSED(alwm_quote(own.meter, &record, &quote, NULL));
  record.other_units = NULL;
  record.other_unit_count = 1;
  REFUSED(alwm_quote(own.meter, &record, &quote, NULL));
  scene_end(&own);
}

static void outputs_are_left_alone_by_a_failure(void **state) {
  (void)state;
  scene own = scene_new();
  alwm_call_request request = request_of("", "gemini", "gemini-2.5-flash", 1, 1);
  alwm_decision decision;
  memset(&decision, 0x5a, sizeof decision);
  decision.size = sizeof decision;
  alwm_decision before = decision;
  alwm_string json = {(char *)1, 2};
  FAILS(ALWM_STATUS_INVALID_NAME, alwm_check_limit(own.meter, &request, &decision, &json));
  assert_memory_equal(&before, &decision, sizeof decision);
  assert_true(json.bytes == (char *)1 && json.length == 2);
  alwm_rows *rows = (alwm_rows *)1;
  FAILS(ALWM_STATUS_INVALID_QUERY, alwm_query(own.meter, T("DELETE FROM calls"), &rows));
  assert_true(rows == (alwm_rows *)1);
  scene_end(&own);
}

static void to_close_or_free_twice_does_nothing(void **state) {
  (void)state;
  scene own = scene_new();
  alwm_string json = {NULL, 0};
  OK(alwm_users(own.meter, &json));
  alwm_string_free(&json);
  assert_null(json.bytes);
  alwm_string_free(&json);
  alwm_string_free(NULL);
  alwm_rows *rows = NULL;
  OK(alwm_query(own.meter, T("SELECT 1"), &rows));
  OK(alwm_rows_close(&rows));
  assert_null(rows);
  OK(alwm_rows_close(&rows));
  OK(alwm_rows_close(NULL));
  OK(alwm_close(&own.meter));
  assert_null(own.meter);
  OK(alwm_close(&own.meter));
  OK(alwm_close(NULL));
  folder_remove(&own.folder);
}

static void a_file_that_is_no_store_says_so(void **state) {
  (void)state;
  folder own = folder_new();
  alwm_meter *meter = NULL;
  FAILS(ALWM_STATUS_STORAGE_UNAVAILABLE, alwm_open(T("/nowhere/at/all.db"), NULL, &meter));
  REFUSED(alwm_open(T(NULL), NULL, &meter));
  FILE *file = fopen(own.store, "w");
  fputs("this is no database, whatever its name says", file);
  fclose(file);
  FAILS(ALWM_STATUS_STORAGE_CORRUPT, alwm_open(T(own.store), NULL, &meter));
  assert_null(meter);
  alwm_options options;
  OK(alwm_options_init(&options, sizeof options));
  options.queue_capacity = -1;
  FAILS(ALWM_STATUS_INVALID_OPTION, alwm_open(T(own.store), &options, &meter));
  options.queue_capacity = 16;
  options.hold_ttl_ms = 0;
  FAILS(ALWM_STATUS_INVALID_OPTION, alwm_open(T(own.store), &options, &meter));
  options.hold_ttl_ms = 1;
  options.unknown_price = T("maybe");
  FAILS(ALWM_STATUS_INVALID_OPTION, alwm_open(T(own.store), &options, &meter));
  options.unknown_price = T("reject");
  options.alert_channels = T("Not A Name");
  FAILS(ALWM_STATUS_INVALID_OPTION, alwm_open(T(own.store), &options, &meter));
  folder_remove(&own);
}

static void statuses_tell_of_themselves(void **state) {
  (void)state;
  assert_string_equal(alwm_status_code(ALWM_STATUS_OK), "ok");
  assert_string_equal(alwm_status_code(ALWM_STATUS_UNKNOWN_PLAN), "unknown_plan");
  assert_string_equal(alwm_status_code(-5), "");
  assert_string_equal(alwm_status_hint(-5), "");
  assert_true(strlen(alwm_status_hint(ALWM_STATUS_UNKNOWN_PLAN)) > 0);
  assert_int_equal(alwm_status_http(ALWM_STATUS_OK), 200);
  assert_int_equal(alwm_status_http(ALWM_STATUS_UNKNOWN_PLAN), 404);
  assert_int_equal(alwm_status_http(9999), 500);
  assert_int_equal(alwm_status_is_retryable(ALWM_STATUS_OVERLOADED), 1);
  assert_int_equal(alwm_status_is_retryable(ALWM_STATUS_INVALID_NAME), 0);
  assert_string_equal(alwm_version(), ALWM_VERSION);
  char version[32];
  snprintf(version, sizeof version, "%d.%d.%d", ALWM_VERSION_MAJOR, ALWM_VERSION_MINOR,
           ALWM_VERSION_PATCH);
  assert_string_equal(version, ALWM_VERSION);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_function_refuses_a_null_meter),
      cmocka_unit_test(every_function_refuses_a_null_output),
      cmocka_unit_test(texts_are_utf8_of_any_length),
      cmocka_unit_test(a_struct_that_was_only_zeroed_is_refused),
      cmocka_unit_test(sizes_tell_older_and_newer_callers),
      cmocka_unit_test(misaligned_pointers_are_refused),
      cmocka_unit_test(numbers_that_are_no_choice_are_refused),
      cmocka_unit_test(outputs_are_left_alone_by_a_failure),
      cmocka_unit_test(to_close_or_free_twice_does_nothing),
      cmocka_unit_test(a_file_that_is_no_store_says_so),
      cmocka_unit_test(statuses_tell_of_themselves),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
