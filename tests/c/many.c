// Threads, processes and forks: one meter for all threads, one file for all processes.
#include "frame.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 8, PROCESSES = 4 };

// What one thread is given, and how many of its calls passed.
typedef struct job {
  const alwm_meter *meter;
  int calls;
  int passed;
} job;

static void *record_many(void *context) {
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

// Reserves and settles; a refusal is not passed. What fails otherwise makes it end early.
static void *reserve_many(void *context) {
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

// Runs a work in 8 threads; how many passed in all.
static int in_threads(const alwm_meter *meter, void *(*work)(void *), int calls) {
  pthread_t threads[THREADS];
  job jobs[THREADS];
  int passed = 0;
  for (int n = 0; n < THREADS; n++) {
    jobs[n] = (job){meter, calls, 0};
    assert_int_equal(pthread_create(&threads[n], NULL, work, &jobs[n]), 0);
  }
  for (int n = 0; n < THREADS; n++) {
    assert_int_equal(pthread_join(threads[n], NULL), 0);
    passed += jobs[n].passed;
  }
  return passed;
}

static int64_t total_calls(const alwm_meter *meter) {
  alwm_string json = {NULL, 0};
  OK(alwm_usage_summary(meter, T("u1"), T("current"), &json));
  json_t *summary = taken(&json);
  int64_t calls = number_at(summary, "total_calls");
  json_decref(summary);
  return calls;
}

static void assert_verified(const alwm_meter *meter) {
  int32_t is_ok = 0;
  alwm_string json = {NULL, 0};
  OK(alwm_verify(meter, &is_ok, &json));
  if (!is_ok) {
    fail_msg("%s", json.bytes);
  }
  alwm_string_free(&json);
}

static void eight_threads_lose_nothing(void **state) {
  (void)state;
  scene own = scene_new();
  assert_int_equal(in_threads(own.meter, record_many, 50), THREADS * 50);
  assert_int_equal(total_calls(own.meter), THREADS * 50);
  assert_verified(own.meter);
  scene_end(&own);
}

static void eight_threads_pass_a_limit_of_100_exactly_100_times(void **state) {
  (void)state;
  scene own = scene_new();
  assert_int_equal(in_threads(own.meter, reserve_many, 20), 100);
  assert_int_equal(total_calls(own.meter), 100);
  assert_verified(own.meter);
  scene_end(&own);
}

static void errors_are_the_threads_own(void **state) {
  (void)state;
  scene own = scene_new();
  FAILS(ALWM_STATUS_UNKNOWN_HOLD, alwm_release(own.meter, T("u1"),
                                               T("00000000000000000000000000000000"), NULL, NULL));
  const char *message = alwm_last_message();
  assert_int_equal(in_threads(NULL, record_many, 3), 0);
  assert_ptr_equal(message, alwm_last_message());
  assert_int_equal(alwm_last_status(), ALWM_STATUS_UNKNOWN_HOLD);
  scene_end(&own);
}

// Runs a work in 4 forked processes, each with a meter of its own; how many passed in all.
static int in_processes(const char *store, void *(*work)(void *), int calls) {
  int results[2];
  assert_int_equal(pipe(results), 0);
  pid_t children[PROCESSES];
  for (int n = 0; n < PROCESSES; n++) {
    children[n] = fork();
    assert_true(children[n] >= 0);
    if (children[n] == 0) {
      job own = {NULL, calls, 0};
      alwm_meter *meter = NULL;
      alwm_options options = options_at(NOON);
      if (alwm_open(T(store), &options, &meter) == ALWM_STATUS_OK) {
        own.meter = meter;
        work(&own);
        alwm_close(&meter);
      }
      _exit(write(results[1], &own.passed, sizeof own.passed) != sizeof own.passed);
    }
  }
  int passed = 0, one = 0;
  for (int n = 0; n < PROCESSES; n++) {
    int status = -1;
    assert_int_equal(waitpid(children[n], &status, 0), children[n]);
    assert_int_equal(status, 0);
    assert_int_equal(read(results[0], &one, sizeof one), sizeof one);
    passed += one;
  }
  close(results[0]);
  close(results[1]);
  return passed;
}

static void four_processes_lose_nothing_and_pass_no_limit(void **state) {
  (void)state;
  scene own = scene_new();
  OK(alwm_close(&own.meter));
  assert_int_equal(in_processes(own.folder.store, reserve_many, 40), 100);
  assert_int_equal(in_processes(own.folder.store, record_many, 50), PROCESSES * 50);
  alwm_options options = options_at(NOON);
  OK(alwm_open(T(own.folder.store), &options, &own.meter));
  assert_int_equal(total_calls(own.meter), 100 + PROCESSES * 50);
  assert_verified(own.meter);
  scene_end(&own);
}

static void a_forked_child_uses_the_meter_that_it_inherited(void **state) {
  (void)state;
  scene own = scene_new();
  job parent = {own.meter, 10, 0};
  record_many(&parent);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    job inherited = {own.meter, 10, 0};
    record_many(&inherited);
    bool is_closed = alwm_close(&own.meter) == ALWM_STATUS_OK;
    _exit(inherited.passed == 10 && is_closed ? 0 : 1);
  }
  record_many(&parent);
  int status = -1;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  assert_int_equal(parent.passed, 20);
  assert_int_equal(total_calls(own.meter), 30);
  assert_verified(own.meter);
  scene_end(&own);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(eight_threads_lose_nothing),
      cmocka_unit_test(eight_threads_pass_a_limit_of_100_exactly_100_times),
      cmocka_unit_test(errors_are_the_threads_own),
      cmocka_unit_test(four_processes_lose_nothing_and_pass_no_limit),
      cmocka_unit_test(a_forked_child_uses_the_meter_that_it_inherited),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
