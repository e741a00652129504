// Alerts and their way out, the log, proof, retention, the clock.
#include "frame.h"

// A scene whose user has used up a limit, so that alerts were raised.
static scene scene_of_a_full_user(const char *channels) {
  alwm_options options = options_at(NOON);
  options.alert_channels = T(channels);
  scene own = scene_with(&options);
  alwm_call_record record = record_of("u1", "gemini", "gemini-2.5-flash", 10, 1);
  record.call_count = 100;
  OK(alwm_record_call(own.meter, &record, NULL, NULL));
  return own;
}

static void alerts_are_read_and_put_away(void **state) {
  (void)state;
  scene own = scene_of_a_full_user(NULL);
  alwm_string json = {NULL, 0};
  OK(alwm_alerts(own.meter, T("u1"), NULL, &json));
  json_t *page = taken(&json);
  int64_t total = number_at(page, "total"), id = number_at(page, "alerts.0.id");
  assert_true(total > 0);
  assert_int_equal(number_at(page, "unread_count"), total);
  json_decref(page);
  OK(alwm_mark_read(own.meter, T("u1"), id));
  alwm_alert_filter filter;
  OK(alwm_alert_filter_init(&filter, sizeof filter));
  filter.is_unread = 1;
  filter.alert_type = T("usage_threshold");
  filter.limit = 1;
  OK(alwm_alerts(own.meter, T("u1"), &filter, &json));
  page = taken(&json);
  assert_int_equal(number_at(page, "total"), total - 1);
  assert_true(json_array_size(at(page, "alerts")) <= 1);
  json_decref(page);
  int64_t marked = -1;
  OK(alwm_mark_all_read(own.meter, T("u1"), &marked));
  assert_int_equal(marked, total - 1);
  OK(alwm_dismiss(own.meter, T("u1"), id));
  OK(alwm_alert_filter_init(&filter, sizeof filter));
  filter.with_dismissed = 1;
  OK(alwm_alerts(own.meter, T("u1"), &filter, &json));
  page = taken(&json);
  assert_int_equal(number_at(page, "total"), total);
  json_decref(page);
  FAILS(ALWM_STATUS_UNKNOWN_ALERT, alwm_mark_read(own.meter, T("u1"), 9999));
  OK(alwm_limits(own.meter, T("u2"), &json));
  alwm_string_free(&json);
  FAILS(ALWM_STATUS_ALERT_OF_ANOTHER, alwm_dismiss(own.meter, T("u2"), id));
  filter.severity = T("loud");
  FAILS(ALWM_STATUS_INVALID_NAME, alwm_alerts(own.meter, T("u1"), &filter, &json));
  scene_end(&own);
}

// What a channel is asked: how often, and what it answers.
typedef struct channel {
  int32_t answer;
  int sent;
} channel;

static int32_t send_alert(void *context, const char *message_id, const char *delivery) {
  channel *own = context;
  assert_int_equal(strncmp(message_id, "msg_", 4), 0);
  json_t *shown = json_loads(delivery, 0, NULL);
  assert_non_null(shown);
  assert_string_equal(text_at(shown, "message_id"), message_id);
  assert_string_equal(text_at(shown, "alert.user"), "u1");
  json_decref(shown);
  own->sent++;
  return own->answer;
}

static void alerts_leave_by_a_channel_of_the_caller(void **state) {
  (void)state;
  scene own = scene_of_a_full_user("pager");
  channel pager = {1, 0};
  alwm_string json = {NULL, 0};
  OK(alwm_deliver_alerts(own.meter, T("pager"), send_alert, &pager, &json));
  json_t *shown = taken(&json);
  int64_t count = number_at(shown, "postponed");
  assert_true(count > 0 && pager.sent == count);
  json_decref(shown);
  OK(alwm_set_now(own.meter, NOON + 60000000));
  pager.answer = 0;
  OK(alwm_deliver_alerts(own.meter, T("pager"), send_alert, &pager, &json));
  shown = taken(&json);
  assert_int_equal(number_at(shown, "sent"), count);
  json_decref(shown);
  OK(alwm_outbox(own.meter, &json));
  shown = taken(&json);
  assert_int_equal(number_at(shown, "0.done"), count);
  json_decref(shown);
  REFUSED(alwm_deliver_alerts(own.meter, T("pager"), NULL, NULL, NULL));
  scene_end(&own);

  own = scene_of_a_full_user("pager");
  pager.answer = 2;
  OK(alwm_deliver_alerts(own.meter, T("pager"), send_alert, &pager, &json));
  shown = taken(&json);
  assert_int_equal(number_at(shown, "given_up"), count);
  json_decref(shown);
  scene_end(&own);
}

// Bends the file behind the library's back, with the shell that `make setup` installs.
static void bend(const char *path, const char *sql) {
  char command[512];
  snprintf(command, sizeof command, "sqlite3 '%s' '%s'", path, sql);
  assert_int_equal(system(command), 0);
}

static void verify_finds_a_difference_and_rebuild_restores_it(void **state) {
  (void)state;
  scene own = scene_of_a_full_user(NULL);
  int32_t is_ok = -1;
  alwm_string json = {NULL, 0};
  OK(alwm_verify(own.meter, &is_ok, &json));
  assert_int_equal(is_ok, 1);
  json_t *shown = taken(&json);
  assert_true(json_is_true(at(shown, "is_ok")));
  json_decref(shown);
  OK(alwm_close(&own.meter));
  bend(own.folder.store, "UPDATE counters SET calls = calls + 1");
  alwm_options options = options_at(NOON);
  OK(alwm_open(T(own.folder.store), &options, &own.meter));
  OK(alwm_verify(own.meter, &is_ok, NULL));
  assert_int_equal(is_ok, 0);
  alwm_alert_filter filter;
  OK(alwm_alert_filter_init(&filter, sizeof filter));
  OK(alwm_flush(own.meter));
  OK(alwm_operator_alerts(own.meter, &filter, &json));
  shown = taken(&json);
  assert_int_equal(number_at(shown, "total"), 1);
  OK(alwm_dismiss_operator_alert(own.meter, number_at(shown, "alerts.0.id")));
  json_decref(shown);
  int64_t rows = 0;
  OK(alwm_rebuild(own.meter, &rows));
  assert_true(rows > 0);
  OK(alwm_rebuild(own.meter, NULL));
  OK(alwm_verify(own.meter, &is_ok, NULL));
  assert_int_equal(is_ok, 1);
  scene_end(&own);
}

static void old_calls_are_pruned_and_users_erased(void **state) {
  (void)state;
  scene own = scene_of_a_full_user(NULL);
  OK(alwm_set_now(own.meter, NOON + 3600000000));
  alwm_string json = {NULL, 0};
  OK(alwm_prune_dry_run(own.meter, NOON + 1, &json));
  json_t *shown = taken(&json);
  assert_int_equal(number_at(shown, "calls"), 1);
  assert_true(json_is_false(at(shown, "is_applied")));
  json_decref(shown);
  OK(alwm_prune(own.meter, NOON + 1, &json));
  shown = taken(&json);
  assert_true(json_is_true(at(shown, "is_applied")));
  json_decref(shown);
  REFUSED(alwm_prune(own.meter, NOON + 7200000000, &json));
  OK(alwm_export_user(own.meter, T("u1"), &json));
  shown = taken(&json);
  assert_true(json_is_object(shown) && json_object_size(shown) > 5);
  json_decref(shown);
  OK(alwm_erase_user(own.meter, T("u1"), &json));
  json_decref(taken(&json));
  FAILS(ALWM_STATUS_UNKNOWN_USER, alwm_export_user(own.meter, T("u1"), &json));
  scene_end(&own);
}

static void the_clock_is_given_or_the_systems(void **state) {
  (void)state;
  scene own = scene_new();
  int64_t now = 0;
  OK(alwm_now(own.meter, &now));
  assert_int_equal(now, NOON);
  OK(alwm_set_now(own.meter, NOON - 5));
  OK(alwm_now(own.meter, &now));
  assert_int_equal(now, NOON - 5);
  scene_end(&own);
  own = scene_with(NULL);
  OK(alwm_now(own.meter, &now));
  assert_true(now > NOON);
  REFUSED(alwm_set_now(own.meter, NOON));
  scene_end(&own);
}

static void options_may_come_from_the_environment(void **state) {
  (void)state;
  alwm_options options = options_at(NOON);
  setenv("ALWRITY_METERING_QUERY_ROWS_MAX", "2", 1);
  for (int32_t reads = 0; reads < 2; reads++) {
    options.reads_environment = reads;
    scene own = scene_with(&options);
    alwm_rows *rows = NULL;
    OK(alwm_query(own.meter, T("SELECT unit FROM units"), &rows));
    int32_t is_cut = -1;
    OK(alwm_rows_is_cut(rows, &is_cut));
    assert_int_equal(is_cut, reads);
    OK(alwm_rows_close(&rows));
    scene_end(&own);
  }
  setenv("ALWRITY_METERING_QUERY_ROWS_MAX", "none", 1);
  alwm_meter *meter = NULL;
  FAILS(ALWM_STATUS_INVALID_OPTION, alwm_open(T("/tmp/alwm-never.db"), &options, &meter));
  unsetenv("ALWRITY_METERING_QUERY_ROWS_MAX");
}

// What the log said last.
typedef struct heard {
  int lines;
  int32_t level;
  char target[64];
  char message[256];
  alwm_status from_inside;
} heard;

static void hear(void *context, int32_t level, const char *target, const char *message) {
  heard *own = context;
  own->lines++;
  own->level = level;
  snprintf(own->target, sizeof own->target, "%s", target);
  snprintf(own->message, sizeof own->message, "%s", message);
  own->from_inside = alwm_set_log(ALWM_LOG_LEVEL_ERROR, NULL, NULL);
}

static void the_log_tells_what_happens_down_to_a_level(void **state) {
  (void)state;
  scene own = scene_new();
  heard listener = {0, 0, "", "", ALWM_STATUS_OK};
  OK(alwm_set_log(ALWM_LOG_LEVEL_WARN, hear, &listener));
  alwm_call_record record = record_of("u1", "acme", "a-1", 10, 1);
  OK(alwm_record_call(own.meter, &record, NULL, NULL));
  assert_int_equal(listener.lines, 2);
  assert_int_equal(listener.level, ALWM_LOG_LEVEL_WARN);
  assert_string_equal(listener.target, "alwrity_metering::meter");
  assert_string_equal(listener.message,
                      "no price is known call_id=1 provider=\"acme\" model=\"a-1\" operation=chat");
  assert_int_equal(listener.from_inside, ALWM_STATUS_INVALID_ARGUMENT);
  OK(alwm_set_log(ALWM_LOG_LEVEL_ERROR, hear, &listener));
  OK(alwm_record_call(own.meter, &record, NULL, NULL));
  assert_int_equal(listener.lines, 2);
  OK(alwm_set_log(ALWM_LOG_LEVEL_DEBUG, hear, &listener));
  OK(alwm_record_call(own.meter, &record, NULL, NULL));
  assert_true(listener.lines > 2);
  int lines = listener.lines;
  OK(alwm_set_log(0, NULL, NULL));
  OK(alwm_record_call(own.meter, &record, NULL, NULL));
  assert_int_equal(listener.lines, lines);
  scene_end(&own);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(alerts_are_read_and_put_away),
      cmocka_unit_test(alerts_leave_by_a_channel_of_the_caller),
      cmocka_unit_test(verify_finds_a_difference_and_rebuild_restores_it),
      cmocka_unit_test(old_calls_are_pruned_and_users_erased),
      cmocka_unit_test(the_clock_is_given_or_the_systems),
      cmocka_unit_test(options_may_come_from_the_environment),
      cmocka_unit_test(the_log_tells_what_happens_down_to_a_level),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
