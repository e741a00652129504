// Plans, prices, limits, subscriptions and invoices.
#include "frame.h"

static const int32_t AS_BEFORE = ALWM_BILLING_CYCLE_AS_BEFORE;

// Runs a call that answers JSON and gives the value.
#define SHOWN(call) (OK(call), taken(&json))

static void plans_and_prices_are_read_and_put(void **state) {
  (void)state;
  scene own = scene_new();
  alwm_string json = {NULL, 0};
  json_t *shown = SHOWN(alwm_plans(own.meter, &json));
  assert_int_equal(json_array_size(shown), 4);
  assert_string_equal(text_at(shown, "0.id"), "free");
  json_decref(shown);
  const char *toml = "[[plan]]\nid = \"tiny\"\nname = \"Tiny\"\ntier = \"basic\"\n"
                     "price_monthly_usd = \"1\"\nprice_yearly_usd = \"10\"\n"
                     "[[plan.limit]]\nname = \"calls\"\nmetric = \"calls\"\nmaximum = \"3\"\n";
  shown = SHOWN(alwm_put_plans(own.meter, T(toml), &json));
  assert_string_equal(text_at(shown, "0.limits.0.name"), "calls");
  json_decref(shown);
  FAILS(ALWM_STATUS_INVALID_CATALOGUE, alwm_put_plans(own.meter, T("[[plan]]\nid = 3"), &json));

  shown = SHOWN(alwm_prices(own.meter, T("tavily"), &json));
  assert_true(json_array_size(shown) > 0);
  json_decref(shown);
  size_t count = json_array_size(shown = SHOWN(alwm_prices(own.meter, T(NULL), &json)));
  json_decref(shown);
  const char *csv =
      "provider,matcher,model,variant,operation,unit,above_input_tokens,amount_usd,per,"
      "effective_from,source\n"
      "acme,exact,a-1,standard,,input_tokens,0,2,1000000,2025-01-01T00:00:00Z,test\n"
      "acme,exact,a-2,standard,,input_tokens,0,2,1,2025-01-01T00:00:00Z,test\n";
  shown = SHOWN(alwm_put_prices(own.meter, T(csv), &json));
  assert_int_equal(number_at(shown, "versions"), 2);
  assert_true(json_array_size(at(shown, "warnings")) > 0);
  json_decref(shown);
  assert_int_equal(json_array_size(shown = SHOWN(alwm_prices(own.meter, T(NULL), &json))),
                   count + 2);
  json_decref(shown);
  FAILS(ALWM_STATUS_INVALID_CATALOGUE, alwm_put_prices(own.meter, T("a,b\n1,2\n"), &json));
  scene_end(&own);
}

static void calls_without_a_price_get_one_later(void **state) {
  (void)state;
  scene own = scene_new();
  alwm_call_record record = record_of("u1", "acme", "a-1", 1000000, 0);
  alwm_receipt receipt = {.size = sizeof receipt};
  OK(alwm_record_call(own.meter, &record, &receipt, NULL));
  assert_int_equal(receipt.cost_pico_usd, ALWM_NONE);
  assert_int_equal(receipt.price_match, ALWM_PRICE_MATCH_UNKNOWN);
  alwm_string json = {NULL, 0};
  json_t *shown = SHOWN(alwm_unpriced(own.meter, &json));
  assert_string_equal(text_at(shown, "0.provider"), "acme");
  json_decref(shown);
  const char *csv =
      "provider,matcher,model,variant,operation,unit,above_input_tokens,amount_usd,per,"
      "effective_from,source\n"
      "acme,exact,a-1,standard,,input_tokens,0,2,1000000,2025-01-01T00:00:00Z,test\n";
  json_decref(SHOWN(alwm_put_prices(own.meter, T(csv), &json)));
  shown = SHOWN(alwm_re_rate_dry_run(own.meter, &json));
  assert_int_equal(number_at(shown, "priced_calls"), 1);
  json_decref(shown);
  shown = SHOWN(alwm_re_rate(own.meter, &json));
  assert_string_equal(text_at(shown, "cost_usd"), "2");
  json_decref(shown);
  shown = SHOWN(alwm_unpriced(own.meter, &json));
  assert_int_equal(json_array_size(shown), 0);
  json_decref(shown);
  scene_end(&own);
}

static void a_user_has_limits_of_its_own(void **state) {
  (void)state;
  scene own = scene_new();
  alwm_limit_change change;
  OK(alwm_limit_change_init(&change, sizeof change));
  const uint8_t thresholds[] = {50, 100};
  change.name = T("chats_a_day");
  change.maximum = T("2");
  change.metric = T("calls");
  change.provider = T("gemini");
  change.operation = T("chat");
  change.window = T("day");
  change.policy = T("grace 50%");
  change.note = T("a trial");
  change.thresholds = thresholds;
  change.threshold_count = COUNT(thresholds);
  change.starts_at_us = NOON;
  change.ends_at_us = NOON + 86400000000;
  alwm_string json = {NULL, 0};
  json_t *limits = SHOWN(alwm_set_limit(own.meter, T("u1"), &change, &json));
  json_decref(limits);
  limits = SHOWN(alwm_limits(own.meter, T("u1"), &json));
  size_t place;
  json_t *limit, *found = NULL;
  json_array_foreach(at(limits, "limits"), place, limit) {
    if (strcmp(text_at(limit, "name"), "chats_a_day") == 0) {
      found = limit;
    }
  }
  assert_non_null(found);
  assert_int_equal(number_at(found, "maximum"), 2);
  assert_string_equal(text_at(found, "window"), "day");
  assert_int_equal(number_at(found, "thresholds.0"), 50);
  assert_true(json_is_true(at(found, "is_override")));
  json_decref(limits);
  alwm_call_request request = request_of("u1", "gemini", "gemini-2.5-flash", 1, 1);
  request.call_count = 4;
  alwm_decision decision = {.size = sizeof decision};
  OK(alwm_check_limit(own.meter, &request, &decision, NULL));
  assert_int_equal(decision.allowed, 0);
  OK(alwm_clear_limit(own.meter, T("u1"), T("chats_a_day"), NULL));
  OK(alwm_check_limit(own.meter, &request, &decision, NULL));
  assert_int_equal(decision.allowed, 1);
  FAILS(ALWM_STATUS_UNKNOWN_LIMIT, alwm_clear_limit(own.meter, T("u1"), T("chats_a_day"), NULL));
  OK(alwm_limit_change_init(&change, sizeof change));
  change.name = T("gemini_calls");
  change.maximum = T("10");
  change.is_boost = 1;
  json_decref(SHOWN(alwm_set_limit(own.meter, T("u1"), &change, &json)));
  OK(alwm_check_limit(own.meter, &request, &decision, NULL));
  assert_int_equal(decision.limit_maximum, 110);
  change.maximum = T("many");
  assert_int_not_equal(alwm_set_limit(own.meter, T("u1"), &change, NULL), ALWM_STATUS_OK);
  scene_end(&own);
}

static void a_subscription_lives(void **state) {
  (void)state;
  scene own = scene_new();
  alwm_meter *meter = own.meter;
  alwm_string json = {NULL, 0};
  alwm_subscribe_terms terms;
  OK(alwm_subscribe_terms_init(&terms, sizeof terms));
  terms.plan_id = T("basic");
  terms.stripe_customer_id = T("cus_1");
  terms.stripe_subscription_id = T("sub_1");
  terms.payment_method = T("card");
  json_t *shown = SHOWN(alwm_subscribe(meter, T("u1"), &terms, &json));
  assert_string_equal(text_at(shown, "status"), "pending");
  json_decref(shown);
  shown = SHOWN(alwm_confirm_payment(meter, T("u1"), T("ch_1"), &json));
  assert_string_equal(text_at(shown, "status"), "active");
  json_decref(shown);
  shown = SHOWN(alwm_subscription(meter, T("u1"), &json));
  assert_string_equal(text_at(shown, "plan_id"), "basic");
  assert_string_equal(text_at(shown, "external.stripe_customer_id"), "cus_1");
  json_decref(shown);
  const char *change = "{\"change\": \"upgrade\", \"plan_id\": \"pro\", \"billing_cycle\": null}";
  shown = SHOWN(alwm_preview_change(meter, T("u1"), T(change), &json));
  assert_string_equal(text_at(shown, "plan_id"), "pro");
  json_decref(shown);
  REFUSED(alwm_preview_change(meter, T("u1"), T("{\"change\": \"dance\"}"), &json));
  const int32_t paid = ALWM_PAYMENT_REFERENCE;
  shown = SHOWN(alwm_upgrade(meter, T("u1"), T("pro"), AS_BEFORE, paid, T("ch_2"), &json));
  assert_string_equal(text_at(shown, "payment_status"), "paid");
  json_decref(shown);
  json_decref(SHOWN(alwm_downgrade(meter, T("u1"), T("basic"), &json)));
  json_decref(SHOWN(alwm_withdraw_change(meter, T("u1"), &json)));
  const int32_t yearly = ALWM_BILLING_CYCLE_YEARLY;
  shown = SHOWN(alwm_change_cycle(meter, T("u1"), yearly, paid, T("ch_3"), &json));
  assert_string_equal(text_at(shown, "billing_cycle"), "yearly");
  json_decref(shown);
  json_decref(SHOWN(alwm_mark_past_due(meter, T("u1"), NOON + 86400000000, &json)));
  shown = SHOWN(alwm_renew(meter, T("u1"), paid, T("ch_4"), &json));
  assert_string_equal(text_at(shown, "status"), "active");
  json_decref(shown);
  shown = SHOWN(alwm_suspend(meter, T("u1"), &json));
  assert_string_equal(text_at(shown, "status"), "suspended");
  json_decref(shown);
  json_decref(SHOWN(alwm_resume(meter, T("u1"), &json)));
  json_decref(SHOWN(alwm_cancel(meter, T("u1"), ALWM_CANCEL_AT_PERIOD_END, &json)));
  shown = SHOWN(alwm_cancel(meter, T("u1"), ALWM_CANCEL_AT_NOW, &json));
  assert_string_equal(text_at(shown, "status"), "cancelled");
  json_decref(shown);
  shown = SHOWN(alwm_subscription_history(meter, T("u1"), 2, 1, &json));
  assert_int_equal(json_array_size(at(shown, "entries")), 2);
  assert_true(number_at(shown, "total_count") >= 7);
  json_decref(shown);
  FAILS(ALWM_STATUS_UNKNOWN_SUBSCRIPTION, alwm_resume(meter, T("nobody"), &json));
  FAILS(ALWM_STATUS_SUBSCRIPTION_STATE,
        alwm_upgrade(meter, T("u1"), T("pro"), AS_BEFORE, paid, T("x"), &json));
  terms.plan_id = T("no-such-plan");
  FAILS(ALWM_STATUS_UNKNOWN_PLAN, alwm_subscribe(meter, T("u1"), &terms, &json));
  terms.plan_id = T(NULL);
  REFUSED(alwm_subscribe(meter, T("u1"), &terms, &json));
  scene_end(&own);
}

static void invoices_are_drafted_closed_paid_and_voided(void **state) {
  (void)state;
  scene own = scene_new();
  alwm_meter *meter = own.meter;
  alwm_string json = {NULL, 0};
  alwm_subscribe_terms terms;
  OK(alwm_subscribe_terms_init(&terms, sizeof terms));
  terms.plan_id = T("basic");
  terms.payment = ALWM_PAYMENT_REFERENCE;
  terms.payment_text = T("ch_1");
  terms.anchor_us = NOON;
  terms.starts_at_us = NOON;
  json_decref(SHOWN(alwm_subscribe(meter, T("u1"), &terms, &json)));
  json_t *shown = SHOWN(alwm_invoice(meter, T("u1"), T(NULL), &json));
  assert_string_equal(text_at(shown, "state"), "draft");
  assert_string_equal(text_at(shown, "base_cost_usd"), "29");
  json_decref(shown);
  OK(alwm_invoice_text(meter, T("u1"), T("current"), &json));
  assert_non_null(strstr(json.bytes, "29.00"));
  alwm_string_free(&json);
  OK(alwm_invoice_html(meter, T("u1"), T("2025-10"), &json));
  assert_non_null(strstr(json.bytes, "<html"));
  alwm_string_free(&json);
  FAILS(ALWM_STATUS_INVOICE_STATE, alwm_finalize_invoice(meter, T("u1"), T("2025-10"), &json));
  OK(alwm_set_now(meter, NOON + INT64_C(40) * 86400000000));
  shown = SHOWN(alwm_finalize_invoice(meter, T("u1"), T("2025-10-07T12:00:00Z"), &json));
  assert_string_equal(text_at(shown, "state"), "finalized");
  json_decref(shown);
  shown = SHOWN(alwm_set_invoice_payment(meter, T("u1"), T("2025-10"), T("paid"), T("ch_1"),
                                         T("in_1"), &json));
  assert_string_equal(text_at(shown, "payment.status"), "paid");
  json_decref(shown);
  FAILS(ALWM_STATUS_INVALID_NAME, alwm_set_invoice_payment(meter, T("u1"), T("2025-10"), T("maybe"),
                                                           T(NULL), T(NULL), &json));
  shown = SHOWN(alwm_void_invoice(meter, T("u1"), T("2025-10"), T("wrong address"), &json));
  assert_string_equal(text_at(shown, "state"), "void");
  json_decref(shown);
  json_decref(SHOWN(alwm_finalize_ended(meter, T("u1"), &json)));
  shown = SHOWN(alwm_billing_history(meter, T("u1"), &json));
  assert_true(json_array_size(shown) >= 2);
  json_decref(shown);
  FAILS(ALWM_STATUS_UNKNOWN_INVOICE, alwm_invoice(meter, T("u1"), T("1999-01"), &json));
  REFUSED(alwm_invoice(meter, T("u1"), T("soon"), &json));
  scene_end(&own);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(plans_and_prices_are_read_and_put),
      cmocka_unit_test(calls_without_a_price_get_one_later),
      cmocka_unit_test(a_user_has_limits_of_its_own),
      cmocka_unit_test(a_subscription_lives),
      cmocka_unit_test(invoices_are_drafted_closed_paid_and_voided),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
