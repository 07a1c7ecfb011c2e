// The only file that names v8::. It calls the sampling heap profiler of the V8 that the running
// Node brings along, and reads its AllocationProfile for Rust. It allocates nothing and throws
// nothing: no C++ runtime library is needed at run time.
//
// Whichever Node's headers it is compiled with, it runs on all supported ones: it calls only
// functions with the same mangled name on each, and declares the layouts that differ itself.
#include "shim.h"

#include <v8-profiler.h>
#include <v8-statistics.h>
#include <v8.h>

#include <cstring>
#include <type_traits>
#include <vector>

namespace {

using Profile = v8::AllocationProfile;

// v8::AllocationProfile::Sample up to V8 14.1 (Node 25) and from V8 14.6 (Node 26) on; a vector
// walked with the other's stride would be read as garbage.
struct SampleWithoutLiveness {
  uint32_t node_id;
  size_t size;
  unsigned int count;
  uint64_t sample_id;
};

struct SampleWithLiveness {
  uint32_t node_id;
  size_t size;
  unsigned int count;
  uint64_t sample_id;
  bool is_live;
};

static_assert(sizeof(SampleWithoutLiveness) == HP_SAMPLE_WITHOUT_LIVENESS);
static_assert(sizeof(SampleWithLiveness) == HP_SAMPLE_WITH_LIVENESS);
static_assert(sizeof(Profile::Sample) == sizeof(SampleWithoutLiveness) ||
              sizeof(Profile::Sample) == sizeof(SampleWithLiveness));

static_assert(sizeof(hp_allocation) == sizeof(Profile::Allocation));
static_assert(offsetof(hp_allocation, size) == offsetof(Profile::Allocation, size));
static_assert(offsetof(hp_allocation, count) == offsetof(Profile::Allocation, count));

// A handle is one word, the address of its slot, on builds without direct handles: what Node-API
// calls a napi_value. The slot holds the (uncompressed) address of the object.
static_assert(sizeof(v8::Local<v8::String>) == sizeof(void*));
static_assert(std::is_trivially_copyable_v<v8::Local<v8::String>>);
static_assert(v8::internal::kApiTaggedSize == sizeof(void*), "pointer compression");

static_assert(sizeof(hp_node_view) == 88);
static_assert(sizeof(hp_sample) == 32);

hp_string* slot_of(const v8::Local<v8::String>& handle) {
  hp_string* slot;
  std::memcpy(&slot, &handle, sizeof slot);
  return slot;
}

uintptr_t target_of(const hp_string* slot) {
  uintptr_t target = 0;
  if (slot != nullptr) std::memcpy(&target, slot, sizeof target);
  return target;
}

v8::Isolate* isolate_of(hp_isolate* isolate) { return reinterpret_cast<v8::Isolate*>(isolate); }

Profile* profile_of(hp_profile* profile) { return reinterpret_cast<Profile*>(profile); }

// Relies on three facts: a std::vector of libstdc++ and of libc++ is three pointers whatever it
// holds, GetSamples returns a reference to one that the profile owns, and Sample is laid out as the
// running V8 lays its own out, which is told at run time (hp_sample_layout). The vector is only
// read, through data() and size(), so nothing is allocated or freed under the wrong type.
template <typename Sample>
const std::vector<Sample>& samples_of(hp_profile* profile) {
  return reinterpret_cast<const std::vector<Sample>&>(profile_of(profile)->GetSamples());
}

bool is_live(const SampleWithoutLiveness&) { return true; }
bool is_live(const SampleWithLiveness& sample) { return sample.is_live; }

template <typename Sample>
void copy_samples(hp_profile* profile, hp_sample* samples, size_t length) {
  const auto& source = samples_of<Sample>(profile);
  for (size_t i = 0; i < length; i++) {
    samples[i] = {source[i].size, source[i].sample_id, source[i].node_id, source[i].count,
                  is_live(source[i])};
  }
}

// In the end of a collection: nothing may be allocated in V8's heap here.
void tell_collection(v8::Isolate*, v8::GCType, v8::GCCallbackFlags, void* data) {
  auto* watch = static_cast<hp_watch*>(data);
  watch->notify(watch);
}

}  // namespace

const char* hp_version_get(void) { return v8::V8::GetVersion(); }

hp_isolate* hp_isolate_get_current(void) {
  return reinterpret_cast<hp_isolate*>(v8::Isolate::TryGetCurrent());
}

uintptr_t hp_heap_profiler_get(hp_isolate* isolate) {
  return reinterpret_cast<uintptr_t>(isolate_of(isolate)->GetHeapProfiler());
}

bool hp_sampler_start(hp_isolate* isolate, uint64_t interval, int32_t stack_depth, uint32_t flags) {
  return isolate_of(isolate)->GetHeapProfiler()->StartSamplingHeapProfiler(
      interval, stack_depth, static_cast<v8::HeapProfiler::SamplingFlags>(flags));
}

void hp_sampler_stop(hp_isolate* isolate) {
  isolate_of(isolate)->GetHeapProfiler()->StopSamplingHeapProfiler();
}

// kGCTypeMarkSweepCompact is 1 << 2 in every verified V8.
void hp_collections_watch(hp_isolate* isolate, hp_watch* watch) {
  static_assert(v8::kGCTypeMarkSweepCompact == 1 << 2);
  isolate_of(isolate)->AddGCEpilogueCallback(tell_collection, watch, v8::kGCTypeMarkSweepCompact);
}

void hp_collections_unwatch(hp_isolate* isolate, hp_watch* watch) {
  isolate_of(isolate)->RemoveGCEpilogueCallback(tell_collection, watch);
}

static_assert(std::is_same_v<hp_near_heap_limit, v8::NearHeapLimitCallback>);

void hp_heap_limit_watch(hp_isolate* isolate, hp_near_heap_limit near, void* data) {
  isolate_of(isolate)->AddNearHeapLimitCallback(near, data);
}

void hp_heap_limit_unwatch(hp_isolate* isolate, hp_near_heap_limit near) {
  isolate_of(isolate)->RemoveNearHeapLimitCallback(near, 0);
}

void hp_heap_limit_restore_below(hp_isolate* isolate, double part) {
  isolate_of(isolate)->AutomaticallyRestoreInitialHeapLimit(part);
}

size_t hp_heap_size_limit_get(hp_isolate* isolate) {
  // Its fields up to the one that is read are the same on all; Node 26's has more of them in the
  // end.
  union {
    char room[2 * sizeof(v8::HeapStatistics)];
    v8::HeapStatistics statistics;
  } any = {};
  isolate_of(isolate)->GetHeapStatistics(&any.statistics);
  return any.statistics.heap_size_limit();
}

hp_profile* hp_profile_take(hp_isolate* isolate) {
  return reinterpret_cast<hp_profile*>(
      isolate_of(isolate)->GetHeapProfiler()->GetAllocationProfile());
}

// The deleting destructor is virtual: the memory goes back to the allocator of the node binary.
void hp_profile_delete(hp_profile* profile) { delete profile_of(profile); }

const hp_node* hp_profile_get_root(hp_profile* profile) {
  return reinterpret_cast<const hp_node*>(profile_of(profile)->GetRootNode());
}

void hp_node_read(const hp_node* source, hp_node_view* view) {
  const auto* node = reinterpret_cast<const Profile::Node*>(source);
  view->name = slot_of(node->name);
  view->script_name = slot_of(node->script_name);
  view->name_key = target_of(view->name);
  view->script_name_key = target_of(view->script_name);
  view->children = reinterpret_cast<const hp_node* const*>(node->children.data());
  view->children_length = node->children.size();
  view->allocations = reinterpret_cast<const hp_allocation*>(node->allocations.data());
  view->allocations_length = node->allocations.size();
  view->script_id = node->script_id;
  view->start_position = node->start_position;
  view->line_number = node->line_number;
  view->column_number = node->column_number;
  view->node_id = node->node_id;
}

size_t hp_samples_count(hp_profile* profile, hp_sample_layout layout) {
  return layout == HP_SAMPLE_WITH_LIVENESS ? samples_of<SampleWithLiveness>(profile).size()
                                           : samples_of<SampleWithoutLiveness>(profile).size();
}

void hp_samples_copy(hp_profile* profile, hp_sample_layout layout, hp_sample* samples,
                     size_t length) {
  if (layout == HP_SAMPLE_WITH_LIVENESS) {
    copy_samples<SampleWithLiveness>(profile, samples, length);
  } else {
    copy_samples<SampleWithoutLiveness>(profile, samples, length);
  }
}
