// Processes: one file for all of them, and what a fork inherits.
#include "work.h"

#include <sys/wait.h>
#include <unistd.h>

enum { PROCESSES = 4 };

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
      // Under valgrind four of them take long.
      options.busy_timeout_ms = 120000;
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
      cmocka_unit_test(four_processes_lose_nothing_and_pass_no_limit),
      cmocka_unit_test(a_forked_child_uses_the_meter_that_it_inherited),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
