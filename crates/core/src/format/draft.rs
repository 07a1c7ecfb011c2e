//! A profile as it is to be written: with what a file has that the capture has not.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::profile::Profile;
use crate::source_map;

/// A profile and what is to change in it.
pub struct Draft {
    /// The profile.
    pub profile: Arc<Profile>,
    /// Whether it gets the original positions of its functions.
    pub source_maps: bool,
    /// Labels beside those it has; they replace those of the same name.
    pub labels: HashMap<String, String>,
}

impl Draft {
    /// The profile that is to be written.
    pub fn finish(&self) -> Cow<'_, Profile> {
        let mut profile = Cow::Borrowed(&*self.profile);
        if self.source_maps {
            source_map::map(profile.to_mut());
        }
        if !self.labels.is_empty() {
            profile.to_mut().metadata.labels.extend(self.labels.clone());
        }
        profile
    }
}
