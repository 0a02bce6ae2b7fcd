// A model of its own making, from Tessera's layers and ops, trained on data of its own: which of
// four ways do the stripes of a noisy image run?
#include <tessera/core/ops/cross_entropy.h>
#include <tessera/core/ops/elementwise.h>
#include <tessera/core/ops/tokens.h>
#include <tessera/layers/conv2d.h>
#include <tessera/layers/linear.h>
#include <tessera/optim/optimizer.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

using namespace tessera;

constexpr std::int64_t kSide = 16, kBatch = 64, kClasses = 4;

struct Batch {
  Tensor images = Tensor::empty({kBatch, kSide, kSide, 1});
  Tensor labels = Tensor::empty({kBatch}, DType::kI32);
};

/// The same for the same number; `Rng` is addressed, not drawn in a row.
Batch make_batch(std::uint64_t number) {
  Batch batch;
  for (std::int64_t b = 0; b < kBatch; ++b) {
    Rng rng(1, Stream::kSynthetic, number, static_cast<std::uint64_t>(b));
    const int label = static_cast<int>(rng.uniform() * kClasses);
    const float angle = 3.14159f / kClasses * static_cast<float>(label),
                phase = 6.28f * rng.uniform();
    batch.labels.data<std::int32_t>()[b] = label;
    for (std::int64_t i = 0; i < kSide * kSide; ++i) {
      const float x = static_cast<float>(i % kSide), y = static_cast<float>(i / kSide);
      batch.images.f32()[b * kSide * kSide + i] =
          std::sin(x * std::cos(angle) + y * std::sin(angle) + phase) + rng.normal();
    }
  }
  return batch;
}

struct StripesModel {
  Conv2d conv1{1, 16, {5, 5}, {.stride = {2, 2}}};
  Conv2d conv2{16, 32, {3, 3}, {.stride = {2, 2}}};
  Linear head{32, kClasses};

  Var forward(Tape& tape, const Var& images) {             // [B, 16, 16, 1]
    Var x = ops::gelu(tape, conv1.forward(tape, images));  // [B, 6, 6, 16]
    x = ops::gelu(tape, conv2.forward(tape, x));           // [B, 2, 2, 32]
    return head.forward(tape, ops::mean_pool(tape, x));    // [B, 4]
  }
  void visit(ParameterVisitor& visitor) {
    visitor("conv1", conv1);
    visitor("conv2", conv2);
    visitor("head", head);
  }
};

int main() {
  StripesModel model;
  ParameterStore parameters(model);
  parameters.initialize(/*seed=*/0, /*sigma=*/0.1f);
  const auto optimizer = make_optimizer({.name = OptimizerName::kAdamW}, parameters);
  for (std::uint64_t step = 0; step < 150; ++step) {
    const Batch batch = make_batch(step);
    Tape tape;
    parameters.clear_gradients();
    const Var logits = model.forward(tape, tape.constant(batch.images));
    const Var loss = ops::cross_entropy(tape, logits, batch.labels);
    tape.backward(loss);
    optimizer->step(/*lr=*/3e-3, /*grad_scale=*/1.0f);
    if (step % 50 == 0) std::printf("step %3d  loss %.3f\n", int(step), loss.value.f32()[0]);
  }
  int right = 0;
  for (std::uint64_t number = 1000; number < 1010; ++number) {
    const Batch batch = make_batch(number);
    Tape tape({.training = false});
    const Tensor logits = model.forward(tape, tape.constant(batch.images)).value;
    for (std::int64_t b = 0; b < kBatch; ++b) {
      const float* row = logits.f32() + b * kClasses;
      right += std::max_element(row, row + kClasses) - row == batch.labels.data<std::int32_t>()[b];
    }
  }
  std::printf("%.1f %% of new images right\n", 100.0 * right / (10 * kBatch));
  return right > 9 * kBatch ? 0 : 1;  // 90 %
}
