#include "train/class_weights.h"

#include <exception>
#include <mutex>
#include <vector>

#include "core/error.h"
#include "core/parallel.h"
#include "tasks/classification/loss.h"
#include "tasks/segmentation/segmentation.h"

namespace tessera {
namespace {

/// Pixels of each class, over all masks.
std::vector<std::int64_t> count_pixels(const Dataset& dataset, OnError on_error) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(dataset.num_classes()), 0);
  std::mutex mutex;  // guards counts and error
  std::exception_ptr error;
  parallel_for(dataset.size(), 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::int64_t> own(256, 0);
    try {
      for (std::int64_t i = begin; i < end; ++i) {
        try {
          for (const std::uint8_t value : dataset.target(i).mask.classes) ++own[value];
        } catch (const DataError&) {
          if (on_error == OnError::kFail) throw;
        }
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!error) error = std::current_exception();
    }
    const std::lock_guard lock(mutex);
    for (std::size_t k = 0; k < counts.size(); ++k) counts[k] += own[k];
  });
  if (error) std::rethrow_exception(error);
  return counts;
}

std::vector<std::int64_t> count_images(const Dataset& dataset) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(dataset.num_classes()), 0);
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    ++counts[static_cast<std::size_t>(dataset.label(i))];
  }
  return counts;
}

}  // namespace

Config with_class_weights(Config config, const Dataset& train) {
  ClassWeighting& weighting = config.task.weighting;
  const bool is_counted =
      weighting.balance == ClassWeights::kBalanced || weighting.balance == ClassWeights::kEffective;
  if (!is_counted || config.task.name == TaskName::kDetection) return config;
  const std::vector<std::int64_t> counts = train.target_kind() == TargetKind::kMask
                                               ? count_pixels(train, config.data.on_error)
                                               : count_images(train);
  weighting.weights = weighting.balance == ClassWeights::kBalanced ? balanced_weights(counts)
                                                                   : effective_weights(counts);
  weighting.weights.resize(static_cast<std::size_t>(config.model.num_classes), 1.0f);
  return config;
}

}  // namespace tessera
