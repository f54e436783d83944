//! `[gate]`: what fails, and how latency is tested.

use serde::Deserialize;

use crate::compare::Policy;
use crate::compare::policy::{Doubt, Level, Limit};

use super::Wrong;
use super::share::Percent;

/// `[gate]`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Gate {
    /// The level that fails: `error`, `warn` or `never`.
    fail_on: Option<FailOn>,
    /// What doubt means: `pass` or `fail`.
    on_inconclusive: Option<OnInconclusive>,
    /// So many runs on each side are needed for latency to fail by itself below twice as long.
    min_runs: Option<usize>,
    /// The rate of false alarms among tests of latency, 0 to 1.
    fdr: Option<f64>,
    /// The effect on latency that does not matter.
    min_effect: Option<Percent>,
    /// The effect on latency up to which a statement is well.
    tolerance: Option<Percent>,
    /// What it means that the whole candidate is slower: `off`, `info`, `warn` or `fail`, which needs `interleaved`.
    global: Option<Global>,
    /// The runs of both sides took turns on one machine.
    interleaved: bool,
}

/// See [`Gate::global`].
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
enum Global {
    Off,
    Info,
    Warn,
    #[serde(alias = "error")]
    Fail,
}

/// See [`Gate::fail_on`].
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
enum FailOn {
    Error,
    Warn,
    Never,
}

/// See [`Gate::on_inconclusive`].
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
enum OnInconclusive {
    Pass,
    Fail,
}

impl Gate {
    /// Sets what it says; else what is wrong.
    pub(super) fn set(&self, policy: &mut Policy) -> Result<(), Wrong> {
        policy.fail_on = match self.fail_on {
            Some(FailOn::Warn) => Level::Warn,
            Some(FailOn::Never) => Level::Off,
            Some(FailOn::Error) | None => Level::Error,
        };
        if let Some(OnInconclusive::Fail) = self.on_inconclusive {
            policy.on_inconclusive = Doubt::Fails;
        }
        let latency = &mut policy.latency;
        if let Some(fdr) = self.fdr {
            if !(fdr > 0.0 && fdr < 1.0) {
                return Err(Wrong::at(["gate", "fdr"], format!("fdr = {fdr}: a rate lies between 0 and 1")));
            }
            // One run on each side is judged more strictly, by as much as by default.
            latency.fdr_single *= fdr / latency.fdr;
            latency.fdr = fdr;
        }
        latency.min_runs = self.min_runs.unwrap_or(latency.min_runs);
        latency.min_effect = self.min_effect.map_or(latency.min_effect, |share| share.0);
        latency.tolerance = self.tolerance.map_or(latency.tolerance, |share| share.0);
        if latency.tolerance < latency.min_effect {
            return Err(Wrong::at(["gate", "tolerance"], "tolerance is below min_effect, so that nothing could be well"));
        }
        policy.is_interleaved = self.interleaved;
        if let Some(global) = self.global {
            let level = [Level::Off, Level::Info, Level::Warn, Level::Error][global as usize];
            policy.limits.insert("global-shift".to_owned(), Limit { level, relative: 0.0, absolute: 0.0 });
        }
        Ok(())
    }
}
