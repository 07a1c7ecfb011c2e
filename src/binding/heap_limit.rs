//! Profiles of threads that run out of heap, written while V8 waits.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;

use heap_profile_core::error::{self, Error};
use heap_profile_core::file::{self, Name, Target};
use heap_profile_core::format::Format;
use heap_profile_core::profile::metadata::{Host, now};
use napi::bindgen_prelude::Function;
use napi::threadsafe_function::{ThreadsafeCallContext, ThreadsafeFunctionCallMode};
use napi::{Either, Env};
use napi_derive::napi;

use super::host::JsHost;
use super::names::JsFormat;
use super::outcome::{Failure, Result, caught, guard, refused};
use super::write::JsPlace;
use crate::v8::{self, Capture};

/// What to write when the limit is near; lib/options.js checked it.
#[napi(object, object_to_js = false)]
pub struct JsHeapLimitPlan {
    /// How many files at most.
    pub profiles: u32,
    /// The name is given anew to each file.
    pub place: JsPlace,
    pub format: Option<JsFormat>,
    pub labels: HashMap<String, String>,
    pub host: JsHost,
}

/// Watches the heap limit of this thread until it is stopped or the thread ends.
#[napi]
pub struct HeapLimit {
    armed: Option<v8::HeapLimit>,
}

#[napi]
impl HeapLimit {
    /// `callback` gets the path of each file, or why there is none, if the thread lives on.
    #[napi(constructor)]
    pub fn new(
        env: Env,
        plan: JsHeapLimitPlan,
        #[napi(ts_arg_type = "(written: string | Failure) => void")] callback: Function<
            Either<String, Failure>,
            (),
        >,
    ) -> Result<HeapLimit> {
        guard(|| {
            let builder = callback.build_threadsafe_function::<error::Result<PathBuf>>();
            let callback = builder.weak::<true>().build_callback(outcome).map_err(refused)?;
            let profiles = plan.profiles;
            let format = plan.format.map_or(Format::HeapProfile, Format::from);
            let target = plan.place.target(format);
            let mut writer = Writer { target, format, labels: plan.labels };
            let host = Host { memory_usage: None, ..plan.host.into() };
            let write = move |taken: error::Result<Capture>| {
                let written = caught(|| writer.write(taken?));
                callback.call(written, ThreadsafeFunctionCallMode::NonBlocking);
            };
            let plan = v8::Plan { profiles, host, write: RefCell::new(Box::new(write)) };
            Ok(HeapLimit { armed: Some(v8::HeapLimit::arm(env, plan)?) })
        })
    }

    #[napi]
    pub fn stop(&mut self) {
        self.armed = None;
    }
}

fn outcome(
    context: ThreadsafeCallContext<error::Result<PathBuf>>,
) -> napi::Result<Either<String, Failure>> {
    Ok(match context.value {
        Ok(path) => Either::A(path.to_string_lossy().into_owned()),
        Err(error) => Either::B(error.into()),
    })
}

/// Where the files go, and how.
struct Writer {
    /// Of the file before.
    target: Target,
    format: Format,
    labels: HashMap<String, String>,
}

impl Writer {
    fn write(&mut self, capture: Capture) -> error::Result<PathBuf> {
        let Capture { mut profile, original, .. } = capture;
        // Memory is short, and there is no other thread to free it.
        drop(original);
        profile.parts_mut().metadata.labels.extend(self.labels.clone());
        self.name_next();
        file::write(&self.target, |out| self.format.write(&profile, out)).map_err(Error::from)
    }

    fn name_next(&mut self) {
        let time = now().timestamp_millis() as u64;
        if let Target::Directory { name, .. } = &mut self.target {
            match name {
                Name::Millis(millis) => *millis = time,
                Name::Sequence { millis, number, .. } => {
                    *millis = time;
                    *number += 1;
                }
            }
        }
    }
}
