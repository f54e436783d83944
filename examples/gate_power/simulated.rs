//! Runs of an invented workload with the noise that shared machines have, of which the truth is known.

use laggard::compare::latency::{Point, Runs, Sample, Sides, Statement};
use laggard::compare::stats::random::Random;

/// What is invented.
#[derive(Clone, Copy, Debug)]
pub(crate) struct World {
    /// How many statements.
    pub(crate) statements: usize,
    /// How many of them, the first ones, are slower in the candidate.
    pub(crate) regressed: usize,
    /// By this factor.
    pub(crate) factor: f64,
    /// The candidate's machine is slower by this factor.
    pub(crate) machine: f64,
    /// The median over statements of the standard deviation of the logarithm between runs.
    pub(crate) deviation: f64,
    /// The standard deviation of what a run does to all statements.
    pub(crate) common: f64,
    /// The standard deviation of the logarithm of the statements' deviations.
    pub(crate) uneven: f64,
}

impl Default for World {
    fn default() -> Self {
        World { statements: 300, regressed: 0, factor: 1.0, machine: 1.0, deviation: 0.1, common: 0.17, uneven: 0.3 }
    }
}

const CALLS: u64 = 100;

impl World {
    /// So many runs on each side.
    pub(crate) fn runs(&self, per_side: usize, random: &mut Random) -> Runs {
        let common: Vec<f64> = (0..2 * per_side).map(|_| self.common * random.normal()).collect();
        let time_ms = Sides { baseline: vec![0.0; per_side], candidate: vec![0.0; per_side] };
        let mut runs = Runs { statements: Vec::new(), time_ms, are_apart: false };
        for at in 0..self.statements {
            let deviation = self.deviation * (self.uneven * random.normal()).exp();
            let base = (random.uniform() * 5.0).exp();
            let mut sample = |run: usize, factor: f64| {
                let ms = base * factor * (common[run] + deviation * heavy(random)).exp();
                // A mean of 100 calls whose deviation is as large as the mean.
                let point = Point { ms, error: 0.1 };
                Sample { calls: CALLS, total_ms: ms * CALLS as f64, usual_ms: None, typical: Some(point), tail: None }
            };
            let slower = self.machine * if at < self.regressed { self.factor } else { 1.0 };
            let baseline: Vec<Sample> = (0..per_side).map(|run| sample(run, 1.0)).collect();
            let candidate: Vec<Sample> = (0..per_side).map(|run| sample(per_side + run, slower)).collect();
            for (samples, times) in [(&baseline, &mut runs.time_ms.baseline), (&candidate, &mut runs.time_ms.candidate)] {
                samples.iter().zip(times).for_each(|(sample, time)| *time += sample.total_ms);
            }
            let some = |samples: Vec<Sample>| samples.into_iter().map(Some).collect();
            runs.statements.push(Statement { runs: Sides { baseline: some(baseline), candidate: some(candidate) }, is_control: false });
        }
        runs
    }
}

/// Student's t with 6 degrees of freedom, of standard deviation 1.
fn heavy(random: &mut Random) -> f64 {
    let chi: f64 = (0..6).map(|_| random.normal().powi(2)).sum();
    random.normal() / (chi / 6.0).sqrt() / (6.0_f64 / 4.0).sqrt()
}
