// Reports, the log, SQL, extraction: what is asked for in JSON or row by row.
#include "frame.h"

// Records calls of a user in October, three of gemini and one of tavily.
static void use_some(alwm_meter *meter, const char *user) {
  alwm_call_record records[] = {
      record_of(user, "gemini", "gemini-2.5-flash", 1000, 200),
      record_of(user, "gemini", "gemini-2.5-flash", 2000, 100),
      record_of(user, "gemini", "gemini-2.5-pro", 500, 50),
      record_of(user, "tavily", NULL, 0, 0),
  };
  alwm_call_details details;
  OK(alwm_call_details_init(&details, sizeof details));
  details.response_time_ms = 250;
  for (size_t n = 0; n < COUNT(records); n++) {
    records[n].details = &details;
    records[n].occurred_at_us = NOON - 3600000000 + (int64_t)n;
  }
  OK(alwm_record_calls(meter, records, COUNT(records), NULL, NULL));
}

static void a_summary_is_the_sum_of_the_calls(void **state) {
  (void)state;
  scene own = scene_new();
  use_some(own.meter, "u1");
  const char *periods[] = {NULL, "current", "all", "2025-10"};
  for (size_t n = 0; n < COUNT(periods); n++) {
    alwm_string json = {NULL, 0};
    OK(alwm_usage_summary(own.meter, T("u1"), T(periods[n]), &json));
    json_t *summary = taken(&json);
    assert_int_equal(number_at(summary, "total_calls"), 4);
    assert_int_equal(number_at(summary, "total_tokens"), 3850);
    assert_int_equal(number_at(summary, "provider_breakdown.gemini.calls"), 3);
    assert_true(pico_of(text_at(summary, "total_cost")) > 0);
    json_decref(summary);
  }
  alwm_string json = {NULL, 0};
  REFUSED(alwm_usage_summary(own.meter, T("u1"), T("yesterday"), &json));
  OK(alwm_usage_lines(own.meter, T("u1"), T("2025-10"), &json));
  json_t *lines = taken(&json);
  int64_t calls = 0;
  for (size_t n = 0; n < json_array_size(lines); n++) {
    calls += json_integer_value(json_object_get(json_array_get(lines, n), "calls"));
  }
  assert_int_equal(calls, 4);
  json_decref(lines);
  REFUSED(alwm_usage_lines(own.meter, T("u1"), T("yesterday"), &json));
  scene_end(&own);
}

static void dashboards_trends_comparisons_and_hints_are_json(void **state) {
  (void)state;
  scene own = scene_new();
  subscribe(own.meter, "u1", "pro");
  OK(alwm_set_now(own.meter, NOON + 7200000000));
  use_some(own.meter, "u1");
  alwm_string json = {NULL, 0};
  OK(alwm_dashboard(own.meter, T("u1"), &json));
  json_t *shown = taken(&json);
  assert_string_equal(text_at(shown, "limits.plan_id"), "pro");
  assert_true(json_is_object(at(shown, "projections")));
  json_decref(shown);
  OK(alwm_trends(own.meter, T("u1"), 3, &json));
  shown = taken(&json);
  assert_int_equal(json_array_size(at(shown, "periods")), 3);
  assert_string_equal(text_at(shown, "periods.2"), "2025-10");
  assert_int_equal(number_at(shown, "total_calls.2"), 4);
  json_decref(shown);
  OK(alwm_daily_trends(own.meter, T("u1"), 2, &json));
  shown = taken(&json);
  assert_string_equal(text_at(shown, "periods.1"), "2025-10-07");
  json_decref(shown);
  OK(alwm_compare(own.meter, T("u1"), 30, 300, &json));
  shown = taken(&json);
  assert_int_equal(number_at(shown, "sla_ms"), 300);
  assert_int_equal(json_array_size(at(shown, "providers")), 2);
  json_decref(shown);
  OK(alwm_compare(own.meter, T("u1"), 30, ALWM_NONE, &json));
  json_decref(taken(&json));
  for (int32_t scope = ALWM_HINT_SCOPE_SAME_PROVIDER; scope <= ALWM_HINT_SCOPE_ALL_PROVIDERS;
       scope++) {
    OK(alwm_hints(own.meter, T("u1"), 30, scope, &json));
    shown = taken(&json);
    assert_true(json_is_array(at(shown, "hints")));
    json_decref(shown);
  }
  REFUSED(alwm_trends(own.meter, T("u1"), 0, &json));
  REFUSED(alwm_trends(own.meter, T("u1"), 25, &json));
  REFUSED(alwm_daily_trends(own.meter, T("u1"), 732, &json));
  REFUSED(alwm_compare(own.meter, T("u1"), 0, ALWM_NONE, &json));
  OK(alwm_users(own.meter, &json));
  shown = taken(&json);
  assert_string_equal(text_at(shown, "0"), "u1");
  json_decref(shown);
  scene_end(&own);
}

static void the_log_is_read_page_by_page(void **state) {
  (void)state;
  scene own = scene_new();
  use_some(own.meter, "u1");
  use_some(own.meter, "u2");
  alwm_call_filter filter;
  OK(alwm_call_filter_init(&filter, sizeof filter));
  filter.limit = 3;
  size_t seen = 0, pages = 0;
  do {
    alwm_string json = {NULL, 0};
    OK(alwm_calls(own.meter, T("u1"), &filter, &json, &filter.before_id));
    json_t *page = taken(&json);
    assert_int_equal(number_at(page, "total_count"), 4);
    seen += json_array_size(at(page, "calls"));
    pages++;
    json_decref(page);
  } while (filter.before_id != ALWM_NONE);
  assert_int_equal(seen, 4);
  assert_int_equal(pages, 2);
  OK(alwm_call_filter_init(&filter, sizeof filter));
  filter.provider = T("Gemini");
  filter.model = T("gemini-2.5-pro");
  filter.operation = T("chat");
  filter.status_code = 200;
  filter.from_us = NOON - 3600000000 + 2;
  filter.before_us = NOON;
  alwm_string json = {NULL, 0};
  OK(alwm_calls(own.meter, T("u1"), &filter, &json, NULL));
  json_t *page = taken(&json);
  assert_int_equal(number_at(page, "total_count"), 1);
  json_decref(page);
  filter.is_unpriced = 1;
  OK(alwm_calls(own.meter, T("u1"), &filter, &json, NULL));
  page = taken(&json);
  assert_int_equal(number_at(page, "total_count"), 0);
  json_decref(page);
  filter.limit = 0;
  REFUSED(alwm_calls(own.meter, T("u1"), &filter, &json, NULL));
  scene_end(&own);
}

static int32_t count_calls(void *context, const char *user, const char *call) {
  int *counts = context;
  json_t *shown = json_loads(call, 0, NULL);
  assert_non_null(shown);
  assert_true(number_at(shown, "call_id") > 0);
  json_decref(shown);
  counts[user[1] - '1']++;
  return counts[2] > 0 && --counts[2] == 0;
}

static void every_call_can_be_visited(void **state) {
  (void)state;
  scene own = scene_new();
  use_some(own.meter, "u1");
  use_some(own.meter, "u2");
  int counts[3] = {0, 0, 0};
  OK(alwm_visit_calls(own.meter, T(NULL), ALWM_NONE, ALWM_NONE, count_calls, counts));
  assert_int_equal(counts[0], 4);
  assert_int_equal(counts[1], 4);
  memset(counts, 0, sizeof counts);
  OK(alwm_visit_calls(own.meter, T("u2"), NOON - 3600000000 + 1, NOON, count_calls, counts));
  assert_int_equal(counts[0], 0);
  assert_int_equal(counts[1], 3);
  int stopped[3] = {0, 0, 2};
  OK(alwm_visit_calls(own.meter, T(NULL), ALWM_NONE, ALWM_NONE, count_calls, stopped));
  assert_int_equal(stopped[0], 2);
  REFUSED(alwm_visit_calls(own.meter, T(NULL), ALWM_NONE, ALWM_NONE, NULL, NULL));
  scene_end(&own);
}

static void sql_is_stepped_through_row_by_row(void **state) {
  (void)state;
  scene own = scene_new();
  use_some(own.meter, "u1");
  alwm_rows *rows = NULL;
  OK(alwm_query(own.meter,
                T("SELECT 1 AS n, 2.5 AS d, 'tëxt' AS t, x'00ff' AS b, NULL AS o UNION ALL "
                  "SELECT 9007199254740993, 0.1, '', x'', NULL"),
                &rows));
  size_t columns = 0;
  OK(alwm_rows_column_count(rows, &columns));
  assert_int_equal(columns, 5);
  const char *name = NULL;
  OK(alwm_rows_column_name(rows, 2, &name));
  assert_string_equal(name, "t");
  REFUSED(alwm_rows_column_name(rows, 5, &name));
  int32_t kind = 0, has_row = -1, is_cut = -1;
  int64_t number = 0;
  double real = 0;
  alwm_text text = {NULL, 0};
  REFUSED(alwm_rows_kind(rows, 0, &kind));
  OK(alwm_rows_next(rows, &has_row));
  assert_int_equal(has_row, 1);
  for (int32_t column = 0; column < 5; column++) {
    const int32_t kinds[] = {ALWM_CELL_INT64, ALWM_CELL_DOUBLE, ALWM_CELL_TEXT, ALWM_CELL_BYTES,
                             ALWM_CELL_NULL};
    OK(alwm_rows_kind(rows, (size_t)column, &kind));
    assert_int_equal(kind, kinds[column]);
  }
  OK(alwm_rows_int64(rows, 0, &number));
  assert_int_equal(number, 1);
  OK(alwm_rows_double(rows, 1, &real));
  assert_true(real == 2.5);
  OK(alwm_rows_text(rows, 2, &text));
  assert_int_equal(text.length, 5);
  assert_memory_equal(text.bytes, "tëxt", 5);
  OK(alwm_rows_text(rows, 3, &text));
  assert_memory_equal(text.bytes, "\x00\xff", 2);
  REFUSED(alwm_rows_int64(rows, 1, &number));
  REFUSED(alwm_rows_double(rows, 2, &real));
  REFUSED(alwm_rows_text(rows, 4, &text));
  REFUSED(alwm_rows_kind(rows, 5, &kind));
  OK(alwm_rows_next(rows, &has_row));
  OK(alwm_rows_int64(rows, 0, &number));
  assert_int_equal(number, INT64_C(9007199254740993));
  for (int n = 0; n < 3; n++) {
    OK(alwm_rows_next(rows, &has_row));
    assert_int_equal(has_row, 0);
    REFUSED(alwm_rows_kind(rows, 0, &kind));
  }
  OK(alwm_rows_is_cut(rows, &is_cut));
  assert_int_equal(is_cut, 0);
  alwm_string json = {NULL, 0};
  OK(alwm_rows_json(rows, &json));
  json_t *shown = taken(&json);
  assert_string_equal(text_at(shown, "0.b"), "00ff");
  assert_int_equal(number_at(shown, "1.n"), INT64_C(9007199254740993));
  json_decref(shown);
  OK(alwm_rows_close(&rows));
  REFUSED(alwm_rows_next(rows, &has_row));
  REFUSED(alwm_rows_column_count(rows, &columns));
  REFUSED(alwm_rows_column_name(rows, 0, &name));
  REFUSED(alwm_rows_kind(rows, 0, &kind));
  REFUSED(alwm_rows_int64(rows, 0, &number));
  REFUSED(alwm_rows_double(rows, 0, &real));
  REFUSED(alwm_rows_text(rows, 0, &text));
  REFUSED(alwm_rows_is_cut(rows, &is_cut));
  REFUSED(alwm_rows_json(rows, &json));
  FAILS(ALWM_STATUS_INVALID_QUERY, alwm_query(own.meter, T("SELECT"), &rows));
  FAILS(ALWM_STATUS_INVALID_QUERY, alwm_query(own.meter, T("SELECT 1; SELECT 2"), &rows));
  scene_end(&own);
}

static void too_many_rows_are_cut_and_say_so(void **state) {
  (void)state;
  alwm_options options = options_at(NOON);
  options.query_rows_max = 3;
  scene own = scene_with(&options);
  alwm_rows *rows = NULL;
  OK(alwm_query(own.meter, T("SELECT unit FROM units"), &rows));
  int32_t is_cut = 0, has_row = 1;
  OK(alwm_rows_is_cut(rows, &is_cut));
  assert_int_equal(is_cut, 1);
  int count = -1;
  for (; has_row; count++) {
    OK(alwm_rows_next(rows, &has_row));
  }
  assert_int_equal(count, 3);
  OK(alwm_rows_close(&rows));
  scene_end(&own);
}

static void usage_is_extracted_tokens_estimated_and_providers_detected(void **state) {
  (void)state;
  const char *body = "{\"type\": \"message\", \"model\": \"claude-sonnet-4-5\", \"usage\": "
                     "{\"input_tokens\": 10, \"cache_read_input_tokens\": 90, "
                     "\"output_tokens\": 5}}";
  alwm_extracted found = {.size = sizeof found};
  alwm_string json = {NULL, 0};
  OK(alwm_extract_usage(T("anthropic"), T(body), &found, &json));
  assert_int_equal(found.is_found, 1);
  assert_int_equal(found.is_partial, 0);
  assert_int_equal(found.variant, -1);
  assert_int_equal(found.usage_source, ALWM_USAGE_SOURCE_REPORTED);
  assert_int_equal(found.units.input_tokens, 100);
  assert_int_equal(found.units.cached_input_tokens, 90);
  assert_int_equal(found.vendor_cost_pico_usd, ALWM_NONE);
  assert_string_equal(found.model, "claude-sonnet-4-5");
  json_t *shown = taken(&json);
  assert_int_equal(number_at(shown, "usage.input_tokens"), 100);
  json_decref(shown);
  OK(alwm_extract_usage(T("openai"), T("<html>502</html>"), &found, &json));
  assert_int_equal(found.is_found, 0);
  assert_int_equal(found.units.input_tokens, 0);
  assert_string_equal(json.bytes, "null");
  alwm_string_free(&json);
  REFUSED(alwm_extract_usage(T(NULL), T(body), &found, NULL));
  REFUSED(alwm_extract_usage(T("openai"), T(NULL), &found, NULL));

  int64_t tokens = -1;
  OK(alwm_estimate_tokens(T("The quick brown fox jumps over the lazy dog."), &tokens));
  assert_in_range(tokens, 9, 11);
  OK(alwm_estimate_tokens(T(""), &tokens));
  assert_int_equal(tokens, 0);
  REFUSED(alwm_estimate_tokens(T(NULL), &tokens));

  alwm_detection detection = {.size = sizeof detection};
  OK(alwm_detect_provider(T("https://api.openai.com/v1/chat/completions"), &detection, &json));
  assert_string_equal(detection.provider, "openai");
  assert_string_equal(detection.operation, "chat");
  assert_int_equal(detection.confidence, ALWM_CONFIDENCE_CERTAIN);
  shown = taken(&json);
  assert_string_equal(text_at(shown, "confidence"), "certain");
  json_decref(shown);
  OK(alwm_detect_provider(T("https://api.openai.com.evil.test/"), &detection, NULL));
  assert_string_equal(detection.provider, "");
  assert_int_equal(detection.confidence, ALWM_CONFIDENCE_UNKNOWN);
  REFUSED(alwm_detect_provider(T(NULL), &detection, NULL));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_summary_is_the_sum_of_the_calls),
      cmocka_unit_test(dashboards_trends_comparisons_and_hints_are_json),
      cmocka_unit_test(the_log_is_read_page_by_page),
      cmocka_unit_test(every_call_can_be_visited),
      cmocka_unit_test(sql_is_stepped_through_row_by_row),
      cmocka_unit_test(too_many_rows_are_cut_and_say_so),
      cmocka_unit_test(usage_is_extracted_tokens_estimated_and_providers_detected),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
