//! A profile as it is to be written: with what a file has that the capture has not.

use std::collections::HashMap;
use std::sync::Arc;

use crate::profile::{Memory, Profile};
use crate::source_map;

/// A profile and what is to change in it.
pub struct Draft {
    /// The profile.
    pub profile: Arc<Profile>,
    /// Which memory is written.
    pub memory: Memory,
    /// Whether it gets the original positions of its functions.
    pub source_maps: bool,
    /// Labels beside those it has; they replace those of the same name.
    pub labels: HashMap<String, String>,
}

impl Draft {
    /// The profile that is to be written.
    pub fn finish(&self) -> Profile {
        let profile = self.profile.only(self.memory);
        let mapped = self.source_maps.then(|| source_map::map(&profile));
        let profile = mapped.as_ref().unwrap_or(&profile);
        profile.labelled(self.labels.clone())
    }
}
