//! The statistics of leaks: a line through points, shares of weighted samples, quantiles.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use super::interval::Interval;

/// A straight line through live bytes over time, by weighted least squares.
#[derive(Debug)]
pub struct Line {
    /// Bytes per hour.
    pub slope: f64,
    /// The mean of the points, which is on the line: hours.
    center: f64,
    /// The same, bytes.
    level: f64,
    /// How much each point adds to the slope per byte: the slope is linear in the points.
    pub weights: Vec<f64>,
    /// The variance of the slope that the scatter of the points around the line tells; 0 for two
    /// points.
    pub scatter: f64,
}

impl Line {
    /// A point's variance grows with its bytes: `per_byte` is its variance per byte, and no point
    /// is surer than one sample. So the weights follow from the line, and the line from them.
    pub fn fit(hours: &[f64], bytes: &[f64], per_byte: f64) -> Line {
        let mut line = Line::weighted(hours, bytes, &vec![1.0; hours.len()]);
        if per_byte > 0.0 {
            for _ in 0..3 {
                let fitted = |hour: f64| line.level + line.slope * (hour - line.center);
                let certainty = |&hour: &f64| 1.0 / (per_byte * fitted(hour).max(per_byte));
                let certainties: Vec<f64> = hours.iter().map(certainty).collect();
                line = Line::weighted(hours, bytes, &certainties);
            }
        }
        line
    }

    fn weighted(hours: &[f64], bytes: &[f64], certainties: &[f64]) -> Line {
        let sum: f64 = certainties.iter().sum();
        let mean = |values: &[f64]| {
            values.iter().zip(certainties).map(|(value, certainty)| value * certainty).sum::<f64>()
                / sum
        };
        let (center, level) = (mean(hours), mean(bytes));
        let squares = hours
            .iter()
            .zip(certainties)
            .map(|(hour, certainty)| certainty * (hour - center).powi(2));
        let spread: f64 = squares.sum();
        let weight = |(hour, certainty): (&f64, &f64)| certainty * (hour - center) / spread;
        let weights: Vec<f64> = hours.iter().zip(certainties).map(weight).collect();
        let slope: f64 = weights.iter().zip(bytes).map(|(weight, bytes)| weight * bytes).sum();
        let residuals =
            hours.iter().zip(bytes).zip(certainties).map(|((hour, bytes), certainty)| {
                certainty * (bytes - level - slope * (hour - center)).powi(2)
            });
        let freedom = hours.len().saturating_sub(2);
        let scatter = match freedom {
            0 => 0.0,
            _ => residuals.sum::<f64>() / freedom as f64 / spread,
        };
        Line { slope, center, level, weights, scatter }
    }
}

/// A part of a weighted set of samples.
#[derive(Clone, Copy, Debug, Default)]
pub struct Share {
    part: f64,
    whole: f64,
    squares: f64,
}

impl Share {
    /// Counts a sample of that weight.
    pub fn add(&mut self, weight: f64, is_part: bool) {
        self.whole += weight;
        self.squares += weight * weight;
        if is_part {
            self.part += weight;
        }
    }

    /// Takes in other samples.
    pub fn merge(&mut self, other: &Share) {
        self.part += other.part;
        self.whole += other.whole;
        self.squares += other.squares;
    }

    /// The part, 0 to 1; none of nothing.
    fn estimate(&self) -> Option<f64> {
        (self.whole > 0.0).then(|| self.part / self.whole)
    }

    /// Wilson's 95 % interval (1927, <https://doi.org/10.2307/2276774>) of as many equal samples as
    /// say as much (Kish's effective size).
    pub fn bounds95(&self) -> (f64, f64) {
        let Some(share) = self.estimate() else { return (0.0, 1.0) };
        let count = self.whole * self.whole / self.squares;
        let z = normal(0.975);
        let z2 = z * z / count;
        let center = (share + z2 / 2.0) / (1.0 + z2);
        let half = z * (share * (1.0 - share) / count + z2 / count / 4.0).sqrt() / (1.0 + z2);
        (center - half, center + half)
    }

    /// The same with the estimate; none of nothing.
    pub fn interval95(&self) -> Option<Interval> {
        let (low, high) = self.bounds95();
        let estimate = self.estimate()?;
        Some(Interval { estimate, low: Some(low), high: Some(high) })
    }
}

/// The mean of a few values whose scatter is not known beforehand.
#[derive(Clone, Copy, Debug)]
pub struct Mean {
    mean: f64,
    deviation: f64,
    count: usize,
}

impl Mean {
    /// Of these.
    pub fn of(values: &[f64]) -> Mean {
        let count = values.len();
        let mean = values.iter().sum::<f64>() / count.max(1) as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Mean { mean, deviation: (squares / count.saturating_sub(1).max(1) as f64).sqrt(), count }
    }

    /// The mean of all such values, by Student's t. A single value cannot tell.
    pub fn interval95(&self) -> Interval {
        let half = match self.count {
            0 | 1 => f64::INFINITY,
            count => student95(count - 1) * self.deviation / (count as f64).sqrt(),
        };
        Interval::around(self.mean, half)
    }
}

/// The quantile of the normal distribution.
pub fn normal(probability: f64) -> f64 {
    Normal::standard().inverse_cdf(probability)
}

/// The 97.5th percentile of Student's t distribution; 0 without a degree of freedom, where there is
/// no scatter to multiply.
pub fn student95(freedom: usize) -> f64 {
    let distribution = StudentsT::new(0.0, 1.0, freedom as f64);
    distribution.map_or(0.0, |student| student.inverse_cdf(0.975))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_through_points_on_it_has_no_scatter() {
        let hours = [0.0, 1.0, 2.0, 4.0];
        let line = Line::fit(&hours, &hours.map(|hour| 100.0 + 7.0 * hour), 5.0);
        assert!((line.slope - 7.0).abs() < 1e-9 && line.scatter < 1e-9);
    }

    #[test]
    fn surer_points_weigh_more() {
        let hours = [0.0, 1.0, 2.0, 3.0];
        let line = Line::fit(&hours, &[0.0, 1000.0, 2000.0, 3000.0], 1.0);
        let even = Line::fit(&hours, &[0.0, 1000.0, 2000.0, 3000.0], 0.0);
        assert!((line.slope - even.slope).abs() < 1e-6);
        assert!(line.weights[0].abs() > even.weights[0].abs());
        assert!(line.scatter < 1e-6);
    }

    #[test]
    fn shares_are_bounded_as_wilson_does() {
        let mut share = Share::default();
        assert_eq!(share.bounds95(), (0.0, 1.0));
        for _ in 0..4 {
            share.add(7.0, true);
        }
        let (low, high) = share.bounds95();
        assert!((low - 0.5101).abs() < 1e-4 && (high - 1.0).abs() < 1e-9, "{low} {high}");
    }

    #[test]
    fn means_are_tested_as_student_does() {
        assert!(Mean::of(&[2.0, 3.0, 4.0]).interval95().is_positive());
        let uneven = Mean::of(&[1.0, 1.0, 1.0, 0.0, 0.0]);
        assert!(!uneven.interval95().is_positive());
        assert!(!Mean::of(&[-1.0, -2.0]).interval95().is_positive());
        assert!(
            !Mean::of(&[7.0]).interval95().is_positive()
                && !Mean::of(&[]).interval95().is_positive()
        );
    }

    #[test]
    fn quantiles_are_those_of_the_tables() {
        assert!((normal(0.975) - 1.959_964).abs() < 1e-6);
        assert!((student95(3) - 3.182_446).abs() < 1e-5);
        assert_eq!(student95(0), 0.0);
    }
}
