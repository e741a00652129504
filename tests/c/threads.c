// Threads: one meter for all of them.
#include "work.h"

#include <pthread.h>

enum { THREADS = 8 };

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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(eight_threads_lose_nothing),
      cmocka_unit_test(eight_threads_pass_a_limit_of_100_exactly_100_times),
      cmocka_unit_test(errors_are_the_threads_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
