// Primitives of oneDNN, made once and run often. Included by the files of this folder alone.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>
#include <vector>

#include "core/dtype.h"

namespace tessera::onednn {

using dnnl::memory;
using Dims = memory::dims;

dnnl::engine& engine();

memory::data_type type_of(DType dtype);

/// Attributes of every primitive: its scratchpad is the caller's.
dnnl::primitive_attr base_attributes();

/// A primitive with its memory objects, whose pointers are set before each run. It belongs to one
/// thread.
class Primitive {
 public:
  Primitive() = default;
  Primitive(const dnnl::primitive& primitive, const memory::desc& scratchpad);

  void add(int argument, const memory::desc& description);

  explicit operator bool() const { return count_ > 0; }

  /// `pointers` in the order of the add() calls.
  void run(std::initializer_list<const void*> pointers);

 private:
  dnnl::primitive primitive_;
  std::size_t scratchpad_bytes_ = 0;
  std::vector<memory> memories_;
  std::array<dnnl_exec_arg_t, 6> arguments_{};
  std::size_t count_ = 0;
};

Primitive make_reorder(const memory::desc& from, const memory::desc& to);

using Key = std::array<std::int64_t, 20>;

struct KeyHash {
  std::size_t operator()(const Key& key) const;
};

template <typename Value>
using Cache = std::unordered_map<Key, Value, KeyHash>;

/// A primitive made for both threads must not serve a part that runs on one, nor the reverse.
std::int64_t thread_key();

}  // namespace tessera::onednn
