//! The columns that several statements name, each list written once.

/// The columns of the common units, for statements.
macro_rules! unit_columns {
    () => {
        "input_tokens, output_tokens, cached_input_tokens, cache_write_5m_tokens, \
         cache_write_1h_tokens, reasoning_tokens, input_audio_tokens, output_audio_tokens, \
         requests, searches, images, pages, seconds, characters"
    };
}

/// The columns of a counter's sums, for statements.
macro_rules! sum_columns {
    () => {
        concat!(
            "calls, limited_calls, failed_calls, unpriced_calls, timed_calls, response_time_ms, \
             cost_pico_usd, ",
            unit_columns!()
        )
    };
}

/// The columns of a call, in the order that `call` reads them.
macro_rules! call_columns {
    () => {
        concat!(
            "id, provider_id, operation_id, model_id, variant, usage_source, status_code, \
             call_count, occurred_at_us, recorded_at_us, period_starts_at_us, ",
            unit_columns!(),
            ", has_other_units, cost_pico_usd, cost_input_pico_usd, cost_output_pico_usd, \
             vendor_cost_pico_usd, price_version_id, price_match, is_late, actual_provider, \
             endpoint, method, response_time_ms, request_size_bytes, response_size_bytes, \
             retry_count, error_message, ip_address, user_agent, tags"
        )
    };
}

/// The id of the last call that was ever recorded, pruned ones too: an id is never given twice.
macro_rules! last_call_id {
    () => {
        "max(ifnull((SELECT max(id) FROM calls), 0), \
         ifnull((SELECT max(call_id) FROM pruned_calls), 0))"
    };
}

/// Whether the user `u` has open holds, overdue ones included.
macro_rules! has_open_holds {
    () => {
        "EXISTS (SELECT 1 FROM holds WHERE user_id = u.id AND state = 0)"
    };
}
