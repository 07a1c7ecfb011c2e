//! Profiles of all threads of the process as one. Each thread leaves its own where all can get at it: what is
//! native is shared by them, and nothing is copied.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use heap_profile_core::error::{self, Error};
use heap_profile_core::profile::Profile;
use heap_profile_core::profile::merge::{Part, can_join, merge};
use napi::bindgen_prelude::AsyncTask;
use napi::{Either, Env, Task};
use napi_derive::napi;

use super::outcome::{Failure, caught, settled};
use super::snapshot::NativeSnapshot;

/// By number of the request, as long as somebody waits for them.
static LEFT: Mutex<Option<HashMap<u32, Vec<Part>>>> = Mutex::new(None);
static LAST: AtomicU32 = AtomicU32::new(0);

fn left() -> MutexGuard<'static, Option<HashMap<u32, Vec<Part>>>> {
    LEFT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has threads leave their profiles; the number to leave them by.
#[napi]
pub fn ask_threads() -> u32 {
    let request = LAST.fetch_add(1, Ordering::Relaxed) + 1;
    left().get_or_insert_default().insert(request, Vec::new());
    request
}

/// Merges what was left by a number, in the order of the threads; what comes later is dropped.
#[napi(ts_return_type = "Promise<NativeSnapshot | Failure>")]
pub fn merge_threads(request: u32) -> AsyncTask<Merge> {
    let mut parts = left().as_mut().and_then(|left| left.remove(&request)).unwrap_or_default();
    parts.sort_by_key(|part| part.thread_id);
    AsyncTask::new(Merge(parts))
}

#[napi]
impl NativeSnapshot {
    /// Leaves the profile under a name for whoever asked; false if nobody waits, or if its numbers mean
    /// something else than those that were left before.
    #[napi]
    pub fn leave(&self, request: u32, name: String) -> bool {
        let profile = self.profile();
        let mut left = left();
        let Some(parts) = left.as_mut().and_then(|left| left.get_mut(&request)) else {
            return false;
        };
        if parts.first().is_some_and(|first| !can_join(&first.profile, &profile)) {
            return false;
        }
        let thread_id = profile.metadata.thread_id.unwrap_or(0);
        parts.push(Part { name, thread_id, profile: Profile::clone(&profile) });
        true
    }
}

/// Merges profiles.
pub struct Merge(Vec<Part>);

impl Task for Merge {
    type Output = error::Result<Profile>;
    type JsValue = Either<NativeSnapshot, Failure>;

    fn compute(&mut self) -> napi::Result<error::Result<Profile>> {
        Ok(caught(|| match self.0.as_slice() {
            [] => Err(Error::internal("no thread left a profile")),
            parts => Ok(merge(parts)),
        }))
    }

    fn resolve(
        &mut self,
        env: Env,
        profile: error::Result<Profile>,
    ) -> napi::Result<Self::JsValue> {
        settled(profile, |profile| NativeSnapshot::hold(env, profile, None))
    }
}
