//! Limits as people read them: one table, wherever they are shown.

use alwrity_metering::{LimitState, Metric, Operation};

use crate::context::Context;
use crate::sheet::Column::{Number, Text};
use crate::sheet::or_dash;

/// Where limits stand.
pub(crate) fn limits_text(limits: &[LimitState], context: &Context<'_>) -> String {
    let mut sheet = context.sheet(&[
        Text("limit"),
        Text("counts"),
        Text("window"),
        Text("policy"),
        Number("maximum"),
        Number("used"),
        Number("held"),
        Number("remaining"),
        Number("used_percent"),
        Text("resets_at"),
        Text("from"),
    ]);
    for state in limits {
        sheet.row([
            state.name.clone(),
            counts(state),
            state.window.to_string(),
            state.policy.to_string(),
            state.maximum.map_or("unlimited".to_owned(), |maximum| maximum.to_string()),
            state.used.to_string(),
            state.held.to_string(),
            or_dash(state.remaining),
            or_dash(state.used_percent.map(|share| format!("{share}%"))),
            or_dash(state.resets_at),
            if state.is_override { "user".to_owned() } else { "plan".to_owned() },
        ]);
    }
    sheet.render()
}

/// What is counted, of whom.
fn counts(state: &LimitState) -> String {
    let metric = match &state.metric {
        Metric::Cost => "cost",
        metric => metric.name(),
    };
    let scope = [state.provider.as_deref(), state.operation.as_ref().map(Operation::as_str)];
    let scope: Vec<&str> = scope.into_iter().flatten().collect();
    if scope.is_empty() { metric.to_owned() } else { format!("{metric} of {}", scope.join(" ")) }
}

/// One limit in one line: what refuses or is the tightest.
pub(crate) fn limit_line(state: &LimitState) -> String {
    let maximum = state.maximum.map_or("no maximum".to_owned(), |maximum| maximum.to_string());
    format!(
        "{}: used {}, held {}, wanted {}, of {maximum}",
        state.name, state.used, state.held, state.wanted
    )
}
