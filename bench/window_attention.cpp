// Window attention, forward and backward, at the sizes of Swin-T and of small images.
#include "core/ops/window_attention.h"

#include <benchmark/benchmark.h>

#include "core/tape.h"

namespace tessera {
namespace {

// Arguments: batch, side of the map, channels, heads, window, shift, vector lanes (0: the best).
void sizes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"B", "side", "C", "heads", "window", "shift", "lanes"});
  for (const std::int64_t lanes : {0, 8}) {
    bench->Args({8, 56, 96, 3, 7, 0, lanes});
    bench->Args({8, 56, 96, 3, 7, 3, lanes});
    bench->Args({8, 28, 192, 6, 7, 3, lanes});
    bench->Args({8, 14, 384, 12, 7, 3, lanes});
    bench->Args({8, 7, 768, 24, 7, 0, lanes});
    bench->Args({128, 16, 48, 3, 4, 2, lanes});
    bench->Args({128, 8, 96, 6, 4, 2, lanes});
    bench->Args({128, 4, 192, 12, 4, 0, lanes});
    bench->Args({128, 14, 48, 3, 7, 3, lanes});
  }
  bench->Unit(benchmark::kMillisecond)->UseRealTime();
}

void run(benchmark::State& state, bool backward) {
  const std::int64_t batch = state.range(0), side = state.range(1), channels = state.range(2);
  const std::int64_t heads = state.range(3), window = state.range(4), tokens = window * window;
  const Tensor qkv = Tensor::full({batch, side, side, 3 * channels}, 0.1f);
  const Tensor bias = Tensor::zeros({heads, tokens, tokens});
  const Tensor dout = Tensor::full({batch, side, side, channels}, 0.1f);
  Tape tape;
  for (auto _ : state) {
    tape.reset({.training = backward});
    const Var out = ops::window_attention(tape, tape.leaf(qkv), tape.leaf(bias), {}, {},
                                          {.num_heads = heads,
                                           .window = {window, window},
                                           .shift = {state.range(5), state.range(5)},
                                           .scale = 0.2f,
                                           .lanes = state.range(6)});
    if (backward) {
      const Var loss = tape.record(
          Tensor::zeros({1}), true,
          [target = out.target(), dout](Tape& t, const Tensor&) { t.pass(target, dout); });
      tape.backward(loss);
    }
  }
  const double flops = (backward ? 14.0 : 4.0) * static_cast<double>(batch * side * side * tokens) *
                       static_cast<double>(channels);
  state.counters["FLOP/s"] = benchmark::Counter(
      flops, benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
}

void forward(benchmark::State& state) { run(state, false); }
void forward_and_backward(benchmark::State& state) { run(state, true); }

BENCHMARK(forward)->Apply(sizes);
BENCHMARK(forward_and_backward)->Apply(sizes);

}  // namespace
}  // namespace tessera

BENCHMARK_MAIN();
