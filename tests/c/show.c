// Shows an answer as JSON, for a comparison with the command's `--json`:
//
//   show FILE NOW_US VERB
//
// The user is `ada`, and the arguments are those of tests/c/same_json.py.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alwrity_metering.h"

static alwm_meter *meter;
static alwm_string json;

static alwm_status show(const char *verb) {
  alwm_text ada = ALWM_TEXT("ada"), none = {NULL, 0};
  alwm_call_record record;
  alwm_call_request request;
  alwm_call_record_init(&record, sizeof record);
  alwm_call_request_init(&request, sizeof request);
  record.user = request.user = ada;
  record.provider = request.provider = ALWM_TEXT("openai");
  record.model = request.model = ALWM_TEXT("gpt-4o-mini");
  record.units.input_tokens = request.input_tokens = 1200;
  record.units.output_tokens = request.max_output_tokens = 310;
  alwm_price_quote quote = {.size = sizeof quote};
  alwm_decision decision = {.size = sizeof decision};
  int32_t is_ok = 0;
  if (strcmp(verb, "usage") == 0) return alwm_usage_summary(meter, ada, none, &json);
  if (strcmp(verb, "dashboard") == 0) return alwm_dashboard(meter, ada, &json);
  if (strcmp(verb, "trends") == 0) return alwm_trends(meter, ada, 6, &json);
  if (strcmp(verb, "days") == 0) return alwm_daily_trends(meter, ada, 7, &json);
  if (strcmp(verb, "compare") == 0) return alwm_compare(meter, ada, 30, ALWM_NONE, &json);
  if (strcmp(verb, "hints") == 0) {
    return alwm_hints(meter, ada, 30, ALWM_HINT_SCOPE_USED_PROVIDERS, &json);
  }
  if (strcmp(verb, "limits") == 0) return alwm_limits(meter, ada, &json);
  if (strcmp(verb, "plans") == 0) return alwm_plans(meter, &json);
  if (strcmp(verb, "prices") == 0) return alwm_prices(meter, ALWM_TEXT("openai"), &json);
  if (strcmp(verb, "calls") == 0) return alwm_calls(meter, ada, NULL, &json, NULL);
  if (strcmp(verb, "alerts") == 0) return alwm_alerts(meter, ada, NULL, &json);
  if (strcmp(verb, "invoice") == 0) return alwm_invoice(meter, ada, none, &json);
  if (strcmp(verb, "invoices") == 0) return alwm_billing_history(meter, ada, &json);
  if (strcmp(verb, "users") == 0) return alwm_users(meter, &json);
  if (strcmp(verb, "unpriced") == 0) return alwm_unpriced(meter, &json);
  if (strcmp(verb, "re-rate") == 0) return alwm_re_rate_dry_run(meter, &json);
  if (strcmp(verb, "verify") == 0) return alwm_verify(meter, &is_ok, &json);
  if (strcmp(verb, "export-user") == 0) return alwm_export_user(meter, ada, &json);
  if (strcmp(verb, "quote") == 0) return alwm_quote(meter, &record, &quote, &json);
  if (strcmp(verb, "check") == 0) return alwm_check_limit(meter, &request, &decision, &json);
  if (strcmp(verb, "preview") == 0) {
    const char *change = "{\"change\": \"upgrade\", \"plan_id\": \"enterprise\"}";
    return alwm_preview_change(meter, ada, ALWM_TEXT(change), &json);
  }
  if (strcmp(verb, "query") == 0) {
    alwm_rows *rows = NULL;
    alwm_status status = alwm_query(meter, ALWM_TEXT("SELECT * FROM usage_by_provider"), &rows);
    status = status == ALWM_STATUS_OK ? alwm_rows_json(rows, &json) : status;
    alwm_rows_close(&rows);
    return status;
  }
  fprintf(stderr, "there is no verb `%s`\n", verb);
  exit(2);
}

int main(int count, char **arguments) {
  alwm_options options;
  alwm_options_init(&options, sizeof options);
  if (count != 4) {
    return 2;
  }
  options.now_us = strtoll(arguments[2], NULL, 10);
  if (alwm_open(ALWM_TEXT(arguments[1]), &options, &meter) != ALWM_STATUS_OK ||
      show(arguments[3]) != ALWM_STATUS_OK) {
    fprintf(stderr, "%s\n", alwm_last_message());
    return 1;
  }
  puts(json.bytes);
  alwm_string_free(&json);
  return alwm_close(&meter) != ALWM_STATUS_OK;
}
