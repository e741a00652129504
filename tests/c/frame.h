// What the C tests share: a store in a folder of its own, and short ways to say what must hold.
#ifndef FRAME_H
#define FRAME_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alwrity_metering.h"

#define T(c_string) ALWM_TEXT(c_string)
#define COUNT(array) (sizeof(array) / sizeof *(array))
#define PICO_PER_USD INT64_C(1000000000000)

// 2025-10-07T12:00:00Z: the instant that most golden cases stand at.
#define NOON INT64_C(1759838400000000)

// The call succeeds; what it says otherwise is shown.
#define OK(call) assert_ok((call), #call, __FILE__, __LINE__)
void assert_ok(alwm_status status, const char *call, const char *file, int line);

// The call fails with that status, and the thread's last failure says so.
#define FAILS(status, call) assert_fails((status), (call), #call, __FILE__, __LINE__)
void assert_fails(alwm_status expected, alwm_status status, const char *call, const char *file,
                  int line);
#define REFUSED(call) FAILS(ALWM_STATUS_INVALID_ARGUMENT, call)

// A new folder, and the path of a store in it; `folder_remove` takes both away.
typedef struct folder {
  char path[64];
  char store[96];
} folder;
folder folder_new(void);
void folder_remove(const folder *own);

// A new store with the default plans and prices, whose clock stands at an instant.
typedef struct scene {
  folder folder;
  alwm_meter *meter;
} scene;
scene scene_at(int64_t now_us);
scene scene_new(void);
// The same with these options, and the options of `scene_at`, to be changed.
scene scene_with(const alwm_options *options);
alwm_options options_at(int64_t now_us);
void scene_end(scene *own);

// A record and a request with the most usual fields.
alwm_call_record record_of(const char *user, const char *provider, const char *model,
                           int64_t input_tokens, int64_t output_tokens);
alwm_call_request request_of(const char *user, const char *provider, const char *model,
                             int64_t input_tokens, int64_t max_output_tokens);

// Puts a user on a plan that nobody pays for.
void subscribe(alwm_meter *meter, const char *user, const char *plan);

// The JSON of an answer; the text is freed, the value is the caller's.
json_t *taken(alwm_string *json);
// A field by its path, such as `limits.0.name`; it fails when there is none.
json_t *at(json_t *json, const char *path);
const char *text_at(json_t *json, const char *path);
int64_t number_at(json_t *json, const char *path);

// Money as JSON shows it, from pico-dollars; and the other way round.
typedef struct money_text {
  char text[32];
} money_text;
money_text money(int64_t pico_usd);
int64_t pico_of(const char *decimal);

// Microseconds of an instant such as `2025-10-07T12:00:00Z`.
int64_t micros_of(const char *instant);

// A file of the repository; the text is the caller's.
char *file_text(const char *path);

#endif
