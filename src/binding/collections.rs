//! Tells JavaScript of full garbage collections.

use napi::bindgen_prelude::Function;
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi_derive::napi;

use super::outcome::{Result, guard, refused};
use crate::v8;

/// Calls back soon after each full garbage collection of this thread, once for several that are close
/// together, until it is stopped. It keeps no thread alive, and ends with its own.
#[napi]
pub struct CollectionWatch {
    watch: Option<v8::CollectionWatch>,
}

#[napi]
impl CollectionWatch {
    #[napi(constructor)]
    pub fn new(callback: Function<(), ()>) -> Result<CollectionWatch> {
        guard(|| {
            // V8 still collects when it tells: JavaScript runs from the event loop. A queue of one is
            // what puts several together.
            let builder = callback.build_threadsafe_function::<()>();
            let callback = builder.weak::<true>().max_queue_size::<1>().build().map_err(refused)?;
            let notify = move || {
                callback.call((), ThreadsafeFunctionCallMode::NonBlocking);
            };
            Ok(CollectionWatch { watch: Some(v8::CollectionWatch::start(notify)?) })
        })
    }

    #[napi]
    pub fn stop(&mut self) {
        self.watch = None;
    }
}
