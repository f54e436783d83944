//! A question to the planner, and the forms in which it can be put.

use super::question::{filled, finding_rows, places, repaired, single, typed, values};

/// A statement to ask of.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// Its normalised text.
    pub text: String,
    /// How many values its list has, where it has one that was shortened.
    pub list: u32,
    /// An example of the log, whole; empty if there is none.
    pub example: String,
    /// The parameters of the example, as they were logged.
    pub parameters: Vec<u8>,
    /// Another example likewise, with values that are as rare as the first one's are usual.
    pub unusual: Option<(String, Vec<u8>)>,
}

/// How one question is put, once that is known to work.
#[derive(Clone, Debug)]
pub(super) struct Form {
    pub(super) text: String,
    pub(super) is_real: bool,
}

/// With values of the log: the example as it is, with its parameters in their places.
pub(super) fn real(example: &str, parameters: &[u8]) -> Vec<Form> {
    let Ok(text) = single(example) else { return Vec::new() };
    let filled = match places(text) {
        0 => Some(text.to_owned()),
        count => values(parameters, count).map(|values| filled(text, &values)),
    };
    filled.map(|text| Form { text, is_real: true }).into_iter().collect()
}

/// With places for values: repaired, then with numbers where it calculates, then as what finds the rows it would change.
pub(super) fn generic(question: &Question) -> Vec<Form> {
    let Ok(text) = single(&question.text) else { return Vec::new() };
    let text = repaired(text, question.list);
    let reading = finding_rows(&text);
    let all = [Some(text.clone()), Some(typed(&text)), reading.clone(), reading.as_deref().map(typed)];
    let mut forms: Vec<Form> = Vec::new();
    for text in all.into_iter().flatten() {
        if forms.iter().all(|form| form.text != text) {
            forms.push(Form { text, is_real: false });
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::super::sent::explain;
    use super::*;

    #[test]
    fn nothing_but_explain_of_one_statement_is_made_of_a_question() {
        let question = |text: &str, example: &str| Question { text: text.to_owned(), example: example.to_owned(), ..Question::default() };
        let hostile = question("select 1; drop table t", "select '\\'; drop table t; --'");
        assert!(real(&hostile.example, &hostile.parameters).is_empty() && generic(&hostile).is_empty());
        let all: Vec<String> = generic(&question("delete from t where a = $1 + $2", "")).into_iter().map(|form| form.text).collect();
        assert_eq!(
            all,
            [
                "delete from t where a = $1 + $2",
                "delete from t where a = $1 :: int + $2 :: int",
                "select ctid from t where a = $1 + $2",
                "select ctid from t where a = $1 :: int + $2 :: int"
            ]
        );
        for form in generic(&question("update t set a = $1 where b = $2", "")) {
            assert!(
                !explain(&form.text, true).contains(';') && explain(&form.text, true).starts_with("EXPLAIN (FORMAT JSON, GENERIC_PLAN) ")
            );
        }
    }
}
