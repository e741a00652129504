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

enum { CHILDREN = 8, QUEUED = 20 };

// Queues calls whose keys the library makes, once all children are ready.
static bool queue_when_told(alwm_meter *meter, int ready, int go) {
  alwm_string json = {NULL, 0};
  bool is_well = alwm_limits(meter, T("u1"), &json) == ALWM_STATUS_OK;
  alwm_string_free(&json);
  char byte = 0;
  is_well = write(ready, &byte, 1) == 1 && read(go, &byte, 1) == 0 && is_well;
  alwm_call_record record = record_of("u1", "gemini", "gemini-2.5-flash", 1, 1);
  for (int n = 0; n < QUEUED; n++) {
    is_well = alwm_queue_call(meter, &record, NULL) == ALWM_STATUS_OK && is_well;
  }
  return alwm_close(&meter) == ALWM_STATUS_OK && is_well;
}

// What a child inherits includes the state of whatever is random: two children that made the same
// key in one millisecond would be one call, and a duplicate.
static void children_of_one_parent_make_keys_of_their_own(void **state) {
  (void)state;
  scene own = scene_new();
  job parent = {own.meter, 1, 0};
  record_many(&parent);
  int ready[2], go[2];
  assert_true(pipe(ready) == 0 && pipe(go) == 0);
  pid_t children[CHILDREN];
  for (int n = 0; n < CHILDREN; n++) {
    children[n] = fork();
    assert_true(children[n] >= 0);
    if (children[n] == 0) {
      close(go[1]);
      _exit(queue_when_told(own.meter, ready[1], go[0]) ? 0 : 1);
    }
  }
  char byte = 0;
  for (int n = 0; n < CHILDREN; n++) {
    assert_int_equal(read(ready[0], &byte, 1), 1);
  }
  // All of them see the end of the pipe at once.
  close(go[1]);
  for (int n = 0; n < CHILDREN; n++) {
    int status = -1;
    assert_int_equal(waitpid(children[n], &status, 0), children[n]);
    assert_int_equal(status, 0);
  }
  assert_int_equal(total_calls(own.meter), 1 + CHILDREN * QUEUED);
  assert_verified(own.meter);
  close(ready[0]), close(ready[1]), close(go[0]);
  scene_end(&own);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(four_processes_lose_nothing_and_pass_no_limit),
      cmocka_unit_test(a_forked_child_uses_the_meter_that_it_inherited),
      cmocka_unit_test(children_of_one_parent_make_keys_of_their_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
