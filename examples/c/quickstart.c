// Reserve, make the call, settle: the shortest whole program.
#include <inttypes.h>
#include <stdio.h>

#include "alwrity_metering.h"

static int failed(const char *what) {
  fprintf(stderr, "%s: %s\n  hint: %s\n", what, alwm_last_message(), alwm_last_hint());
  return 1;
}

int main(int count, char **arguments) {
  const char *path = count > 1 ? arguments[1] : "metering.db";
  alwm_meter *meter = NULL;
  if (alwm_open(ALWM_TEXT(path), NULL, &meter) != ALWM_STATUS_OK) {
    return failed("open");
  }
  // Plans and prices; once, and harmless when repeated.
  if (alwm_seed(meter, ALWM_TEXT("default"), NULL) != ALWM_STATUS_OK) {
    return failed("seed");
  }

  alwm_call_request request;
  alwm_call_request_init(&request, sizeof request);
  request.user = ALWM_TEXT("ada");
  request.provider = ALWM_TEXT("gemini");
  request.model = ALWM_TEXT("gemini-2.5-flash");
  request.input_tokens = 900;
  request.max_output_tokens = 800;

  alwm_reservation hold = {.size = sizeof hold};
  if (alwm_reserve(meter, &request, &hold, NULL) != ALWM_STATUS_OK) {
    return failed("reserve");
  }
  if (hold.outcome == ALWM_OUTCOME_REFUSED) {
    printf("%s\n", hold.message);
  } else if (hold.outcome == ALWM_OUTCOME_GRANTED) {
    // … call the provider; it used 512 output tokens …
    alwm_call_outcome outcome;
    alwm_call_outcome_init(&outcome, sizeof outcome);
    outcome.units.input_tokens = 900;
    outcome.units.output_tokens = 512;
    alwm_receipt receipt = {.size = sizeof receipt};
    alwm_text hold_id = ALWM_TEXT(hold.hold_id);
    if (alwm_settle(meter, request.user, hold_id, &outcome, &receipt, NULL) != ALWM_STATUS_OK) {
      return failed("settle");
    }
    printf("call %" PRId64 " cost %" PRId64 " pico-dollars\n", receipt.call_id,
           receipt.cost_pico_usd);
  }

  alwm_string summary = {NULL, 0};
  if (alwm_usage_summary(meter, request.user, ALWM_TEXT("current"), &summary) != ALWM_STATUS_OK) {
    return failed("summary");
  }
  printf("%s\n", summary.bytes);
  alwm_string_free(&summary);
  return alwm_close(&meter) == ALWM_STATUS_OK ? 0 : failed("close");
}
