#include "layers/training_memory.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "core/onednn/library.h"
#include "core/parallel.h"
#include "layers/shadow_pool.h"
#include "layers/shadow_step.h"
#include "layers/stage_plan.h"

namespace tessera {
namespace {

constexpr std::int64_t kFloat = 4;

using Held = ShadowPool::Held;

/// Bytes that are no tensors'.
struct Unseen {
  std::size_t program;     ///< with its libraries, what oneDNN keeps of each product, small blocks
  std::size_t patch_size;  ///< what oneDNN keeps of the products of each patch size but one
};

/// Measured with oneDNN 2.6 and OpenMPI 4, and with oneDNN 3.7 and OpenMPI 5.
Unseen unseen_bytes() {
  return onednn::major_version() < 3 ? Unseen{26'000'000, 1'500'000}
                                     : Unseen{47'500'000, 4'000'000};
}

/// What orthogonal updates work in: Muon takes a matrix a thread.
void orthogonalize(ShadowPool& pool, const ModelConfig& config, DType dtype) {
  std::set<std::pair<std::int64_t, std::int64_t>> shapes;
  const ModelPlan plan = plan_model(config);
  for (const StagePlan& stage : plan.stages) {
    const std::int64_t c = stage.channels, hidden = mlp_hidden(config, c);
    shapes.insert({{3 * c, c}, {c, c}, {hidden, c}});
    if (&stage != &plan.stages.back()) shapes.insert({(&stage + 1)->channels, 4 * c});
  }
  for (const auto& [rows, columns] : shapes) {
    const std::int64_t size = rows * columns, side = std::min(rows, columns);
    const std::int64_t element = static_cast<std::int64_t>(size_of(dtype));
    std::vector<Held> work;
    for (int thread = 0; thread < num_threads(); ++thread) {
      for (const std::int64_t bytes : {kFloat * size, kFloat * size, element * size, element * size,
                                       kFloat * side * side, kFloat * side * side}) {
        work.push_back(pool.take(bytes));
      }
    }
  }
}

/// The configuration at each patch size that training draws.
std::vector<ModelConfig> drawn(const ModelConfig& config) {
  std::vector<ModelConfig> models;
  for (const std::int64_t side : config.patch_sizes) {
    models.push_back(config);
    models.back().patch_size = {side, side};
  }
  if (models.empty()) models.push_back(config);
  return models;
}

/// The model that is asked, as long as it is not: gradients it has too, and never writes them.
/// Returns what was taken while it was read: its files, weights and state, lay beside it.
std::size_t load_asked(ShadowPool& pool, const TrainingLoad& load, std::vector<Held>& lasting) {
  const AskedModel& asked = *load.asked;
  std::vector<Held> state;
  for (std::int64_t i = 0; i < 2; ++i) lasting.push_back(pool.take(kFloat * asked.parameters));
  for (std::int64_t i = 0; i < asked.state_copies; ++i) {
    state.push_back(pool.take(kFloat * asked.parameters));
  }
  const auto files = static_cast<std::size_t>(kFloat * asked.parameters * (1 + asked.state_copies));
  const std::size_t loading = pool.reserved() + files;
  state.clear();
  ShadowStep(pool, asked.config, ShadowStep::of_asked(load)).keep_packed(lasting);
  return loading;
}

}  // namespace

std::int64_t predict_training_bytes(const ModelConfig& config, const TrainingLoad& load) {
  ShadowPool pool;
  std::vector<Held> lasting;
  for (std::int64_t i = 0; i < 2 + load.state_copies; ++i) {
    lasting.push_back(pool.take(kFloat * load.parameters));
  }
  const std::int64_t image = config.image_size[0] * config.image_size[1] * config.in_channels;
  for (std::int64_t i = 0; i < load.batches; ++i) {
    lasting.push_back(pool.take(kFloat * load.batch * image));
  }
  const std::size_t loading = load.asked ? load_asked(pool, load, lasting) : 0;
  const std::vector<ModelConfig> models = drawn(config);
  for (int step = 0; step < 2; ++step) {
    for (const ModelConfig& model : models) {
      ShadowStep(pool, model, load).run();
      if (load.orthogonalizes) orthogonalize(pool, model, load.dtype);
    }
  }
  const Unseen unseen = unseen_bytes();
  return static_cast<std::int64_t>(std::max(pool.reserved(), loading) + unseen.program +
                                   unseen.patch_size * (models.size() - 1));
}

}  // namespace tessera
