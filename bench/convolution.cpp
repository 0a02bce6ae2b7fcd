// The weight gradient of patch embeddings: oneDNN's own, and the op's, which multiplies gathered
// patches where that is faster (see gathering_is_faster in core/ops/conv2d.cpp).
#include "core/onednn/convolution.h"

#include <benchmark/benchmark.h>

#include "core/ops/conv2d.h"

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

Tensor images_of(const onednn::ConvGeometry& g, DType dtype) {
  return cast(Tensor::full({g.batch, g.in_size[0], g.in_size[1], g.in_channels}, 0.5f), dtype);
}

Tensor gradient_of(const onednn::ConvGeometry& g, DType dtype) {
  return cast(Tensor::full({g.batch, g.out_size[0], g.out_size[1], g.out_channels}, 0.5f), dtype);
}

void count_flops(benchmark::State& state, const onednn::ConvGeometry& g) {
  const std::int64_t outputs = g.batch * g.out_size[0] * g.out_size[1] * g.out_channels;
  state.counters["FLOP/s"] = benchmark::Counter(
      2.0 * static_cast<double>(outputs * g.in_channels * g.kernel[0] * g.kernel[1]),
      benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
}

void library(benchmark::State& state, DType dtype) {
  onednn::ConvGeometry g = geometry_of(state);
  g.dtype = dtype;
  const Tensor x = images_of(g, dtype), dy = gradient_of(g, dtype);
  const Tensor dw = Tensor::zeros({g.out_channels, g.in_channels, g.kernel[0], g.kernel[1]});
  const Tensor db = Tensor::zeros({g.out_channels});
  for (auto _ : state) onednn::conv_backward_weights(g, x.raw(), dy.raw(), dw.f32(), db.f32());
  count_flops(state, g);
}

void op(benchmark::State& state, DType dtype) {
  const onednn::ConvGeometry g = geometry_of(state);
  const Tensor x = images_of(g, dtype), dy = gradient_of(g, dtype);
  const Tensor weight = Tensor::zeros({g.out_channels, g.in_channels, g.kernel[0], g.kernel[1]});
  const Tensor bias = Tensor::zeros({g.out_channels});
  for (auto _ : state) {
    state.PauseTiming();
    Tape tape;
    const Var y = ops::conv2d(tape, tape.constant(x), tape.leaf(weight), tape.leaf(bias),
                              {.stride = g.stride, .pad_begin = g.pad_begin, .pad_end = g.pad_end});
    const Var loss = tape.record(Tensor::zeros({1}), true,
                                 [y = y.target(), dy](Tape& t, const Tensor&) { t.pass(y, dy); });
    state.ResumeTiming();
    tape.backward(loss);
  }
  count_flops(state, g);
}

BENCHMARK_CAPTURE(library, f32, DType::kF32)->Apply(sizes);
BENCHMARK_CAPTURE(op, f32, DType::kF32)->Apply(sizes);
BENCHMARK_CAPTURE(library, bf16, DType::kBF16)->Apply(sizes);
BENCHMARK_CAPTURE(op, bf16, DType::kBF16)->Apply(sizes);

}  // namespace
}  // namespace tessera

BENCHMARK_MAIN();
