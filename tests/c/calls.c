// The verbs of the hot path: quote, record, check, reserve, settle, release.
#include "frame.h"

static void a_quote_costs_to_the_pico_dollar(void **state) {
  (void)state;
  scene own = scene_new();
  alwm_call_record record = record_of(NULL, "openai", "gpt-4o-mini", 1000000, 0);
  alwm_price_quote quote = {.size = sizeof quote};
  alwm_string json = {NULL, 0};
  OK(alwm_quote(own.meter, &record, &quote, &json));
  assert_int_equal(quote.cost_pico_usd, PICO_PER_USD * 15 / 100);
  assert_int_equal(quote.cost_input_pico_usd, PICO_PER_USD * 15 / 100);
  assert_int_equal(quote.cost_output_pico_usd, 0);
  assert_int_equal(quote.price_match, ALWM_PRICE_MATCH_EXACT);
  assert_int_equal(quote.variant, ALWM_VARIANT_STANDARD);
  assert_string_equal(quote.operation, "chat");
  assert_true(quote.price_version_id > 0 && quote.effective_from_us <= NOON);
  json_t *shown = taken(&json);
  assert_string_equal(text_at(shown, "cost_usd"), "0.15");
  json_decref(shown);
  record.model = T("no-such-model-of-theirs");
  OK(alwm_quote(own.meter, &record, &quote, NULL));
  assert_int_equal(quote.cost_pico_usd, ALWM_NONE);
  assert_int_equal(quote.price_version_id, ALWM_NONE);
  assert_int_equal(quote.price_match, ALWM_PRICE_MATCH_UNKNOWN);
  scene_end(&own);
}

static void a_record_has_a_receipt_and_its_key_makes_a_repeat_harmless(void **state) {
  (void)state;
  scene own = scene_new();
  alwm_call_record record = record_of("u1", "gemini", "gemini-2.5-flash", 1000, 200);
  record.idempotency_key = T("request-17");
  alwm_receipt first = {.size = sizeof first}, again = {.size = sizeof again};
  alwm_string json = {NULL, 0};
  OK(alwm_record_call(own.meter, &record, &first, &json));
  assert_int_equal(first.status, ALWM_RECORD_STATUS_RECORDED);
  assert_int_equal(first.units.input_tokens, 1000);
  assert_int_equal(first.occurred_at_us, NOON);
  assert_int_equal(first.period_starts_at_us, micros_of("2025-10-01T00:00:00Z"));
  assert_int_equal(first.cost_pico_usd, first.cost_input_pico_usd + first.cost_output_pico_usd);
  assert_int_equal(first.vendor_cost_pico_usd, ALWM_NONE);
  assert_int_equal(first.call_count, 1);
  assert_int_equal(first.limits_exceeded, 0);
  assert_string_equal(first.idempotency_key, "request-17");
  json_t *shown = taken(&json);
  assert_string_equal(text_at(shown, "cost_usd"), money(first.cost_pico_usd).text);
  assert_int_equal(number_at(shown, "call_id"), first.call_id);
  json_decref(shown);
  OK(alwm_record_call(own.meter, &record, &again, NULL));
  assert_int_equal(again.status, ALWM_RECORD_STATUS_DUPLICATE);
  assert_int_equal(again.call_id, first.call_id);
  record.units.input_tokens = 1001;
  FAILS(ALWM_STATUS_IDEMPOTENCY_CONFLICT, alwm_record_call(own.meter, &record, &again, NULL));
  assert_non_null(strstr(alwm_last_message(), "1001"));
  scene_end(&own);
}

static void every_field_of_a_record_arrives(void **state) {
  (void)state;
  scene own = scene_new();
  alwm_call_record record = record_of("u1", "openai", "gpt-4o", 100, 10);
  alwm_quantity others[] = {{T("web_searches"), 2}, {T("output_tokens"), 5}};
  alwm_tag tags[] = {{T("team"), T("blue")}, {T("env"), T("test")}};
  alwm_call_details details;
  OK(alwm_call_details_init(&details, sizeof details));
  details.endpoint = T("/v1/chat/completions");
  details.method = T("POST");
  details.actual_provider = T("azure");
  details.error_message = T("slow");
  details.ip_address = T("192.0.2.1");
  details.user_agent = T("test/1");
  details.response_time_ms = 321;
  details.request_size_bytes = 10;
  details.response_size_bytes = 20;
  details.retry_count = 2;
  details.tags = tags;
  details.tag_count = COUNT(tags);
  record.operation = T("chat");
  record.other_units = others;
  record.other_unit_count = COUNT(others);
  record.details = &details;
  record.vendor_cost_pico_usd = 7;
  record.occurred_at_us = NOON - 1;
  record.call_count = 3;
  record.status_code = 201;
  record.variant = ALWM_VARIANT_STANDARD;
  record.usage_source = ALWM_USAGE_SOURCE_ESTIMATED;
  alwm_receipt receipt = {.size = sizeof receipt};
  OK(alwm_record_call(own.meter, &record, &receipt, NULL));
  assert_int_equal(receipt.cost_pico_usd, 7);
  assert_int_equal(receipt.vendor_cost_pico_usd, 7);
  assert_int_equal(receipt.units.output_tokens, 15);
  assert_int_equal(receipt.usage_source, ALWM_USAGE_SOURCE_ESTIMATED);
  assert_int_equal(receipt.call_count, 3);
  assert_true(strlen(receipt.idempotency_key) == 36);
  alwm_string json = {NULL, 0};
  OK(alwm_calls(own.meter, T("u1"), NULL, &json, NULL));
  json_t *calls = taken(&json), *call = at(calls, "calls.0");
  assert_int_equal(number_at(calls, "total_count"), 1);
  assert_int_equal(number_at(call, "usage.web_searches"), 2);
  assert_int_equal(number_at(call, "status_code"), 201);
  assert_int_equal(number_at(call, "response_time_ms"), 321);
  assert_int_equal(number_at(call, "retry_count"), 2);
  assert_string_equal(text_at(call, "endpoint"), "/v1/chat/completions");
  assert_string_equal(text_at(call, "tags.team"), "blue");
  assert_string_equal(text_at(call, "actual_provider"), "azure");
  assert_string_equal(text_at(call, "occurred_at"), "2025-10-07T11:59:59.999999Z");
  json_decref(calls);
  scene_end(&own);
}

static void a_batch_records_each_on_its_own(void **state) {
  (void)state;
  scene own = scene_new();
  alwm_call_record records[100];
  alwm_status statuses[100];
  alwm_receipt receipts[100] = {{.size = sizeof *receipts}};
  for (size_t n = 0; n < COUNT(records); n++) {
    records[n] = record_of("u1", "gemini", "gemini-2.5-flash", (int64_t)n, 1);
  }
  OK(alwm_record_calls(own.meter, records, 100, statuses, receipts));
  for (size_t n = 0; n < COUNT(records); n++) {
    assert_int_equal(statuses[n], ALWM_STATUS_OK);
    assert_int_equal(receipts[n].size, sizeof *receipts);
    assert_int_equal(receipts[n].units.input_tokens, n);
  }
  records[1].status_code = 99;
  records[2].user = T("");
  FAILS(ALWM_STATUS_INVALID_ARGUMENT, alwm_record_calls(own.meter, records, 4, statuses, receipts));
  assert_int_equal(statuses[0], ALWM_STATUS_OK);
  assert_int_equal(statuses[1], ALWM_STATUS_INVALID_ARGUMENT);
  assert_int_equal(statuses[2], ALWM_STATUS_INVALID_NAME);
  assert_int_equal(statuses[3], ALWM_STATUS_OK);
  assert_int_equal(receipts[0].status, ALWM_RECORD_STATUS_RECORDED);
  assert_int_equal(receipts[1].status, 0);
  assert_int_equal(receipts[1].call_id, 0);
  assert_int_equal(receipts[1].size, sizeof *receipts);
  OK(alwm_record_calls(own.meter, records, 1, NULL, NULL));
  OK(alwm_record_calls(own.meter, NULL, 0, NULL, NULL));
  scene_end(&own);
}

static void a_record_that_cannot_be_read_takes_no_other_with_it(void **state) {
  (void)state;
  scene own = scene_new();
  alwm_call_record records[4];
  alwm_status statuses[4];
  alwm_receipt receipts[4] = {{.size = sizeof *receipts}};
  for (size_t n = 0; n < COUNT(records); n++) {
    records[n] = record_of("u1", "gemini", "gemini-2.5-flash", (int64_t)n, 1);
  }
  records[0].user = (alwm_text){"u\xff", 2};
  records[2].variant = 99;
  FAILS(ALWM_STATUS_INVALID_ARGUMENT, alwm_record_calls(own.meter, records, 4, statuses, receipts));
  assert_non_null(strstr(alwm_last_message(), "UTF-8"));
  for (size_t n = 0; n < COUNT(records); n++) {
    bool is_readable = n % 2 == 1;
    assert_int_equal(statuses[n], is_readable ? ALWM_STATUS_OK : ALWM_STATUS_INVALID_ARGUMENT);
    assert_int_equal(receipts[n].units.input_tokens, is_readable ? n : 0);
  }
  // Without a place for the statuses the answer alone tells.
  FAILS(ALWM_STATUS_INVALID_ARGUMENT, alwm_record_calls(own.meter, records, 4, NULL, NULL));
  alwm_string json = {NULL, 0};
  OK(alwm_calls(own.meter, T("u1"), NULL, &json, NULL));
  json_t *calls = taken(&json);
  assert_int_equal(number_at(calls, "total_count"), 4);
  json_decref(calls);
  scene_end(&own);
}

static void queued_records_are_committed_by_a_flush(void **state) {
  (void)state;
  scene own = scene_new();
  alwm_call_record record = record_of("u1", "gemini", "gemini-2.5-flash", 5, 5);
  alwm_string key = {NULL, 0};
  OK(alwm_queue_call(own.meter, &record, &key));
  assert_int_equal(key.length, 36);
  record.idempotency_key = (alwm_text){key.bytes, key.length};
  OK(alwm_flush(own.meter));
  alwm_receipt receipt = {.size = sizeof receipt};
  OK(alwm_record_call(own.meter, &record, &receipt, NULL));
  assert_int_equal(receipt.status, ALWM_RECORD_STATUS_DUPLICATE);
  alwm_string_free(&key);
  record = record_of("u1", "tavily", NULL, 0, 0);
  OK(alwm_queue_call(own.meter, &record, NULL));
  OK(alwm_flush(own.meter));
  int64_t failures = -1;
  OK(alwm_queued_failures(own.meter, &failures));
  assert_int_equal(failures, 0);
  scene_end(&own);
}

static void record_answers_as_the_option_durability_says(void **state) {
  (void)state;
  for (int32_t durability = ALWM_DURABILITY_DURABLE; durability <= ALWM_DURABILITY_QUEUED;
       durability++) {
    alwm_options options = options_at(NOON);
    options.durability = durability;
    scene own = scene_with(&options);
    alwm_call_record record = record_of("u1", "tavily", NULL, 0, 0);
    alwm_receipt receipt = {.size = sizeof receipt};
    alwm_string json = {NULL, 0};
    OK(alwm_record(own.meter, &record, &receipt, &json));
    json_t *shown = taken(&json);
    bool is_queued = durability == ALWM_DURABILITY_QUEUED;
    assert_int_equal(receipt.status,
                     is_queued ? ALWM_RECORD_STATUS_QUEUED : ALWM_RECORD_STATUS_RECORDED);
    assert_string_equal(text_at(shown, "status"), is_queued ? "queued" : "recorded");
    assert_string_equal(text_at(shown, "idempotency_key"), receipt.idempotency_key);
    json_decref(shown);
    scene_end(&own);
  }
}

static void a_check_names_the_tightest_limit(void **state) {
  (void)state;
  scene own = scene_new();
  alwm_call_request request = request_of("u1", "gemini", "gemini-2.5-flash", 99001, 1000);
  alwm_decision decision = {.size = sizeof decision};
  alwm_string json = {NULL, 0};
  OK(alwm_check_limit(own.meter, &request, &decision, &json));
  assert_int_equal(decision.allowed, 0);
  assert_int_equal(decision.reason, ALWM_REASON_LIMIT_REACHED);
  assert_string_equal(decision.limit_name, "gemini_tokens");
  assert_string_equal(decision.plan_id, "free");
  assert_string_equal(decision.upgrade_plan_id, "basic");
  assert_int_equal(decision.limit_maximum, 100000);
  assert_int_equal(decision.limit_wanted, 100001);
  assert_int_equal(decision.limit_remaining, 100000);
  assert_int_equal(decision.limit_is_cost, 0);
  assert_int_equal(decision.refusing_limits, 1);
  assert_int_equal(decision.resets_at_us, micros_of("2025-11-01T00:00:00Z"));
  assert_int_equal(decision.retry_after_ms, (decision.resets_at_us - NOON) / 1000);
  assert_int_equal(decision.period_starts_at_us, micros_of("2025-10-01T00:00:00Z"));
  assert_int_equal(decision.period_ends_at_us, decision.resets_at_us);
  json_t *shown = taken(&json);
  assert_string_equal(text_at(shown, "message"), decision.message);
  assert_string_equal(text_at(shown, "refusing.0"), "gemini_tokens");
  json_decref(shown);
  request.input_tokens = 1;
  OK(alwm_check_limits(own.meter, &request, 1, &decision, NULL));
  assert_int_equal(decision.allowed, 1);
  assert_int_equal(decision.retry_after_ms, ALWM_NONE);
  assert_string_equal(decision.upgrade_plan_id, "");
  FAILS(ALWM_STATUS_INVALID_ARGUMENT, alwm_check_limits(own.meter, NULL, 0, &decision, NULL));
  scene_end(&own);
}

static void a_hold_is_settled_once(void **state) {
  (void)state;
  scene own = scene_new();
  alwm_call_request request = request_of("u1", "gemini", "gemini-2.5-flash", 900, 800);
  request.idempotency_key = T("k1");
  request.ttl_ms = 60000;
  alwm_reservation reservation = {.size = sizeof reservation};
  alwm_string json = {NULL, 0};
  OK(alwm_reserve(own.meter, &request, &reservation, &json));
  assert_int_equal(reservation.outcome, ALWM_OUTCOME_GRANTED);
  assert_int_equal(strlen(reservation.hold_id), 32);
  assert_string_equal(reservation.idempotency_key, "k1");
  assert_int_equal(reservation.expires_at_us, NOON + 60000000);
  assert_int_equal(reservation.reserved_at_us, NOON);
  assert_int_equal(reservation.is_price_known, 1);
  assert_int_equal(reservation.is_repeat, 0);
  json_t *shown = taken(&json);
  assert_string_equal(text_at(shown, "outcome"), "granted");
  assert_string_equal(text_at(shown, "hold_id"), reservation.hold_id);
  json_decref(shown);
  alwm_reservation repeat = {.size = sizeof repeat};
  OK(alwm_reserve(own.meter, &request, &repeat, NULL));
  assert_int_equal(repeat.is_repeat, 1);
  assert_string_equal(repeat.hold_id, reservation.hold_id);

  alwm_call_outcome outcome;
  OK(alwm_call_outcome_init(&outcome, sizeof outcome));
  outcome.units.input_tokens = 900;
  outcome.units.output_tokens = 1000;
  alwm_receipt receipt = {.size = sizeof receipt};
  OK(alwm_settle(own.meter, T("u1"), T(reservation.hold_id), &outcome, &receipt, &json));
  assert_int_equal(receipt.overshoot_tokens, 200);
  assert_int_equal(receipt.overshoot_pico_usd, receipt.cost_pico_usd - reservation.cost_pico_usd);
  json_decref(taken(&json));
  OK(alwm_settle(own.meter, T("u1"), T(reservation.hold_id), &outcome, NULL, NULL));
  outcome.units.output_tokens++;
  FAILS(ALWM_STATUS_IDEMPOTENCY_CONFLICT,
        alwm_settle(own.meter, T("u1"), T(reservation.hold_id), &outcome, NULL, NULL));
  FAILS(ALWM_STATUS_HOLD_CLOSED,
        alwm_release(own.meter, T("u1"), T(reservation.hold_id), NULL, NULL));
  OK(alwm_reserve(own.meter, &request, &repeat, NULL));
  assert_int_equal(repeat.outcome, ALWM_OUTCOME_DUPLICATE);
  assert_int_equal(repeat.call_id, receipt.call_id);
  assert_int_equal(repeat.cost_pico_usd, receipt.cost_pico_usd);
  scene_end(&own);
}

static void a_hold_is_given_back(void **state) {
  (void)state;
  scene own = scene_new();
  alwm_call_request request = request_of("u1", "gemini", "gemini-2.5-flash", 9, 8);
  alwm_reservation reservation = {.size = sizeof reservation};
  OK(alwm_reserve(own.meter, &request, &reservation, NULL));
  int32_t status = 0;
  alwm_string json = {NULL, 0};
  OK(alwm_release(own.meter, T("u1"), T(reservation.hold_id), &status, &json));
  assert_int_equal(status, ALWM_RELEASE_STATUS_RELEASED);
  json_t *shown = taken(&json);
  assert_string_equal(text_at(shown, "status"), "released");
  json_decref(shown);
  OK(alwm_release(own.meter, T("u1"), T(reservation.hold_id), &status, NULL));
  assert_int_equal(status, ALWM_RELEASE_STATUS_ALREADY_CLOSED);
  OK(alwm_reserve(own.meter, &request, &reservation, NULL));
  OK(alwm_queue_release(own.meter, T("u1"), T(reservation.hold_id)));
  OK(alwm_flush(own.meter));
  OK(alwm_release(own.meter, T("u1"), T(reservation.hold_id), &status, NULL));
  assert_int_equal(status, ALWM_RELEASE_STATUS_ALREADY_CLOSED);
  FAILS(ALWM_STATUS_UNKNOWN_HOLD, alwm_release(own.meter, T("u1"),
                                               T("00000000000000000000000000000000"), NULL, NULL));
  FAILS(ALWM_STATUS_INVALID_NAME, alwm_release(own.meter, T("u1"), T("x"), NULL, NULL));
  scene_end(&own);
}

static void several_are_reserved_together_or_not_at_all(void **state) {
  (void)state;
  scene own = scene_new();
  alwm_call_request requests[] = {
      request_of("u1", "gemini", "gemini-2.5-flash", 40000, 0),
      request_of("u1", "gemini", "gemini-2.5-flash", 40000, 0),
      request_of("u1", "gemini", "gemini-2.5-flash", 40000, 0),
  };
  alwm_reservation reservations[3] = {{.size = sizeof *reservations}};
  alwm_string json = {NULL, 0};
  OK(alwm_reserve_all(own.meter, requests, 2, reservations, &json));
  assert_int_equal(reservations[0].outcome, ALWM_OUTCOME_GRANTED);
  assert_int_equal(reservations[1].outcome, ALWM_OUTCOME_GRANTED);
  assert_string_not_equal(reservations[0].hold_id, reservations[1].hold_id);
  json_decref(taken(&json));
  OK(alwm_reserve_all(own.meter, requests, 3, reservations, NULL));
  for (size_t n = 0; n < 3; n++) {
    assert_int_equal(reservations[n].outcome, ALWM_OUTCOME_REFUSED);
    assert_string_equal(reservations[n].limit_name, "gemini_tokens");
    assert_string_equal(reservations[n].hold_id, "");
    assert_true(reservations[n].message[0] != '\0' && reservations[n].retry_after_ms > 0);
  }
  requests[1].user = T("u2");
  REFUSED(alwm_reserve_all(own.meter, requests, 2, reservations, NULL));
  scene_end(&own);
}

static void an_estimate_is_reserved_and_its_settlement_teaches(void **state) {
  (void)state;
  scene own = scene_new();
  alwm_call_request request = request_of("u1", "gemini", NULL, 0, ALWM_NONE);
  alwm_call_estimate estimate = {.size = sizeof estimate};
  alwm_string json = {NULL, 0};
  const char *body = "{\"model\": \"gemini-2.5-flash\", \"max_tokens\": 200, \"messages\": "
                     "[{\"role\": \"user\", \"content\": \"Why is the sky blue?\"}]}";
  OK(alwm_estimate_request(own.meter, &request, T(body), &estimate, &json));
  assert_string_equal(estimate.model, "gemini-2.5-flash");
  assert_int_equal(estimate.max_output_tokens, 200);
  assert_true(estimate.counted_tokens > 5 && estimate.input_tokens >= estimate.counted_tokens);
  assert_int_equal(estimate.has_input_estimate, 1);
  assert_int_equal(estimate.input_estimate.characters, strlen("Why is the sky blue?"));
  assert_true(estimate.cost_pico_usd > 0);
  assert_int_equal(estimate.learned_calls, 0);
  json_t *shown = taken(&json);
  assert_int_equal(number_at(shown, "input_tokens"), estimate.counted_tokens);
  json_decref(shown);
  request.model = T(estimate.model);
  request.input_tokens = estimate.input_tokens;
  request.max_output_tokens = estimate.max_output_tokens;
  request.units = estimate.units;
  request.input_estimate = &estimate.input_estimate;
  alwm_reservation hold = {.size = sizeof hold};
  OK(alwm_reserve(own.meter, &request, &hold, NULL));
  assert_int_equal(hold.cost_pico_usd, estimate.cost_pico_usd);
  alwm_call_outcome outcome;
  OK(alwm_call_outcome_init(&outcome, sizeof outcome));
  outcome.units.input_tokens = 9;
  outcome.units.output_tokens = 61;
  OK(alwm_queue_settle(own.meter, T("u1"), T(hold.hold_id), &outcome));
  OK(alwm_flush(own.meter));
  OK(alwm_calibrations(own.meter, &json));
  shown = taken(&json);
  assert_int_equal(number_at(shown, "0.calls"), 1);
  // Of the 9 those of the texts, without the role.
  assert_in_range(number_at(shown, "0.reported_tokens"), 1, 9);
  json_decref(shown);
  OK(alwm_estimate_text(own.meter, &request, T("Why is the sky blue?"), &estimate, NULL));
  assert_int_equal(estimate.learned_calls, 1);
  REFUSED(alwm_estimate_request(own.meter, &request, T("{"), &estimate, NULL));
  FAILS(ALWM_STATUS_INVALID_NAME,
        alwm_queue_settle(own.meter, T("u1"), T("no hold"), &outcome));
  FAILS(ALWM_STATUS_INVALID_NAME, alwm_queue_release(own.meter, T("u1"), T("no hold")));
  scene_end(&own);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_quote_costs_to_the_pico_dollar),
      cmocka_unit_test(a_record_has_a_receipt_and_its_key_makes_a_repeat_harmless),
      cmocka_unit_test(every_field_of_a_record_arrives),
      cmocka_unit_test(a_batch_records_each_on_its_own),
      cmocka_unit_test(a_record_that_cannot_be_read_takes_no_other_with_it),
      cmocka_unit_test(queued_records_are_committed_by_a_flush),
      cmocka_unit_test(record_answers_as_the_option_durability_says),
      cmocka_unit_test(a_check_names_the_tightest_limit),
      cmocka_unit_test(a_hold_is_settled_once),
      cmocka_unit_test(a_hold_is_given_back),
      cmocka_unit_test(several_are_reserved_together_or_not_at_all),
      cmocka_unit_test(an_estimate_is_reserved_and_its_settlement_teaches),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
