#include "formats/weights/quantized_file.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string_view>

#include "core/error.h"
#include "core/text.h"

namespace tessera {
namespace {

constexpr std::string_view kScale = "_scale", kInputScale = "_input_scale",
                           kInputZero = "_input_zero";

/// [out, in] of I8 that owns its integers.
StoredTensor stored_integers(const NamedTensor& weight, const LinearCode& code) {
  const auto integers = std::make_shared<const std::vector<std::int8_t>>(
      weight_integers(weight.tensor, code.weight_scales));
  return {.name = weight.name,
          .type = StoredType::kI8,
          .shape = {weight.tensor.dim(0), weight.tensor.dim(1)},
          .bytes = std::as_bytes(std::span(*integers)),
          .owner = integers};
}

/// The tensor that belongs to the weight `name`, as f32.
Tensor companion(const TensorFile& file, const std::string& name, std::string_view suffix,
                 std::int64_t elements) {
  const std::string full = name + std::string(suffix);
  const StoredTensor& stored = file.at(full);
  const Tensor values = stored.type == StoredType::kI32 ? Tensor() : to_f32(stored, file.path);
  if (!values || values.numel() != elements) {
    fail<CheckpointError>("[weights] {}: tensor {} belongs to {} and must be F32 [{}]", file.path,
                          quoted(full), quoted(name), elements);
  }
  for (const float value : values.span()) {
    if (!(value > 0.0f) || !std::isfinite(value)) {
      fail<CheckpointError>("[weights] {}: tensor {} holds {}: scales are positive", file.path,
                            quoted(full), value);
    }
  }
  return values;
}

std::int32_t input_zero(const TensorFile& file, const std::string& name) {
  const std::string full = name + std::string(kInputZero);
  const Tensor zero = file.i32(full);
  const bool one = zero.numel() == 1;
  const std::int32_t value = one ? *zero.data<std::int32_t>() : -1;
  if (value < 0 || value > 255) {
    fail<CheckpointError>("[weights] {}: tensor {} must be one number from 0 to 255", file.path,
                          quoted(full));
  }
  return value;
}

bool is_companion(std::string_view name, std::string_view weight) {
  return name.starts_with(weight) &&
         (name.substr(weight.size()) == kScale || name.substr(weight.size()) == kInputScale ||
          name.substr(weight.size()) == kInputZero);
}

/// The weight in f32, for what knows no integers.
StoredTensor stored_floats(const StoredTensor& integers, const LinearCode& code,
                           std::string_view file) {
  const Tensor values = to_i32(integers, file);
  const Tensor floats = Tensor::empty(values.shape());
  const std::int64_t in = values.dim(1);
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    floats.f32()[i] = static_cast<float>(values.data<std::int32_t>()[i]) *
                      code.weight_scales[static_cast<std::size_t>(i / in)];
  }
  return view_of(integers.name, floats);
}

}  // namespace

std::vector<StoredTensor> quantized_tensors(std::span<const NamedTensor> parameters,
                                            const Quantization& codes) {
  std::vector<StoredTensor> tensors;
  for (const NamedTensor& named : parameters) {
    const auto found = codes.find(named.name);
    if (found == codes.end()) {
      tensors.push_back(view_of(named.name, named.tensor));
      continue;
    }
    const LinearCode& code = found->second;
    tensors.push_back(stored_integers(named, code));
    const auto count = static_cast<std::int64_t>(code.weight_scales.size());
    const auto add = [&](std::string_view suffix, const Tensor& values) {
      tensors.push_back(view_of(named.name + std::string(suffix), values));
    };
    add(kScale, Tensor::from({count}, code.weight_scales));
    add(kInputScale, Tensor::full({1}, code.input.scale));
    add(kInputZero, Tensor::from({1}, std::span(&code.input.zero, 1)));
  }
  return tensors;
}

Quantization take_quantization(TensorFile& file) {
  Quantization codes;
  for (const StoredTensor& tensor : file.tensors) {
    if (tensor.type != StoredType::kI8 || file.find(tensor.name + std::string(kScale)) == nullptr) {
      continue;
    }
    if (tensor.shape.size() != 2 || tensor.shape[0] < 1 || tensor.shape[1] < 1) {
      fail<CheckpointError>("[weights] {}: tensor {} of 8 bits must have two dimensions", file.path,
                            quoted(tensor.name));
    }
    const Tensor scales = companion(file, tensor.name, kScale, tensor.shape[0]);
    const Tensor input = companion(file, tensor.name, kInputScale, 1);
    codes[tensor.name] = {{input.f32()[0], input_zero(file, tensor.name)},
                          {scales.span().begin(), scales.span().end()}};
  }
  for (const auto& [name, code] : codes) {
    std::erase_if(file.tensors, [&weight = name](const StoredTensor& tensor) {
      return is_companion(tensor.name, weight);
    });
    for (StoredTensor& tensor : file.tensors) {
      if (tensor.name == name) tensor = stored_floats(tensor, code, file.path);
    }
  }
  return codes;
}

}  // namespace tessera
