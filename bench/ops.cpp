// Every op at the sizes of Swin-T (8 images) and of the 32 px model (128): the table of the tests.
// Time is that of the op alone; arithmetic and memory traffic are what it says of itself (OpCost).
//
//   build/release/bench/bench_ops --benchmark_filter='layer_norm.*bf16'
#include <benchmark/benchmark.h>

#include "core/kernels/cpu.h"
#include "core/parallel.h"
#include "tests/support/op_table.h"

namespace tessera {
namespace {

using test::OpCase;

struct Operands {
  std::vector<Tensor> inputs;
  Tensor dy;  ///< made when it is first asked for
};

/// Those of the last call are kept: making random numbers takes longer than most ops.
Operands& operands_of(const OpCase& op_case, DType dtype) {
  static const OpCase* last_case = nullptr;
  static DType last_dtype = DType::kF32;
  static Operands operands;
  if (last_case != &op_case || last_dtype != dtype) {
    operands = {test::make_inputs(op_case), Tensor()};
    for (std::size_t i = 0; i < op_case.activations && dtype != DType::kF32; ++i) {
      operands.inputs[i] = cast(operands.inputs[i], dtype);
    }
    last_case = &op_case;
    last_dtype = dtype;
  }
  return operands;
}

/// One call of the op, and with `backward` its gradients from dy.
void call(Tape& tape, const OpCase& op_case, Operands& operands, bool backward) {
  std::vector<Var> vars;
  for (const Tensor& input : operands.inputs) {
    vars.push_back(backward ? tape.leaf(input) : tape.constant(input));
  }
  const Var y = op_case.op(tape, vars);
  if (!backward) return;
  Tensor& dy = operands.dy;
  if (!dy) dy = cast(test::random_tensor(y.shape(), 977), y.value.dtype());
  tape.backward(tape.record(Tensor::zeros({1}), true,
                            [y = y.target(), dy](Tape& t, const Tensor&) { t.pass(y, dy); }));
}

void run(benchmark::State& state, const OpCase& op_case, DType dtype, bool backward) {
  Operands& operands = operands_of(op_case, dtype);
  Tape tape;
  double flops = 0.0, bytes = 0.0;
  for (auto _ : state) {
    Profile profile;
    tape.reset({.profile = &profile});
    call(tape, op_case, operands, backward);
    double seconds = 0.0;
    for (const std::string& name : {op_case.name, op_case.name + " (backward)"}) {
      const auto found = profile.entries().find(name);
      if (found == profile.entries().end()) continue;
      seconds += found->second.seconds;
      flops += found->second.flops;
      bytes += found->second.bytes;
    }
    state.SetIterationTime(seconds);
  }
  state.counters["FLOP/s"] =
      benchmark::Counter(flops, benchmark::Counter::kIsRate, benchmark::Counter::kIs1000);
  state.counters["B/s"] =
      benchmark::Counter(bytes, benchmark::Counter::kIsRate, benchmark::Counter::kIs1000);
}

void register_all() {
  for (const OpCase& op_case : test::op_table().large) {
    for (const DType dtype : {DType::kF32, DType::kBF16}) {
      if (dtype == DType::kBF16 && (op_case.activations == 0 || !has_native_bf16())) {
        continue;
      }
      for (const bool backward : {false, true}) {
        const std::string name = fmt::format("{}/{}/{}", test::title(op_case), name_of(dtype),
                                             backward ? "forward+backward" : "forward");
        benchmark::RegisterBenchmark(name.c_str(),
                                     [&op_case, dtype, backward](benchmark::State& state) {
                                       run(state, op_case, dtype, backward);
                                     })
            ->UseManualTime()
            ->Unit(benchmark::kMillisecond);
      }
    }
  }
}

}  // namespace
}  // namespace tessera

int main(int argc, char** argv) {
  tessera::restart_with_short_waits(argv);
  tessera::register_all();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
