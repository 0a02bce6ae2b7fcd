#include "core/onednn/primitive.h"

#include <fmt/format.h>

#include "core/onednn/library.h"
#include "core/parallel.h"
#include "core/tensor.h"

namespace tessera::onednn {
namespace {

// Streams and primitives belong to a thread: an op may run on both threads at once, or once on
// each.
dnnl::stream& stream() {
  thread_local dnnl::stream instance(engine());
  return instance;
}

// One scratchpad a thread, as large as the largest yet: primitives of a thread run one at a time.
void* scratchpad(std::size_t bytes) {
  thread_local Tensor memory;
  if (!memory || memory.bytes() < bytes) {
    memory = Tensor();
    memory = Tensor::empty({static_cast<std::int64_t>(bytes + 3) / 4});
  }
  return memory.raw();
}

}  // namespace

dnnl::engine& engine() {
  static dnnl::engine instance(dnnl::engine::kind::cpu, 0);
  return instance;
}

memory::data_type type_of(DType dtype) {
  return dtype == DType::kBF16 ? memory::data_type::bf16 : memory::data_type::f32;
}

dnnl::primitive_attr base_attributes() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

Primitive::Primitive(const dnnl::primitive& primitive, const memory::desc& scratchpad)
    : primitive_(primitive), scratchpad_bytes_(scratchpad.get_size()) {
  if (scratchpad_bytes_ > 0) add(DNNL_ARG_SCRATCHPAD, scratchpad);
}

void Primitive::add(int argument, const memory::desc& description) {
  memories_.emplace_back(description, engine(), nullptr);
  arguments_.at(count_++) = {argument, memories_.back().get()};
}

void Primitive::run(std::initializer_list<const void*> pointers) {
  std::size_t next = 0;
  if (scratchpad_bytes_ > 0) memories_[next++].set_data_handle(scratchpad(scratchpad_bytes_));
  for (const void* pointer : pointers) {
    memories_[next++].set_data_handle(const_cast<void*>(pointer));
  }
  dnnl::error::wrap_c_api(dnnl_primitive_execute(primitive_.get(), stream().get(),
                                                 static_cast<int>(count_), arguments_.data()),
                          "oneDNN could not run a primitive");
}

Primitive make_reorder(const memory::desc& from, const memory::desc& to) {
  const dnnl::reorder::primitive_desc desc(engine(), from, engine(), to, base_attributes());
  Primitive primitive(dnnl::reorder(desc), desc.scratchpad_desc());
  primitive.add(DNNL_ARG_FROM, from);
  primitive.add(DNNL_ARG_TO, to);
  return primitive;
}

std::size_t KeyHash::operator()(const Key& key) const {
  std::uint64_t hash = 0x9e3779b97f4a7c15u;
  for (const std::int64_t part : key) {
    hash = (hash ^ static_cast<std::uint64_t>(part)) * 0xff51afd7ed558ccdu;
    hash ^= hash >> 32;
  }
  return static_cast<std::size_t>(hash);
}

std::int64_t thread_key() { return num_parts(1 << 20, 1); }

std::string version() {
  const dnnl_version_t* v = dnnl_version();
  return fmt::format("oneDNN {}.{}.{}", v->major, v->minor, v->patch);
}

int major_version() { return dnnl_version()->major; }

}  // namespace tessera::onednn
