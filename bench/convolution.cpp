// The weight gradient of patch embeddings with wide kernels: oneDNN's own, and as a product over
// gathered patches.
#include "core/onednn/convolution.h"

#include <benchmark/benchmark.h>

#include "core/ops/patch_conv.h"

namespace tessera {
namespace {

void sizes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"batch", "side", "in", "out", "kernel", "stride"});
  bench->Args({128, 32, 3, 48, 3, 2});  // overlap
  bench->Args({8, 224, 3, 96, 7, 4});
  bench->Args({128, 32, 3, 12, 8, 2});  // cross_scale
  bench->Args({128, 32, 3, 6, 14, 2});
  bench->Args({128, 32, 3, 6, 16, 2});
  bench->Args({8, 224, 3, 12, 16, 4});
  bench->Args({8, 224, 3, 12, 32, 4});
  bench->Args({128, 32, 3, 48, 16, 16});  // linear
  bench->Unit(benchmark::kMillisecond)->UseRealTime();
}

onednn::ConvGeometry geometry_of(const benchmark::State& state) {
  const std::int64_t side = state.range(1), kernel = state.range(4), stride = state.range(5);
  const std::int64_t places = (side + stride - 1) / stride, front = (kernel - stride + 1) / 2;
  const std::int64_t behind = (places - 1) * stride + kernel - front - side;
  return {.batch = state.range(0),
          .in_channels = state.range(2),
          .out_channels = state.range(3),
          .in_size = {side, side},
          .out_size = {places, places},
          .kernel = {kernel, kernel},
          .stride = {stride, stride},
          .pad_begin = {front, front},
          .pad_end = {behind, behind}};
}

void run(benchmark::State& state, bool gathered) {
  const onednn::ConvGeometry g = geometry_of(state);
  const Tensor x = Tensor::full({g.batch, g.in_size[0], g.in_size[1], g.in_channels}, 0.5f);
  const Tensor dy = Tensor::full({g.batch, g.out_size[0], g.out_size[1], g.out_channels}, 0.5f);
  const Tensor dw = Tensor::zeros({g.out_channels, g.in_channels, g.kernel[0], g.kernel[1]});
  const Tensor db = Tensor::zeros({g.out_channels});
  for (auto _ : state) {
    if (gathered) {
      patch_conv_backward_weights(g, x, dy, {dw, false}, {db, false});
    } else {
      onednn::conv_backward_weights(g, x.raw(), dy.raw(), dw.f32(), db.f32());
    }
  }
  state.counters["FLOP/s"] = benchmark::Counter(
      2.0 * static_cast<double>(dy.numel() * g.in_channels * g.kernel[0] * g.kernel[1]),
      benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
}

void library(benchmark::State& state) { run(state, false); }
void gathered(benchmark::State& state) { run(state, true); }

BENCHMARK(library)->Apply(sizes);
BENCHMARK(gathered)->Apply(sizes);

}  // namespace
}  // namespace tessera

BENCHMARK_MAIN();
