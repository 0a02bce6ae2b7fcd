#include "train/averaged_weights.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "core/error.h"

namespace tessera {
namespace {

// Where ParameterStore of version 0.1 put a parameter: at multiples of so many floats.
constexpr std::size_t kAlign = 16;

std::size_t padded(std::size_t bytes) {
  constexpr std::size_t kStep = kAlign * sizeof(float);
  return (bytes + kStep - 1) / kStep * kStep;
}

}  // namespace

void put_averages_first(TensorFile& model, TensorFile& state) {
  const StoredTensor* old = state.find(kOldAverages);
  if (old == nullptr) return;
  const StoredTensor averages = *old;
  std::size_t total = 0;
  bool fits = averages.type == StoredType::kF32;
  for (const StoredTensor& tensor : model.tensors) {
    fits &= tensor.type == StoredType::kF32;
    total += padded(tensor.bytes.size());
  }
  if (!fits || total != averages.bytes.size()) {
    fail<CheckpointError>("[checkpoint] {}: averages of {} bytes, {} has {}", state.path,
                          averages.bytes.size(), model.path, total);
  }
  const auto trained = std::make_shared<std::byte[]>(total);  // zeros between the parameters
  std::size_t at = 0;
  for (StoredTensor& tensor : model.tensors) {
    std::copy(tensor.bytes.begin(), tensor.bytes.end(), trained.get() + at);
    tensor.bytes = averages.bytes.subspan(at, tensor.bytes.size());
    tensor.owner = averages.owner;
    at += padded(tensor.bytes.size());
  }
  for (StoredTensor& tensor : state.tensors) {
    if (tensor.name != kOldAverages) continue;
    tensor.name = kTrainedWeights;
    tensor.bytes = {trained.get(), total};
    tensor.owner = trained;
  }
}

}  // namespace tessera
