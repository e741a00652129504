#include "frame.h"

#include <ftw.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void assert_ok(alwm_status status, const char *call, const char *file, int line) {
  if (status == ALWM_STATUS_OK) {
    return;
  }
  print_error("%s:%d: %s: %d %s\n  %s\n  hint: %s\n", file, line, call, status, alwm_last_code(),
              alwm_last_message(), alwm_last_hint());
  _fail(file, line);
}

void assert_fails(alwm_status expected, alwm_status status, const char *call, const char *file,
                  int line) {
  bool is_told = alwm_last_status() == status && alwm_last_message()[0] != '\0' &&
                 alwm_last_hint()[0] != '\0' &&
                 strcmp(alwm_last_code(), alwm_status_code(status)) == 0;
  if (status == expected && is_told) {
    return;
  }
  print_error("%s:%d: %s: %d, not %d; last: %d %s\n", file, line, call, status, expected,
              alwm_last_status(), alwm_last_message());
  _fail(file, line);
}

folder folder_new(void) {
  folder own = {"/tmp/alwm-c-XXXXXX", ""};
  assert_non_null(mkdtemp(own.path));
  snprintf(own.store, sizeof own.store, "%s/metering.db", own.path);
  return own;
}

static int removed(const char *path, const struct stat *status, int kind, struct FTW *place) {
  (void)status, (void)kind, (void)place;
  return remove(path);
}

void folder_remove(const folder *own) { nftw(own->path, removed, 8, FTW_DEPTH | FTW_PHYS); }

static void copy_file(const char *from, const char *to) {
  char bytes[1 << 16];
  FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
  assert_true(in != NULL && out != NULL);
  for (size_t count; (count = fread(bytes, 1, sizeof bytes, in)) > 0;) {
    assert_int_equal(fwrite(bytes, 1, count, out), count);
  }
  fclose(in);
  fclose(out);
  // As the library makes it: nobody else reads it.
  assert_int_equal(chmod(to, 0600), 0);
}

// The store that every scene is copied from: to seed one takes a while, the more under valgrind.
static folder seed;

static void remove_seed(void) { folder_remove(&seed); }

static void make_seed(void) {
  seed = folder_new();
  atexit(remove_seed);
  alwm_meter *meter = NULL;
  OK(alwm_open(T(seed.store), NULL, &meter));
  OK(alwm_seed(meter, T("default"), NULL));
  OK(alwm_close(&meter));
}

scene scene_with(const alwm_options *options) {
  if (seed.path[0] == '\0') {
    make_seed();
  }
  scene own = {folder_new(), NULL};
  copy_file(seed.store, own.folder.store);
  OK(alwm_open(T(own.folder.store), options, &own.meter));
  return own;
}

alwm_options options_at(int64_t now_us) {
  alwm_options options;
  OK(alwm_options_init(&options, sizeof options));
  options.synchronous = ALWM_SYNCHRONOUS_NORMAL;
  options.now_us = now_us;
  return options;
}

scene scene_at(int64_t now_us) {
  alwm_options options = options_at(now_us);
  return scene_with(&options);
}

scene scene_new(void) { return scene_at(NOON); }

void scene_end(scene *own) {
  OK(alwm_close(&own->meter));
  folder_remove(&own->folder);
}

alwm_call_record record_of(const char *user, const char *provider, const char *model,
                           int64_t input_tokens, int64_t output_tokens) {
  alwm_call_record record;
  OK(alwm_call_record_init(&record, sizeof record));
  record.user = T(user);
  record.provider = T(provider);
  record.model = T(model);
  record.units.input_tokens = input_tokens;
  record.units.output_tokens = output_tokens;
  return record;
}

alwm_call_request request_of(const char *user, const char *provider, const char *model,
                             int64_t input_tokens, int64_t max_output_tokens) {
  alwm_call_request request;
  OK(alwm_call_request_init(&request, sizeof request));
  request.user = T(user);
  request.provider = T(provider);
  request.model = T(model);
  request.input_tokens = input_tokens;
  request.max_output_tokens = max_output_tokens;
  return request;
}

void subscribe(alwm_meter *meter, const char *user, const char *plan) {
  alwm_subscribe_terms terms;
  OK(alwm_subscribe_terms_init(&terms, sizeof terms));
  terms.plan_id = T(plan);
  terms.payment = ALWM_PAYMENT_WAIVED;
  terms.payment_text = T("test");
  alwm_string json = {NULL, 0};
  OK(alwm_subscribe(meter, T(user), &terms, &json));
  alwm_string_free(&json);
}

json_t *taken(alwm_string *json) {
  assert_non_null(json->bytes);
  assert_int_equal(json->length, strlen(json->bytes));
  json_error_t error;
  json_t *value = json_loads(json->bytes, JSON_DECODE_ANY, &error);
  if (value == NULL) {
    fail_msg("%s: %s", error.text, json->bytes);
  }
  alwm_string_free(json);
  assert_null(json->bytes);
  assert_int_equal(json->length, 0);
  return value;
}

json_t *at(json_t *json, const char *path) {
  char parts[128];
  snprintf(parts, sizeof parts, "%s", path);
  for (char *rest = NULL, *part = strtok_r(parts, ".", &rest); part != NULL;
       part = strtok_r(NULL, ".", &rest)) {
    json_t *inner = json_is_array(json) ? json_array_get(json, (size_t)atoi(part))
                                        : json_object_get(json, part);
    if (inner == NULL) {
      char *shown = json_dumps(json, JSON_ENCODE_ANY);
      print_error("no `%s` of `%s` in %s\n", part, path, shown);
      free(shown);
      fail();
    }
    json = inner;
  }
  return json;
}

const char *text_at(json_t *json, const char *path) {
  json_t *text = at(json, path);
  assert_true(json_is_string(text));
  return json_string_value(text);
}

int64_t number_at(json_t *json, const char *path) {
  json_t *number = at(json, path);
  assert_true(json_is_integer(number));
  return json_integer_value(number);
}

money_text money(int64_t pico_usd) {
  money_text shown;
  uint64_t pico = pico_usd < 0 ? 0 - (uint64_t)pico_usd : (uint64_t)pico_usd;
  uint64_t one = (uint64_t)PICO_PER_USD;
  int length = snprintf(shown.text, sizeof shown.text, "%s%llu.%012llu", pico_usd < 0 ? "-" : "",
                        (unsigned long long)(pico / one), (unsigned long long)(pico % one));
  while (shown.text[length - 1] == '0') {
    shown.text[--length] = '\0';
  }
  if (shown.text[length - 1] == '.') {
    shown.text[--length] = '\0';
  }
  return shown;
}

int64_t pico_of(const char *decimal) {
  int64_t pico = 0;
  int places = -1;
  for (const char *digit = decimal; *digit != '\0'; digit++) {
    if (*digit == '.') {
      places = 0;
      continue;
    }
    assert_in_range(*digit, '0', '9');
    pico = pico * 10 + (*digit - '0');
    places += places >= 0;
  }
  for (places = places < 0 ? 0 : places; places < 12; places++) {
    pico *= 10;
  }
  return pico;
}

int64_t micros_of(const char *instant) {
  struct tm civil = {0};
  const char *rest = strptime(instant, "%Y-%m-%dT%H:%M:%S", &civil);
  assert_non_null(rest);
  int64_t micros = 0;
  if (*rest == '.') {
    int64_t unit = 100000;
    for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10) {
      micros += (*rest - '0') * unit;
    }
  }
  assert_string_equal(rest, "Z");
  return (int64_t)timegm(&civil) * 1000000 + micros;
}

char *file_text(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    fail_msg("cannot read `%s`: run the tests in the root of the repository", path);
  }
  assert_int_equal(fseek(file, 0, SEEK_END), 0);
  long length = ftell(file);
  rewind(file);
  char *text = malloc((size_t)length + 1);
  assert_int_equal(fread(text, 1, (size_t)length, file), (size_t)length);
  text[length] = '\0';
  fclose(file);
  return text;
}
