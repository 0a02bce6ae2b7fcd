// From what a detector puts out to boxes, of one image of 640 x 480 pixels: about as many
// candidates as the name says, of 3 or 80 classes.
//
//   build/release/bench/bench_detections
#include "tasks/detection/detections.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/rng.h"
#include "layers/heads/detector_heads.h"

namespace tessera {
namespace {

constexpr Size2 kImage{480, 640};

struct Outputs {
  ModelConfig model;
  std::vector<Tensor> tensors;
};

/// `candidates` of all places and classes score above the threshold, boxes around things of all
/// sizes: what is found once is found by its neighbours too, so that most go as overlaps.
Outputs make_outputs(std::int64_t candidates, std::int64_t classes) {
  Outputs outputs;
  ModelConfig& model = outputs.model;
  model.image_size = kImage;
  model.num_classes = classes;
  model.patch_size = {4, 4};
  model.depths = {1, 1, 1};
  model.num_heads = {1, 1, 1};
  model.head.type = HeadType::kFcos;
  model.head.detector.levels = {8, 16, 32, 64, 128};
  Rng rng(1, Stream::kSynthetic, 0, 0);
  std::int64_t places = 0;
  for (const std::int64_t stride : model.head.detector.levels) {
    places += (kImage[0] / stride + 1) * (kImage[1] / stride + 1);
  }
  const double share = static_cast<double>(candidates) / static_cast<double>(places * classes);
  for (const std::int64_t stride : model.head.detector.levels) {
    const std::int64_t height = (kImage[0] + stride - 1) / stride;
    const std::int64_t width = (kImage[1] + stride - 1) / stride;
    Tensor logits = Tensor::full({1, height, width, classes}, -8.0f);
    for (float& logit : logits.span()) {
      if (rng.uniform(0.0f, 1.0f) < static_cast<float>(share)) logit = rng.uniform(-2.0f, 4.0f);
    }
    Tensor distances = Tensor::empty({1, height, width, 4});
    for (float& distance : distances.span()) {
      distance = static_cast<float>(stride) * rng.uniform(1.0f, 4.0f);
    }
    outputs.tensors.push_back(logits);
    outputs.tensors.push_back(distances);
    outputs.tensors.push_back(Tensor::full({1, height, width, 1}, 1.0f));
  }
  return outputs;
}

void run(benchmark::State& state) {
  const Outputs outputs = make_outputs(state.range(0), state.range(1));
  std::size_t found = 0;
  for (auto _ : state) {
    found = detections_of(outputs.model, outputs.tensors, 0, kImage, kImage).size();
  }
  state.counters["boxes"] = static_cast<double>(found);
}

BENCHMARK(run)
    ->Name("detections")
    ->Args({1000, 3})
    ->Args({1000, 80})
    ->Args({5000, 80})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tessera

BENCHMARK_MAIN();
