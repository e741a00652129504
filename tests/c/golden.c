// The golden cases that every binding is held to: the same digits, and as many of them.
#include "frame.h"

static json_t *golden(const char *name, size_t count) {
  char path[128];
  snprintf(path, sizeof path, "tests/golden/%s", name);
  char *text = file_text(path);
  json_error_t error;
  json_t *read = json_loads(text, 0, &error);
  free(text);
  if (read == NULL) {
    fail_msg("%s: %s", path, error.text);
  }
  json_t *cases = json_is_array(read) ? read : at(read, "cases");
  assert_int_equal(json_array_size(cases), count);
  for (size_t n = 0; n < count; n++) {
    for (size_t other = 0; other < n; other++) {
      assert_string_not_equal(text_at(json_array_get(cases, n), "id"),
                              text_at(json_array_get(cases, other), "id"));
    }
  }
  return read;
}

static const char *text_or(json_t *json, const char *key, const char *otherwise) {
  json_t *text = json_object_get(json, key);
  return json_is_string(text) ? json_string_value(text) : otherwise;
}

static int64_t number_or(json_t *json, const char *key, int64_t otherwise) {
  json_t *number = json_object_get(json, key);
  return json_is_integer(number) ? json_integer_value(number) : otherwise;
}

static int32_t code_of(const char *name, const char *const *names, size_t count) {
  for (size_t code = 0; code < count; code++) {
    if (strcmp(names[code], name) == 0) {
      return (int32_t)code;
    }
  }
  fail_msg("no code for `%s`", name);
  return -1;
}

static const char *const VARIANTS[] = {"standard", "batch", "flex", "priority"};
static const char *const MATCHES[] = {"exact",            "alias",         "prefix",
                                      "provider_default", "named_default", "unknown"};

enum { UNITS_MAX = 16 };

// A record of a case; `others` holds its usage, whose names are the case's.
static alwm_call_record record_of_case(json_t *call, alwm_quantity *others) {
  alwm_call_record record = record_of("u", text_at(call, "provider"), text_at(call, "model"), 0, 0);
  const char *unit;
  json_t *quantity;
  json_object_foreach(json_object_get(call, "usage"), unit, quantity) {
    assert_true(record.other_unit_count < UNITS_MAX);
    others[record.other_unit_count++] =
        (alwm_quantity){T(unit), json_integer_value(quantity)};
  }
  record.other_units = others;
  record.operation = T(text_or(call, "operation", NULL));
  record.variant = code_of(text_or(call, "variant", "standard"), VARIANTS, COUNT(VARIANTS));
  record.call_count = number_or(call, "call_count", 1);
  record.status_code = number_or(call, "status_code", 200);
  const char *cost = text_or(call, "vendor_cost_usd", NULL);
  if (cost != NULL) {
    record.vendor_cost_pico_usd = pico_of(cost);
  }
  const char *at = text_or(call, "occurred_at", NULL);
  if (at != NULL) {
    record.occurred_at_us = micros_of(at);
  }
  return record;
}

static void assert_money(json_t *expect, const char *key, int64_t pico_usd, const char *id) {
  json_t *text = json_object_get(expect, key);
  money_text known = money(pico_usd);
  const char *shown = pico_usd == ALWM_NONE ? NULL : known.text;
  bool is_same = json_is_null(text) ? shown == NULL
                                    : shown != NULL && strcmp(shown, json_string_value(text)) == 0;
  if (!is_same) {
    fail_msg("%s: %s is %s", id, key, shown == NULL ? "unknown" : shown);
  }
}

static void put_golden_prices(alwm_meter *meter, json_t *prices) {
  char csv[4096] = "provider,matcher,model,variant,operation,unit,above_input_tokens,amount_usd,"
                   "per,effective_from,source\n";
  size_t place;
  json_t *price, *rate;
  json_array_foreach(prices, place, price) {
    size_t of_price;
    json_array_foreach(at(price, "rates"), of_price, rate) {
      size_t length = strlen(csv);
      snprintf(csv + length, sizeof csv - length, "%s,%s,%s,%s,,%s,0,%s,%lld,%s,%s\n",
               text_at(price, "provider"), text_at(price, "matcher"), text_at(price, "model"),
               text_at(price, "variant"), text_at(rate, "unit"), text_at(rate, "amount_usd"),
               (long long)number_at(rate, "per"), text_at(price, "effective_from"),
               text_at(price, "source"));
    }
  }
  alwm_string json = {NULL, 0};
  OK(alwm_put_prices(meter, T(csv), &json));
  json_decref(taken(&json));
}

static void calls_cost_what_the_golden_cases_say(void **state) {
  (void)state;
  scene own = scene_at(micros_of("2026-12-07T12:00:00Z"));
  json_t *read = golden("pricing.json", 80);
  put_golden_prices(own.meter, at(read, "prices"));
  size_t place;
  json_t *one;
  json_array_foreach(at(read, "cases"), place, one) {
    const char *id = text_at(one, "id");
    json_t *expect = at(one, "expect");
    alwm_quantity others[UNITS_MAX];
    alwm_call_record record = record_of_case(at(one, "call"), others);
    alwm_price_quote quote = {.size = sizeof quote};
    OK(alwm_quote(own.meter, &record, &quote, NULL));
    assert_money(expect, "cost_usd", quote.cost_pico_usd, id);
    assert_money(expect, "cost_input_usd", quote.cost_input_pico_usd, id);
    assert_money(expect, "cost_output_usd", quote.cost_output_pico_usd, id);
    assert_int_equal(quote.price_match,
                     code_of(text_at(expect, "price_match"), MATCHES, COUNT(MATCHES)));
    const char *variant = text_or(expect, "variant", NULL);
    if (variant != NULL) {
      assert_int_equal(quote.variant, code_of(variant, VARIANTS, COUNT(VARIANTS)));
    }
    const char *from = text_or(expect, "effective_from", NULL);
    if (from != NULL) {
      assert_int_equal(quote.effective_from_us, micros_of(from));
    }
    alwm_receipt receipt = {.size = sizeof receipt};
    OK(alwm_record_call(own.meter, &record, &receipt, NULL));
    assert_money(expect, "cost_usd", receipt.cost_pico_usd, id);
    assert_int_equal(receipt.price_version_id, quote.price_version_id);
  }
  json_decref(read);
  scene_end(&own);
}

static void periods_are_what_the_golden_cases_say(void **state) {
  (void)state;
  json_t *read = golden("periods.json", 18), *one;
  scene own = scene_new();
  size_t place;
  json_array_foreach(at(read, "cases"), place, one) {
    OK(alwm_set_now(own.meter, micros_of(text_at(one, "at"))));
    alwm_subscribe_terms terms;
    OK(alwm_subscribe_terms_init(&terms, sizeof terms));
    terms.plan_id = T("pro");
    terms.payment = ALWM_PAYMENT_WAIVED;
    terms.payment_text = T("test");
    terms.anchor_us = micros_of(text_at(one, "anchor"));
    terms.starts_at_us = 0;
    bool is_yearly = number_at(one, "months") == 12;
    terms.billing_cycle = is_yearly ? ALWM_BILLING_CYCLE_YEARLY : ALWM_BILLING_CYCLE_MONTHLY;
    alwm_text user = T(text_at(one, "id"));
    alwm_string json = {NULL, 0};
    OK(alwm_subscribe(own.meter, user, &terms, &json));
    alwm_string_free(&json);
    OK(alwm_subscription(own.meter, user, &json));
    json_t *standing = taken(&json);
    assert_string_equal(text_at(standing, "billing_period.starts_at"), text_at(one, "starts_at"));
    assert_string_equal(text_at(standing, "billing_period.ends_at"), text_at(one, "ends_at"));
    json_decref(standing);
  }
  json_decref(read);
  scene_end(&own);
}

static alwm_call_request request_of_case(json_t *wanted, alwm_quantity *others) {
  int64_t input_tokens = number_or(wanted, "input_tokens", 0);
  int64_t max_output_tokens = number_or(wanted, "max_output_tokens", ALWM_NONE);
  alwm_call_request request = request_of("u", text_at(wanted, "provider"),
                                         text_at(wanted, "model"), input_tokens, max_output_tokens);
  request.operation = T(text_or(wanted, "operation", NULL));
  request.call_count = number_or(wanted, "call_count", 1);
  const char *unit;
  json_t *quantity;
  json_object_foreach(json_object_get(wanted, "usage"), unit, quantity) {
    assert_true(request.other_unit_count < UNITS_MAX);
    others[request.other_unit_count++] =
        (alwm_quantity){T(unit), json_integer_value(quantity)};
  }
  request.other_units = others;
  return request;
}

// Brings a new store to where a case begins.
static void set_up(alwm_meter *meter, json_t *one) {
  OK(alwm_set_now(meter, micros_of(text_at(one, "at"))));
  const char *plan = text_or(one, "plan", NULL);
  if (plan != NULL) {
    subscribe(meter, "u", plan);
  }
  size_t place;
  json_t *step;
  json_array_foreach(json_object_get(one, "limits"), place, step) {
    alwm_limit_change change;
    OK(alwm_limit_change_init(&change, sizeof change));
    change.name = T(text_at(step, "name"));
    change.maximum = T(text_at(step, "maximum"));
    change.metric = T(text_or(step, "metric", NULL));
    change.window = T(text_or(step, "window", NULL));
    change.policy = T(text_or(step, "policy", NULL));
    change.is_boost = json_is_true(json_object_get(step, "is_boost"));
    OK(alwm_set_limit(meter, T("u"), &change, NULL));
  }
  json_array_foreach(json_object_get(one, "recorded"), place, step) {
    alwm_quantity others[UNITS_MAX];
    alwm_call_record record = record_of_case(step, others);
    OK(alwm_record_call(meter, &record, NULL, NULL));
  }
  json_array_foreach(json_object_get(one, "reserved"), place, step) {
    alwm_quantity others[UNITS_MAX];
    alwm_call_request request = request_of_case(step, others);
    alwm_reservation reservation = {.size = sizeof reservation};
    OK(alwm_reserve(meter, &request, &reservation, NULL));
    assert_int_equal(reservation.outcome, ALWM_OUTCOME_GRANTED);
  }
}

// A number of a limit: a count, or dollars as text where cost is counted.
static void assert_amount(json_t *expect, const char *key, int64_t number, bool is_cost,
                          const char *id) {
  if (is_cost) {
    assert_money(expect, key, number, id);
  } else {
    assert_int_equal(number_at(expect, key), number);
  }
}

static void assert_decision(json_t *expect, const alwm_decision *decision, const char *id) {
  static const char *const REASONS[] = {"", "within_limits", "limit_reached", "not_in_plan"};
  bool is_allowed = json_is_true(at(expect, "allowed"));
  assert_int_equal(decision->allowed, is_allowed);
  assert_string_equal(REASONS[decision->reason], text_at(expect, "reason"));
  assert_int_equal(decision->refusing_limits, json_array_size(at(expect, "refusing")));
  assert_string_equal(decision->limit_name, text_at(expect, "tightest"));
  assert_money(expect, "cost_usd", decision->cost_pico_usd, id);
  if (!is_allowed) {
    bool is_cost = decision->limit_is_cost;
    assert_amount(expect, "used", decision->limit_used, is_cost, id);
    assert_amount(expect, "held", decision->limit_held, is_cost, id);
    assert_amount(expect, "wanted", decision->limit_wanted, is_cost, id);
    assert_amount(expect, "remaining", decision->limit_remaining, is_cost, id);
  }
  const char *resets_at = text_or(expect, "resets_at", NULL);
  assert_int_equal(decision->resets_at_us, resets_at ? micros_of(resets_at) : ALWM_NONE);
  assert_string_equal(decision->upgrade_plan_id, text_or(expect, "upgrade_plan_id", ""));
}

static void decisions_are_what_the_golden_cases_say(void **state) {
  (void)state;
  json_t *read = golden("decisions.json", 23), *one;
  size_t place;
  json_array_foreach(at(read, "cases"), place, one) {
    const char *id = text_at(one, "id");
    json_t *expect = at(one, "expect"), *wanted = at(one, "requests");
    scene own = scene_new();
    set_up(own.meter, one);
    alwm_call_request requests[4];
    alwm_quantity others[4][UNITS_MAX];
    size_t count = json_array_size(wanted);
    assert_true(count <= COUNT(requests));
    for (size_t n = 0; n < count; n++) {
      requests[n] = request_of_case(json_array_get(wanted, n), others[n]);
    }
    alwm_decision decision = {.size = sizeof decision};
    alwm_string json = {NULL, 0};
    OK(alwm_check_limits(own.meter, requests, count, &decision, &json));
    assert_decision(expect, &decision, id);
    json_t *shown = taken(&json), *calls = json_object_get(expect, "calls"), *call;
    assert_true(json_equal(at(shown, "refusing"), at(expect, "refusing")));
    size_t n;
    json_array_foreach(calls, n, call) {
      assert_int_equal(json_is_true(at(json_array_get(at(shown, "calls"), n), "allowed")),
                       json_is_true(call));
    }
    json_decref(shown);
    // To reserve is to be judged alike, for all together.
    alwm_reservation reservations[4] = {{.size = sizeof *reservations}};
    OK(alwm_reserve_all(own.meter, requests, count, reservations, NULL));
    assert_int_equal(reservations[0].outcome,
                     decision.allowed ? ALWM_OUTCOME_GRANTED : ALWM_OUTCOME_REFUSED);
    scene_end(&own);
  }
  json_decref(read);
}

static void every_golden_body_gives_what_its_line_says(void **state) {
  (void)state;
  json_t *read = golden("ingest/cases.json", 108), *one;
  size_t place;
  json_array_foreach(read, place, one) {
    const char *id = text_at(one, "id");
    char path[160];
    snprintf(path, sizeof path, "tests/golden/ingest/%s", text_at(one, "file"));
    char *body = file_text(path);
    alwm_extracted found = {.size = sizeof found};
    alwm_string json = {NULL, 0};
    OK(alwm_extract_usage(T(text_at(one, "provider")), T(body), &found, &json));
    free(body);
    json_t *shown = taken(&json), *usage = json_object_get(one, "usage");
    assert_int_equal(found.is_found, json_is_object(usage));
    assert_int_equal(json_is_object(shown), json_is_object(usage));
    if (json_is_object(usage)) {
      assert_true(json_equal(at(shown, "usage"), usage));
      assert_int_equal(found.units.input_tokens, number_or(usage, "input_tokens", 0));
      assert_int_equal(found.units.output_tokens, number_or(usage, "output_tokens", 0));
      assert_int_equal(found.units.images, number_or(usage, "images", 0));
      assert_string_equal(found.model, text_or(one, "model", ""));
      const char *tier = text_or(one, "variant", NULL);
      assert_int_equal(found.variant, tier ? code_of(tier, VARIANTS, COUNT(VARIANTS)) : -1);
      assert_money(one, "vendor_cost_usd", found.vendor_cost_pico_usd, id);
      assert_int_equal(found.is_partial, json_is_true(json_object_get(one, "is_partial")));
      bool is_estimated = strcmp(text_at(one, "usage_source"), "estimated") == 0;
      assert_int_equal(found.usage_source, is_estimated ? ALWM_USAGE_SOURCE_ESTIMATED
                                                        : ALWM_USAGE_SOURCE_REPORTED);
    }
    json_decref(shown);
  }
  json_decref(read);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(calls_cost_what_the_golden_cases_say),
      cmocka_unit_test(periods_are_what_the_golden_cases_say),
      cmocka_unit_test(decisions_are_what_the_golden_cases_say),
      cmocka_unit_test(every_golden_body_gives_what_its_line_says),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
