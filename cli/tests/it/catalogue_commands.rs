//! `plans`, `prices`, `quote`, `unpriced`, `re-rate`.

use crate::bench::{Bench, words};

const PLANS: &str = r#"
[[plan]]
id = "trial"
name = "Trial"
tier = "free"
price_monthly_usd = "0"
price_yearly_usd = "0"

[[plan.limit]]
name = "chats"
metric = "calls"
operation = "chat"
window = "day"
maximum = "3"

[[plan.limit]]
name = "spend"
metric = "cost_usd"
maximum = "0.5"
policy = "soft"
"#;

#[test]
fn plans_are_put_from_a_file_and_shown() {
    let bench = Bench::new();
    let file = bench.write("plans.toml", PLANS);
    bench.run(&["plans", "set", &file]).shows(
        "
        exit 0
        --- out
        plan   name   tier  monthly  yearly  offered
        trial  Trial  free       $0      $0  yes

        limit  trial
        chats  3 a day
        spend  $0.5 (soft)
        ",
    );
    let plans = bench.json(&["plans"]);
    assert_eq!(plans.as_array().unwrap().len(), 5);
    let trial = plans.as_array().unwrap().iter().find(|plan| plan["id"] == "trial").unwrap();
    assert_eq!(trial["limits"][0]["maximum"], 3);
    assert_eq!(trial["limits"][1]["maximum"], "0.5");
    assert_eq!(trial["limits"][1]["policy"], "soft");
    let free = &plans[0]["limits"];
    let unlimited = free.as_array().unwrap().iter().find(|one| one["maximum"].is_null());
    assert_eq!(unlimited.unwrap()["name"], "ai_text_generation_calls");
}

#[test]
fn the_plans_of_a_file_are_put_together_or_not_at_all() {
    let bench = Bench::new();
    let version = || -> i64 {
        let shown = bench.run(&["query", "SELECT catalogue_version FROM store"]).out;
        shown.split_whitespace().last().unwrap().parse().unwrap()
    };
    let before = version();
    let two = format!("{PLANS}{}", PLANS.replace("trial", "trial_2"));
    let file = bench.write("plans.toml", &two);
    assert_eq!(bench.run(&["plans", "set", &file]).code, 0);
    assert_eq!(bench.json(&["plans"]).as_array().unwrap().len(), 6);
    assert_eq!(version(), before + 1, "one transaction");
}

#[test]
fn a_plan_file_that_cannot_be_read_changes_nothing() {
    let bench = Bench::new();
    let file = bench.write("plans.toml", "[[plan]]\nid = 1\n");
    bench
        .run(&["plans", "set", &file])
        .shows(include_str!("shown/a_plan_file_that_cannot_be_read_changes_nothing.txt"));
    let ran = bench.run(&["plans", "set", "nowhere.toml"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.starts_with("error: could not read `nowhere.toml`: "), "{ran}");
    assert_eq!(bench.json(&["plans"]).as_array().unwrap().len(), 4);
}

#[test]
fn the_default_plans_are_a_matrix() {
    let out = Bench::new().run(&["plans"]).out;
    for line in [
        "pro         Pro         pro             $79    $790  yes",
        "gemini_tokens             100000     1000000    5000000    unlimited",
        "openai_calls              0          500        2500       unlimited",
    ] {
        assert!(out.lines().any(|one| one == line), "{line}\n{out}");
    }
}

#[test]
fn prices_are_filtered() {
    let bench = Bench::new();
    let mini = ["prices", "--provider", "OpenAI", "--model", "gpt-4o-mini", "--in-force"];
    let at_noon = bench.run_at_noon(&mini);
    at_noon.shows(include_str!("shown/prices_are_filtered.txt"));
    let all = bench.json(&["prices", "--provider", "openai"]);
    let all = all.as_array().unwrap();
    assert!(all.len() > 50 && all.iter().all(|price| price["provider"] == "openai"));
    assert!(all[0]["rates"][0]["amount_usd"].is_string());
    assert_eq!(bench.run(&["prices", "--provider", "nobody"]).out, "no prices\n");
}

#[test]
fn a_price_is_put_from_flags_and_quoted() {
    let bench = Bench::new();
    bench
        .run_at_noon(&words(
            "prices set --provider acme --model Writer-1 --input 0.15 --output 0.6 \
            --unit images=0.04 --unit seconds=0.36/3600 --source contract",
        ))
        .shows(
            "
            exit 0
            --- out
            acme / writer-1 holds from 2025-10-07T12:00:00Z
            ",
        );
    let writer = ["--provider", "acme", "--model", "writer-1"];
    let quote = [&["quote"][..], &writer, &["--input-tokens", "1000000", "--unit", "images=2"]];
    bench.run_at_noon(&quote.concat()).shows(
        "
        exit 0
        --- out
        cost           $0.23
        provider       acme
        model          writer-1
        operation      chat
        price_match    exact
        price_version  883 (standard), from 2025-10-07T12:00:00Z, contract

        unit          quantity  amount      per   cost
        input_tokens   1000000   $0.15  1000000  $0.15
        images               2   $0.04        1  $0.08
        ",
    );
    let quote = bench.json(&quote.concat());
    assert_eq!(quote["cost_usd"], "0.23");
    assert!(quote["price_version"]["id"].is_i64(), "{quote}");
    assert_eq!(quote["price_version"]["effective_from"], "2025-10-07T12:00:00Z");
    assert_eq!(quote["price_version"]["source"], "contract");
    assert_eq!(quote["price_match"], "exact");
    let seconds = [&["quote"][..], &writer, &["--unit", "seconds=90"]].concat();
    assert_eq!(bench.json(&seconds)["cost_usd"], "0.009");
}

#[test]
fn a_price_without_a_model_is_that_of_the_provider_s_other_models() {
    let bench = Bench::new();
    let set = ["prices", "set", "--provider", "acme", "--unit", "searches=0.01"];
    assert_eq!(bench.run_at_noon(&set).code, 0);
    let quote =
        bench.json(&["quote", "--provider", "acme", "--model", "x", "--unit", "searches=3"]);
    assert_eq!(quote["cost_usd"], "0.03");
    assert_eq!(quote["price_match"], "provider_default");
}

#[test]
fn a_price_on_another_scale_is_warned_of_loudly() {
    let bench = Bench::new();
    let set = ["prices", "set", "--provider", "acme", "--model", "m", "--input", "150000"];
    bench
        .run_at_noon(&set)
        .shows(include_str!("shown/a_price_on_another_scale_is_warned_of_loudly.txt"));
    let put =
        bench.json(&["prices", "set", "--provider", "acme", "--model", "n", "--input", "5000"]);
    assert_eq!(put["versions"], 1);
    assert_eq!(put["warnings"][0]["unit"], "input_tokens");
}

#[test]
fn a_used_price_is_never_edited() {
    let bench = Bench::new();
    let set = |amount: &str| {
        bench.run_at_noon(&[
            "prices",
            "set",
            "--provider",
            "acme",
            "--model",
            "m",
            "--input",
            amount,
        ])
    };
    assert_eq!(set("1").code, 0);
    let record = ["record", "u1", "--provider", "acme", "--model", "m", "--input-tokens", "5"];
    assert_eq!(bench.run_at_noon(&record).code, 0);
    let ran = set("2");
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.err.starts_with("error: invalid price of `acme / m`"), "{ran}");
    assert!(ran.err.contains("hint: a used version is never edited"), "{ran}");
}

#[test]
fn the_prices_of_a_file_are_put_together_or_not_at_all() {
    let bench = Bench::new();
    let head = "provider,matcher,model,variant,operation,unit,above_input_tokens,amount_usd,per,\
                effective_from,source\n";
    let price = |model: &str, amount: &str| {
        format!(
            "acme,exact,{model},standard,,input_tokens,0,{amount},1000000,\
                 2025-01-01T00:00:00Z,list\n"
        )
    };
    let put = |rows: &str| {
        let file = bench.write("prices.csv", &format!("{head}{rows}"));
        bench.run_at_noon(&["prices", "set", "--file", &file])
    };
    assert_eq!(put(&price("used", "1")).code, 0);
    let record = "record u1 --provider acme --model used --input-tokens 5";
    assert_eq!(bench.run_at_noon(&words(record)).code, 0);
    // The second would change a version that a call is priced by.
    let ran = put(&format!("{}{}", price("new", "1"), price("used", "2")));
    assert_eq!(ran.code, 1, "{ran}");
    let kept = bench.json(&["prices", "--provider", "acme"]);
    let models: Vec<&str> =
        kept.as_array().unwrap().iter().map(|own| own["model"].as_str().unwrap()).collect();
    assert_eq!(models, ["used"]);
}

#[test]
fn prices_are_put_from_a_file() {
    let bench = Bench::new();
    let text = "\
provider,matcher,model,variant,operation,unit,above_input_tokens,amount_usd,per,\
effective_from,source
acme,exact,m,standard,,input_tokens,0,1,1000000,2025-01-01T00:00:00Z,list
acme,exact,m,standard,,input_tokens,1000,2,1000000,2025-01-01T00:00:00Z,list
acme,prefix,n,batch,chat,input_tokens,0,3,1000000,2025-01-01T00:00:00Z,list
";
    let file = bench.write("prices.csv", text);
    assert_eq!(bench.run(&["prices", "set", "--file", &file]).out, "put 2 prices\n");
    bench
        .run(&["prices", "--provider", "acme"])
        .shows(include_str!("shown/prices_are_put_from_a_file.txt"));
    let bad = bench.write("bad.csv", &text.replace(",3,", ",cheap,"));
    let ran = bench.run(&["prices", "set", "--file", &bad]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.starts_with("error: invalid catalogue `~/bad.csv`, line 4: "), "{ran}");
}

#[test]
fn an_unknown_price_is_unknown_never_0() {
    let bench = Bench::new();
    bench.run(&["quote", "--provider", "acme", "--model", "m", "--input-tokens", "5"]).shows(
        "
        exit 0
        --- out
        cost         unknown
        provider     acme
        model        m
        operation    chat
        price_match  unknown
        --- err
        warning: the price of `acme` / `m` is unknown
        hint: add it with `prices set`
        ",
    );
    let quote = bench.json(&["quote", "--provider", "acme", "--model", "m"]);
    assert!(quote["cost_usd"].is_null() && quote["price_version"].is_null(), "{quote}");
}

#[test]
fn unpriced_calls_are_shown_and_re_rated_only_when_it_is_said() {
    let bench = Bench::new();
    let acme = ["--provider", "acme", "--model", "m"];
    for user in ["u1", "u2"] {
        let record =
            [&["record", user][..], &acme, &["--input-tokens", "2000", "--key", user]].concat();
        bench.run_at_noon(&record);
    }
    bench.run(&["unpriced"]).shows(
        "
        exit 0
        --- out
        provider  model  operation  calls  tokens  users
        acme      m      chat           2    4000      2
        ",
    );
    let price = ["--input", "1.5", "--effective-from", "2025-10-01T00:00:00Z"];
    assert_eq!(bench.run(&[&["prices", "set"][..], &acme, &price].concat()).code, 0);
    bench.run(&["re-rate"]).shows(
        "
        exit 0
        --- out
        provider  model  priced_calls  unpriced_calls    cost
        acme      m                 2               0  $0.006
        all                         2               0  $0.006
        --- err
        warning: nothing was changed
        hint: `re-rate --apply` changes the calls
        ",
    );
    assert_eq!(bench.json(&["unpriced"])[0]["calls"], 2);
    let rating = bench.json(&["re-rate", "--apply"]);
    assert_eq!(rating["is_applied"], true);
    assert_eq!(rating["priced_calls"], 2);
    assert_eq!(rating["cost_usd"], "0.006");
    assert_eq!(bench.run(&["unpriced"]).out, "every call is priced\n");
    assert_eq!(bench.run(&["re-rate"]).out, "every call is priced\n");
    assert_eq!(bench.json(&["usage", "u1"])["total_cost"], "0.003");
    assert_eq!(bench.run(&["verify"]).code, 0);
}
