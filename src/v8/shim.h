// The C ABI between the Rust side (ffi.rs) and V8's C++ sampling heap profiler (shim.cc).
// Every pointer that crosses it is opaque to Rust; every struct has the same size on both sides,
// asserted here in shim.cc and in ffi.rs.
#ifndef HEAP_PROFILE_SHIM_H_
#define HEAP_PROFILE_SHIM_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hp_isolate hp_isolate;  // v8::Isolate
typedef struct hp_profile hp_profile;  // v8::AllocationProfile
typedef struct hp_node hp_node;        // v8::AllocationProfile::Node
typedef struct hp_string hp_string;    // the slot of a v8::Local<v8::String>: a napi_value

// Same layout as v8::AllocationProfile::Allocation.
typedef struct hp_allocation {
  size_t size;
  unsigned int count;
} hp_allocation;

// What a node says, borrowed from the profile: valid until hp_profile_delete.
// A key is the address of the string a slot points to: equal keys are the same string for as long
// as no garbage collection runs.
typedef struct hp_node_view {
  hp_string* name;
  hp_string* script_name;
  uintptr_t name_key;
  uintptr_t script_name_key;
  const hp_node* const* children;
  size_t children_length;
  const hp_allocation* allocations;
  size_t allocations_length;
  int32_t script_id;
  int32_t start_position;
  int32_t line_number;
  int32_t column_number;
  uint32_t node_id;
} hp_node_view;

// One sampled object, whatever the layout V8 keeps it in.
typedef struct hp_sample {
  uint64_t size;
  uint64_t sample_id;
  uint32_t node_id;
  uint32_t count;
  uint32_t is_live;
} hp_sample;

// How the running V8 lays out v8::AllocationProfile::Sample.
typedef enum hp_sample_layout {
  HP_SAMPLE_WITHOUT_LIVENESS = 32,  // Node 18 to 25: 32 bytes
  HP_SAMPLE_WITH_LIVENESS = 40,     // Node 26: 40 bytes, is_live added
} hp_sample_layout;

// What is to be called, the first field of something larger.
typedef struct hp_watch {
  void (*notify)(struct hp_watch* watch);
} hp_watch;

// The running V8's version, a string that lives as long as the process.
const char* hp_version_get(void);

// The isolate entered on this thread, or NULL.
hp_isolate* hp_isolate_get_current(void);

// The isolate's v8::HeapProfiler, which is a v8::internal::HeapProfiler.
uintptr_t hp_heap_profiler_get(hp_isolate* isolate);

// Starts sampling. False: a sampler already runs in this isolate. `flags` are V8's SamplingFlags.
bool hp_sampler_start(hp_isolate* isolate, uint64_t interval, int32_t stack_depth, uint32_t flags);

// Stops whichever sampler runs in this isolate; does nothing when none does.
void hp_sampler_stop(hp_isolate* isolate);

// Has `watch->notify(watch)` called after each full garbage collection (mark-compact) of the
// isolate, in the end of it, until it is told to forget it. `watch` must stay where it is until
// then; each is to be forgotten once.
void hp_collections_watch(hp_isolate* isolate, hp_watch* watch);
void hp_collections_unwatch(hp_isolate* isolate, hp_watch* watch);

// Has `near` called with `data` when the old generation nearly fills its limit, before whoever was
// added earlier; it returns the new limit. V8 aborts when one function is added twice, or unwatched
// without.
typedef size_t (*hp_near_heap_limit)(void* data, size_t current, size_t initial);
void hp_heap_limit_watch(hp_isolate* isolate, hp_near_heap_limit near, void* data);
void hp_heap_limit_unwatch(hp_isolate* isolate, hp_near_heap_limit near);

// Has the first limit come back once the heap is smaller than this part of it.
void hp_heap_limit_restore_below(hp_isolate* isolate, double part);

// The limits of the old and the young generation together, bytes.
size_t hp_heap_size_limit_get(hp_isolate* isolate);

// Takes the profile, or NULL when no sampler runs. A handle scope must be open on this thread.
hp_profile* hp_profile_take(hp_isolate* isolate);

// Frees a profile; on any thread, as it holds plain memory and handles that nobody follows.
void hp_profile_delete(hp_profile* profile);

const hp_node* hp_profile_get_root(hp_profile* profile);
void hp_node_read(const hp_node* node, hp_node_view* view);
size_t hp_samples_count(hp_profile* profile, hp_sample_layout layout);

// Copies `length` samples, at most hp_samples_count of the same layout.
void hp_samples_copy(hp_profile* profile, hp_sample_layout layout, hp_sample* samples,
                     size_t length);

#ifdef __cplusplus
}
#endif

#endif  // HEAP_PROFILE_SHIM_H_
