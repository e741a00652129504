// A metering loop: reads one call a line from standard input, records them in batches, and shows
// what each user spent with each provider.
//
//   printf 'ada openai gpt-4o-mini 1200 310\n' | loop metering.db
//
// A line is: user provider model input_tokens output_tokens
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "alwrity_metering.h"

enum { BATCH = 100, UNTOLD = -1 };

typedef struct line {
  char user[64];
  char provider[64];
  char model[128];
} line;

static line lines[BATCH];
static alwm_call_record records[BATCH];
static alwm_status statuses[BATCH];

// Records what was read; how many calls were not recorded.
static size_t flush(const alwm_meter *meter, size_t count) {
  size_t failed = 0;
  for (size_t n = 0; n < count; n++) {
    statuses[n] = UNTOLD;
  }
  alwm_status whole = alwm_record_calls(meter, records, count, statuses, NULL);
  for (size_t n = 0; n < count; n++) {
    // A failure of the whole writes no status: it is that of each call.
    alwm_status own = statuses[n] == UNTOLD ? whole : statuses[n];
    if (own != ALWM_STATUS_OK) {
      fprintf(stderr, "a call of `%s`: %s, %s\n", lines[n].user, alwm_status_code(own),
              alwm_status_hint(own));
      failed++;
    }
  }
  return failed;
}

static int show(const alwm_meter *meter) {
  const char *sql = "SELECT user_id, provider, calls, cost FROM usage_by_provider";
  alwm_rows *rows = NULL;
  int32_t has_row = 0;
  if (alwm_query(meter, ALWM_TEXT(sql), &rows) != ALWM_STATUS_OK) {
    return 1;
  }
  while (alwm_rows_next(rows, &has_row) == ALWM_STATUS_OK && has_row) {
    alwm_text user, provider, cost;
    int64_t calls = 0;
    if (alwm_rows_text(rows, 0, &user) != ALWM_STATUS_OK ||
        alwm_rows_text(rows, 1, &provider) != ALWM_STATUS_OK ||
        alwm_rows_int64(rows, 2, &calls) != ALWM_STATUS_OK ||
        alwm_rows_text(rows, 3, &cost) != ALWM_STATUS_OK) {
      alwm_rows_close(&rows);
      return 1;
    }
    printf("%.*s %.*s: %" PRId64 " calls, $%.*s\n", (int)user.length, user.bytes,
           (int)provider.length, provider.bytes, calls, (int)cost.length, cost.bytes);
  }
  alwm_rows_close(&rows);
  return 0;
}

int main(int count, char **arguments) {
  alwm_meter *meter = NULL;
  if (count != 2) {
    fprintf(stderr, "usage: loop FILE <CALLS\n");
    return 2;
  }
  if (alwm_open(ALWM_TEXT(arguments[1]), NULL, &meter) != ALWM_STATUS_OK ||
      alwm_seed(meter, ALWM_TEXT("default"), NULL) != ALWM_STATUS_OK) {
    fprintf(stderr, "%s\n  hint: %s\n", alwm_last_message(), alwm_last_hint());
    return 1;
  }
  size_t waiting = 0, failed = 0;
  long long input = 0, output = 0;
  for (line *own = lines; scanf("%63s %63s %127s %lld %lld", own->user, own->provider, own->model,
                                &input, &output) == 5;
       own = &lines[waiting]) {
    alwm_call_record *record = &records[waiting++];
    alwm_call_record_init(record, sizeof *record);
    record->user = ALWM_TEXT(own->user);
    record->provider = ALWM_TEXT(own->provider);
    record->model = ALWM_TEXT(own->model);
    record->units.input_tokens = input;
    record->units.output_tokens = output;
    if (waiting == BATCH) {
      failed += flush(meter, waiting);
      waiting = 0;
    }
  }
  failed += flush(meter, waiting);
  int status = show(meter);
  if (alwm_close(&meter) != ALWM_STATUS_OK || status != 0) {
    fprintf(stderr, "%s\n  hint: %s\n", alwm_last_message(), alwm_last_hint());
    return 1;
  }
  return failed == 0 ? 0 : 1;
}
