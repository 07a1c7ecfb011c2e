//! Whose stacks an answer is from: V8's, which lack the functions that V8 inlined, or exact ones.

use serde::Serialize;

use crate::profile::Metadata;

/// The stacks of captures of ours.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stacks {
    /// Whether exact ones were had, in all captures.
    pub exact: bool,
    /// Part of the live samples that has them, 0 to 1.
    pub exact_share: f64,
    /// Why they could not be had, where they were asked for.
    pub reason: Option<String>,
}

/// What captures say of their stacks, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Said {
    captures: usize,
    /// Those of ours: other tools do not say.
    ours: usize,
    enabled: usize,
    exact_samples: u64,
    v8_samples: u64,
    reason: Option<String>,
}

impl Said {
    /// Adds a capture.
    pub fn add(&mut self, metadata: &Metadata) {
        self.captures += 1;
        self.ours += usize::from(metadata.version.is_some());
        let Some(exact) = &metadata.exact_stacks else { return };
        self.enabled += usize::from(exact.enabled);
        self.exact_samples = self.exact_samples.saturating_add(exact.exact_samples);
        self.v8_samples = self.v8_samples.saturating_add(exact.v8_samples);
        if self.reason.is_none() && !exact.enabled {
            self.reason.clone_from(&exact.reason);
        }
    }

    /// What that comes to; none unless all are ours.
    pub fn stacks(&self) -> Option<Stacks> {
        let exact = self.enabled == self.captures;
        let all = self.exact_samples as f64 + self.v8_samples as f64;
        let share = if all > 0.0 { self.exact_samples as f64 / all } else { 1.0 };
        (self.captures > 0 && self.ours == self.captures).then(|| Stacks {
            exact,
            exact_share: if exact { share } else { 0.0 },
            reason: self.reason.clone(),
        })
    }
}

/// Those of some profiles.
pub fn of(profiles: &[&Metadata]) -> Option<Stacks> {
    let mut said = Said::default();
    profiles.iter().for_each(|metadata| said.add(metadata));
    said.stacks()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{ExactStacks, testing};

    fn asked(enabled: bool, exact_samples: u64, reason: Option<&str>) -> Metadata {
        let reason = reason.map(str::to_owned);
        let exact = ExactStacks { enabled, reason, exact_samples, v8_samples: 1 };
        Metadata { exact_stacks: Some(exact), ..testing::metadata() }
    }

    #[test]
    fn what_captures_say_adds_up() {
        let stacks = |exact, exact_share, reason: Option<&str>| {
            Some(Stacks { exact, exact_share, reason: reason.map(str::to_owned) })
        };
        assert_eq!(of(&[&testing::metadata()]), stacks(false, 0.0, None));
        let refused = asked(false, 0, Some("not on this system"));
        assert_eq!(of(&[&refused]), stacks(false, 0.0, Some("not on this system")));
        assert_eq!(of(&[&asked(true, 2, None), &asked(true, 4, None)]), stacks(true, 0.75, None));
        assert_eq!(of(&[&asked(true, 2, None), &testing::metadata()]), stacks(false, 0.0, None));
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[&testing::metadata(), &Metadata::default()]), None);
    }
}
