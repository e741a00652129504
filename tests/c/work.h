// What threads and processes do at once, and how it is checked.
#ifndef WORK_H
#define WORK_H

#include "frame.h"

// What one thread is given, and how many of its calls passed.
typedef struct job {
  const alwm_meter *meter;
  int calls;
  int passed;
} job;

// Records calls of `u1`.
void *record_many(void *own);
// Reserves and settles; a refusal is not passed. What fails otherwise makes the sum negative.
void *reserve_many(void *own);

// How many calls `u1` has made.
int64_t total_calls(const alwm_meter *meter);
void assert_verified(const alwm_meter *meter);

#endif
