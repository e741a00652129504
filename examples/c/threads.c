// Eight threads share one meter and meet a limit: what passes is exactly what the plan allows.
#include <pthread.h>
#include <stdio.h>

#include "alwrity_metering.h"

enum { THREADS = 8, CALLS = 20, LIMIT = 100 };

typedef struct worker {
  pthread_t thread;
  const alwm_meter *meter;
  int passed;
  int refused;
  int failed;
} worker;

static void *work(void *context) {
  worker *own = context;
  for (int n = 0; n < CALLS; n++) {
    alwm_call_request request;
    alwm_call_request_init(&request, sizeof request);
    request.user = ALWM_TEXT("ada");
    request.provider = ALWM_TEXT("gemini");
    request.model = ALWM_TEXT("gemini-2.5-flash");
    request.input_tokens = 10;
    request.max_output_tokens = 10;
    alwm_reservation hold = {.size = sizeof hold};
    if (alwm_reserve(own->meter, &request, &hold, NULL) != ALWM_STATUS_OK) {
      own->failed++;
    } else if (hold.outcome == ALWM_OUTCOME_REFUSED) {
      own->refused++;
    } else {
      // … the call is made here …
      alwm_call_outcome outcome;
      alwm_call_outcome_init(&outcome, sizeof outcome);
      outcome.units.input_tokens = 10;
      outcome.units.output_tokens = 7;
      alwm_status settled = alwm_settle(own->meter, request.user, ALWM_TEXT(hold.hold_id), &outcome,
                                        NULL, NULL);
      settled == ALWM_STATUS_OK ? own->passed++ : own->failed++;
    }
  }
  return NULL;
}

int main(int count, char **arguments) {
  const char *path = count > 1 ? arguments[1] : "metering.db";
  alwm_meter *meter = NULL;
  if (alwm_open(ALWM_TEXT(path), NULL, &meter) != ALWM_STATUS_OK ||
      alwm_seed(meter, ALWM_TEXT("default"), NULL) != ALWM_STATUS_OK) {
    fprintf(stderr, "%s\n  hint: %s\n", alwm_last_message(), alwm_last_hint());
    return 1;
  }
  worker workers[THREADS];
  int passed = 0, refused = 0, failed = 0;
  for (int n = 0; n < THREADS; n++) {
    workers[n] = (worker){.meter = meter};
    if (pthread_create(&workers[n].thread, NULL, work, &workers[n]) != 0) {
      perror("pthread_create");
      return 1;
    }
  }
  for (int n = 0; n < THREADS; n++) {
    pthread_join(workers[n].thread, NULL);
    passed += workers[n].passed;
    refused += workers[n].refused;
    failed += workers[n].failed;
  }
  printf("%d passed, %d were refused, %d failed\n", passed, refused, failed);
  alwm_close(&meter);
  return passed == LIMIT && refused == THREADS * CALLS - LIMIT && failed == 0 ? 0 : 1;
}
