#include "work.h"

void *record_many(void *context) {
  job *own = context;
  for (int n = 0; n < own->calls; n++) {
    alwm_call_record record;
    alwm_call_record_init(&record, sizeof record);
    record.user = T("u1");
    record.provider = T("gemini");
    record.model = T("gemini-2.5-flash");
    record.units.input_tokens = 1;
    own->passed += alwm_record_call(own->meter, &record, NULL, NULL) == ALWM_STATUS_OK;
  }
  return NULL;
}

void *reserve_many(void *context) {
  job *own = context;
  for (int n = 0; n < own->calls; n++) {
    alwm_call_request request;
    alwm_call_request_init(&request, sizeof request);
    request.user = T("u1");
    request.provider = T("gemini");
    request.model = T("gemini-2.5-flash");
    request.input_tokens = 1;
    request.max_output_tokens = 1;
    alwm_reservation reservation = {.size = sizeof reservation};
    if (alwm_reserve(own->meter, &request, &reservation, NULL) != ALWM_STATUS_OK) {
      own->passed = -10000;
      break;
    }
    if (reservation.outcome != ALWM_OUTCOME_GRANTED) {
      continue;
    }
    alwm_call_outcome outcome;
    alwm_call_outcome_init(&outcome, sizeof outcome);
    outcome.units.input_tokens = 1;
    alwm_status settled =
        alwm_settle(own->meter, T("u1"), T(reservation.hold_id), &outcome, NULL, NULL);
    own->passed += settled == ALWM_STATUS_OK ? 1 : -10000;
  }
  return NULL;
}

int64_t total_calls(const alwm_meter *meter) {
  alwm_string json = {NULL, 0};
  OK(alwm_usage_summary(meter, T("u1"), T("current"), &json));
  json_t *summary = taken(&json);
  int64_t calls = number_at(summary, "total_calls");
  json_decref(summary);
  return calls;
}

void assert_verified(const alwm_meter *meter) {
  int32_t is_ok = 0;
  alwm_string json = {NULL, 0};
  OK(alwm_verify(meter, &is_ok, &json));
  if (!is_ok) {
    fail_msg("%s", json.bytes);
  }
  alwm_string_free(&json);
}
