// The other side of bindings/c/benches/c.rs, which starts it and measures the same in Rust:
//
//   bench FOLDER
//
// For each line of standard input, `quote`, `check` or `batch`, it runs one round and answers how
// many nanoseconds that took.
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "alwrity_metering.h"

enum { QUOTES = 5000, CHECKS = 400, BATCHES = 4, BATCH = 100, USERS = 100 };

static void must(alwm_status status) {
  if (status != ALWM_STATUS_OK) {
    fprintf(stderr, "%s\n", alwm_last_message());
    exit(1);
  }
}

static alwm_meter *opened(const char *folder) {
  char path[4096];
  snprintf(path, sizeof path, "%s/c.db", folder);
  alwm_options options;
  must(alwm_options_init(&options, sizeof options));
  options.synchronous = ALWM_SYNCHRONOUS_NORMAL;
  alwm_meter *meter = NULL;
  must(alwm_open(ALWM_TEXT(path), &options, &meter));
  must(alwm_seed(meter, ALWM_TEXT("default"), NULL));
  for (int user = 0; user < USERS; user++) {
    char name[16];
    snprintf(name, sizeof name, "user-%d", user);
    alwm_subscribe_terms terms;
    must(alwm_subscribe_terms_init(&terms, sizeof terms));
    terms.plan_id = ALWM_TEXT("pro");
    terms.payment = ALWM_PAYMENT_WAIVED;
    terms.payment_text = ALWM_TEXT("test");
    alwm_string json = {NULL, 0};
    must(alwm_subscribe(meter, ALWM_TEXT(name), &terms, &json));
    alwm_string_free(&json);
  }
  return meter;
}

// A realistic record of the n-th call of 100 users; the same as in Rust.
static void fill(alwm_call_record *record, alwm_call_details *details, char name[16], int64_t n) {
  must(alwm_call_record_init(record, sizeof *record));
  must(alwm_call_details_init(details, sizeof *details));
  snprintf(name, 16, "user-%d", (int)(n % USERS));
  record->user = ALWM_TEXT(name);
  record->provider = ALWM_TEXT("openai");
  record->model = ALWM_TEXT("gpt-4o-mini");
  record->units.input_tokens = 400 + n * 37 % 1500;
  record->units.output_tokens = 50 + n * 13 % 700;
  details->response_time_ms = 300 + n * 7 % 4000;
  record->details = details;
}

// A struct of C is made once and asked with again: nothing is kept of it.
static void quote(const alwm_meter *meter) {
  alwm_call_record record;
  must(alwm_call_record_init(&record, sizeof record));
  record.provider = ALWM_TEXT("openai");
  record.model = ALWM_TEXT("gpt-4o-mini");
  alwm_price_quote answer = {.size = sizeof answer};
  for (int64_t n = 0; n < QUOTES; n++) {
    record.units.input_tokens = 400 + n % 1500;
    record.units.output_tokens = 50;
    must(alwm_quote(meter, &record, &answer, NULL));
    if (answer.cost_pico_usd == ALWM_NONE) {
      exit(1);
    }
  }
}

static void check(const alwm_meter *meter) {
  for (int n = 0; n < CHECKS; n++) {
    alwm_call_request request;
    must(alwm_call_request_init(&request, sizeof request));
    request.user = ALWM_TEXT("user-7");
    request.provider = ALWM_TEXT("openai");
    request.model = ALWM_TEXT("gpt-4o-mini");
    request.input_tokens = 900;
    request.max_output_tokens = 300;
    alwm_decision decision = {.size = sizeof decision};
    must(alwm_check_limit(meter, &request, &decision, NULL));
    if (!decision.allowed) {
      exit(1);
    }
  }
}

static void batch(const alwm_meter *meter) {
  static alwm_call_record records[BATCH];
  static alwm_call_details details[BATCH];
  static char names[BATCH][16];
  static alwm_receipt receipts[BATCH];
  static int64_t calls = 0;
  receipts[0].size = sizeof *receipts;
  for (int round = 0; round < BATCHES; round++) {
    for (int n = 0; n < BATCH; n++) {
      fill(&records[n], &details[n], names[n], calls++);
    }
    must(alwm_record_calls(meter, records, BATCH, NULL, receipts));
  }
}

int main(int count, char **arguments) {
  if (count != 2) {
    return 2;
  }
  alwm_meter *meter = opened(arguments[1]);
  char line[16];
  while (fgets(line, sizeof line, stdin) != NULL) {
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    line[0] == 'q' ? quote(meter) : line[0] == 'c' ? check(meter) : batch(meter);
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%" PRId64 "\n", (int64_t)(end.tv_sec - start.tv_sec) * 1000000000 + end.tv_nsec -
                                start.tv_nsec);
    fflush(stdout);
  }
  must(alwm_close(&meter));
  return 0;
}
