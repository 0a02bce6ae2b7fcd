// The matrix products of linear layers at the sizes of Swin-T (batch 8) and of the small model,
// whole and in slices of rows with a thread each.
#include "core/ops/row_products.h"

#include <benchmark/benchmark.h>

namespace tessera {
namespace {

// Arguments: rows, in, out, rows of a slice (0: whole, both threads in each product).
void sizes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"rows", "in", "out", "slice"});
  for (const std::int64_t slice : {0, 512}) {
    bench->Args({32768, 48, 144, slice});
    bench->Args({32768, 48, 192, slice});
    bench->Args({32768, 192, 48, slice});
    bench->Args({25088, 96, 384, slice});
    bench->Args({25088, 384, 96, slice});
    bench->Args({6272, 192, 768, slice});
    bench->Args({6272, 768, 192, slice});
    bench->Args({1568, 384, 1536, slice});
    bench->Args({392, 768, 3072, slice});
  }
  bench->Unit(benchmark::kMillisecond)->UseRealTime();
}

enum class Product : std::uint8_t { kForward, kInputGradient, kWeightGradient };

void run(benchmark::State& state, Product product) {
  const std::int64_t rows = state.range(0), in = state.range(1), out = state.range(2);
  const std::int64_t slice = state.range(3);
  const RowSlices slices =
      slice == 0 ? RowSlices{rows, rows, 1} : RowSlices{rows, slice, num_parts(rows, slice)};
  const Tensor x = Tensor::full({rows, in}, 0.5f), y = Tensor::full({rows, out}, 0.5f);
  const Tensor weight = Tensor::full({out, in}, 0.1f), gradient = Tensor::zeros({out, in});
  for (auto _ : state) {
    const RowWeight ready(
        weight, product == Product::kInputGradient ? WeightUse::kBackward : WeightUse::kForward,
        DType::kF32, slices);
    PartialSums sums({gradient, false}, slices.parts);
    for_each_slice(slices, [&](int part, std::int64_t begin, std::int64_t count) {
      if (product == Product::kForward) {
        ready.multiply({.x = row_of(x, begin), .y = row_of(y, begin), .rows = count});
      } else if (product == Product::kInputGradient) {
        ready.multiply({.x = row_of(y, begin), .y = row_of(x, begin), .rows = count});
      } else {
        add_weight_gradient(row_of(y, begin), out, row_of(x, begin), in, DType::kF32, count, sums,
                            part);
      }
    });
    if (product == Product::kWeightGradient) sums.reduce();
  }
  state.counters["FLOP/s"] = benchmark::Counter(
      2.0 * static_cast<double>(rows * in) * static_cast<double>(out),
      benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
}

void forward(benchmark::State& state) { run(state, Product::kForward); }
void input_gradient(benchmark::State& state) { run(state, Product::kInputGradient); }
void weight_gradient(benchmark::State& state) { run(state, Product::kWeightGradient); }

BENCHMARK(forward)->Apply(sizes);
BENCHMARK(input_gradient)->Apply(sizes);
BENCHMARK(weight_gradient)->Apply(sizes);

}  // namespace
}  // namespace tessera

BENCHMARK_MAIN();
