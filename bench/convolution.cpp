// Convolutions of patch embeddings and mergings: oneDNN's own, and as products over gathered
// patches.
#include "core/onednn/convolution.h"

#include <benchmark/benchmark.h>

#include "core/ops/patch_conv.h"

namespace tessera {
namespace {

// Arguments: batch, side, channels in and out, kernel, stride.
void sizes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"batch", "side", "in", "out", "kernel", "stride"});
  bench->Args({128, 32, 3, 48, 2, 2});  // linear
  bench->Args({128, 28, 1, 48, 4, 4});
  bench->Args({8, 224, 3, 96, 4, 4});
  bench->Args({128, 32, 3, 48, 3, 2});  // overlap
  bench->Args({128, 32, 3, 48, 3, 1});
  bench->Args({128, 28, 1, 48, 7, 4});
  bench->Args({8, 224, 3, 96, 7, 4});
  bench->Args({128, 32, 3, 12, 8, 2});  // cross_scale
  bench->Args({128, 32, 3, 6, 16, 2});
  bench->Args({8, 224, 3, 12, 32, 4});
  bench->Args({128, 32, 3, 24, 3, 2});  // conv_stem
  bench->Args({128, 16, 24, 48, 3, 2});
  bench->Args({8, 224, 3, 48, 3, 2});
  bench->Args({8, 112, 48, 96, 3, 2});
  bench->Args({128, 16, 48, 96, 3, 2});  // merging
  bench->Args({8, 56, 96, 192, 3, 2});
  bench->Args({8, 28, 192, 384, 3, 2});
  bench->Args({8, 28, 192, 192, 4, 2});
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

enum class Pass : std::uint8_t { kForward, kWeights, kData };

void run(benchmark::State& state, Pass pass, bool gathered) {
  const onednn::ConvGeometry g = geometry_of(state);
  const Tensor x = Tensor::full({g.batch, g.in_size[0], g.in_size[1], g.in_channels}, 0.5f);
  const Tensor y = Tensor::full({g.batch, g.out_size[0], g.out_size[1], g.out_channels}, 0.5f);
  const Tensor weight =
      Tensor::full({g.out_channels, g.in_channels, g.kernel[0], g.kernel[1]}, .1f);
  const Tensor bias = Tensor::full({g.out_channels}, 0.1f);
  for (auto _ : state) {
    if (pass == Pass::kForward && gathered) {
      patch_conv_forward(g, x, weight, bias.f32(), y);
    } else if (pass == Pass::kForward) {
      onednn::conv_forward(g, x.raw(), weight.f32(), bias.f32(), y.raw());
    } else if (pass == Pass::kWeights && gathered) {
      patch_conv_backward_weights(g, x, y, {weight, false}, {bias, false});
    } else if (pass == Pass::kWeights) {
      onednn::conv_backward_weights(g, x.raw(), y.raw(), weight.f32(), bias.f32());
    } else if (gathered) {
      patch_conv_backward_data(g, y, weight, {x, false});
    } else {
      onednn::conv_backward_data(g, y.raw(), weight.f32(), x.raw());
    }
  }
  state.counters["FLOP/s"] = benchmark::Counter(
      2.0 * static_cast<double>(y.numel() * g.in_channels * g.kernel[0] * g.kernel[1]),
      benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
}

void forward_library(benchmark::State& state) { run(state, Pass::kForward, false); }
void forward_gathered(benchmark::State& state) { run(state, Pass::kForward, true); }
void weights_library(benchmark::State& state) { run(state, Pass::kWeights, false); }
void weights_gathered(benchmark::State& state) { run(state, Pass::kWeights, true); }
void data_library(benchmark::State& state) { run(state, Pass::kData, false); }
void data_gathered(benchmark::State& state) { run(state, Pass::kData, true); }

BENCHMARK(forward_library)->Apply(sizes);
BENCHMARK(forward_gathered)->Apply(sizes);
BENCHMARK(weights_library)->Apply(sizes);
BENCHMARK(weights_gathered)->Apply(sizes);
BENCHMARK(data_library)->Apply(sizes);
BENCHMARK(data_gathered)->Apply(sizes);

}  // namespace
}  // namespace tessera

BENCHMARK_MAIN();
