#include "core/parameter.h"

#include <algorithm>

#include "core/rng.h"

namespace tessera {
namespace {

// FNV-1a: gives each name an address of its own among the initial draws.
std::uint64_t hash_name(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

void draw(const Init& init, std::span<float> values, Rng rng) {
  switch (init.kind) {
    case Init::Kind::kZeros:
      std::fill(values.begin(), values.end(), 0.0f);
      return;
    case Init::Kind::kOnes:
      std::fill(values.begin(), values.end(), 1.0f);
      return;
    case Init::Kind::kTruncatedNormal:
      for (float& value : values) value = rng.truncated_normal(init.scale);
      return;
    case Init::Kind::kUniform:
      for (float& value : values) value = rng.uniform(-init.scale, init.scale);
      return;
    case Init::Kind::kConstant:
      std::fill(values.begin(), values.end(), init.scale);
      return;
  }
}

std::int64_t padded(std::int64_t floats) {
  constexpr std::int64_t kAlign = 16;  // floats in a cache line
  return (floats + kAlign - 1) / kAlign * kAlign;
}

}  // namespace

void ParameterStore::bind() {
  std::int64_t total = 0;
  for (Entry& entry : entries_) {
    entry.offset = total;
    total += padded(entry.parameter->shape.numel());
  }
  values_ = Tensor::zeros({total});
  grads_ = Tensor::zeros({total});
  for (const Entry& entry : entries_) {
    Parameter& parameter = *entry.parameter;
    parameter.value = values_.slice(entry.offset, parameter.shape);
    parameter.grad = grads_.slice(entry.offset, parameter.shape);
  }
  bind_buffers();
}

void ParameterStore::bind_buffers() {
  if (buffers_.empty()) return;
  std::int64_t total = 0;
  for (const BufferEntry& entry : buffers_) total += padded(entry.buffer->shape.numel());
  buffer_values_ = Tensor::zeros({total});
  std::int64_t offset = 0;
  for (const BufferEntry& entry : buffers_) {
    Buffer& buffer = *entry.buffer;
    buffer.value = buffer_values_.slice(offset, buffer.shape);
    buffer.value.fill(buffer.initial);
    offset += padded(buffer.shape.numel());
  }
}

void ParameterStore::initialize(std::uint64_t seed, float sigma) {
  for (const Entry& entry : entries_) {
    const std::uint64_t hash = hash_name(entry.name);
    Init init = entry.parameter->init;
    if (init.kind == Init::Kind::kTruncatedNormal && init.scale == 0.0f) init.scale = sigma;
    draw(init, entry.parameter->value.span(), Rng(seed, Stream::kInit, hash >> 32, hash));
  }
  for (const BufferEntry& entry : buffers_) entry.buffer->value.fill(entry.buffer->initial);
}

void ParameterStore::clear_gradients() {
  for (const Entry& entry : entries_) entry.parameter->grad_ready = false;
}

void ParameterStore::complete_gradients() {
  for (const Entry& entry : entries_) {
    if (!entry.parameter->grad_ready) entry.parameter->grad.fill(0.0f);
  }
}

const ParameterStore::Entry* ParameterStore::find(std::string_view name) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.name == name; });
  return found == entries_.end() ? nullptr : &*found;
}

std::int64_t ParameterStore::count() const {
  std::int64_t total = 0;
  for (const Entry& entry : entries_) total += entry.parameter->shape.numel();
  return total;
}

}  // namespace tessera
