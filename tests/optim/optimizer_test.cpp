#include "optim/optimizer.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/optim/toy_model.h"

namespace tessera {
namespace {

using test::ToyModel;

constexpr int kSteps = 5;
constexpr float kGradScale = 0.37f;
double rate_of(int step) { return 0.02 / (1 + step); }

std::vector<double> in_double(const Tensor& tensor) {
  return {tensor.span().begin(), tensor.span().end()};
}

/// Whether element `i` of the flat buffer decays, from the entries alone.
std::vector<bool> decays(const ParameterStore& store) {
  std::vector<bool> result(store.values().span().size(), false);
  for (const ParameterStore::Entry& entry : store.entries()) {
    for (std::int64_t i = 0; i < entry.parameter->shape.numel(); ++i) {
      result[static_cast<std::size_t>(entry.offset + i)] = entry.parameter->decay;
    }
  }
  return result;
}

// PyTorch's torch/optim/adamw.py, _single_tensor_adamw, in double precision.
std::vector<double> adamw_reference(const OptimConfig& config, ParameterStore& store) {
  std::vector<double> p = in_double(store.values());
  std::vector<double> m(p.size(), 0.0), v(p.size(), 0.0);
  const std::vector<bool> decay = decays(store);
  for (int step = 0; step < kSteps; ++step) {
    test::draw_gradients(store, static_cast<std::uint64_t>(step));
    const double lr = rate_of(step);
    const double correction1 = 1.0 - std::pow(config.betas[0], step + 1);
    const double correction2 = 1.0 - std::pow(config.betas[1], step + 1);
    for (std::size_t i = 0; i < p.size(); ++i) {
      const double g = double{store.grads().span()[i]} * double{kGradScale};
      if (decay[i]) p[i] *= 1.0 - lr * config.weight_decay;
      m[i] = m[i] * config.betas[0] + g * (1.0 - config.betas[0]);
      v[i] = v[i] * config.betas[1] + g * g * (1.0 - config.betas[1]);
      p[i] -= lr / correction1 * m[i] / (std::sqrt(v[i]) / std::sqrt(correction2) + config.eps);
    }
  }
  return p;
}

// PyTorch's torch/optim/sgd.py, _single_tensor_sgd, in double precision.
std::vector<double> sgd_reference(const OptimConfig& config, ParameterStore& store) {
  std::vector<double> p = in_double(store.values());
  std::vector<double> buffer;
  const std::vector<bool> decay = decays(store);
  for (int step = 0; step < kSteps; ++step) {
    test::draw_gradients(store, static_cast<std::uint64_t>(step));
    std::vector<double> d(p.size());
    for (std::size_t i = 0; i < p.size(); ++i) {
      d[i] = double{store.grads().span()[i]} * double{kGradScale} +
             (decay[i] ? config.weight_decay * p[i] : 0.0);
    }
    if (config.momentum != 0.0) {
      if (buffer.empty()) {
        buffer = d;
      } else {
        for (std::size_t i = 0; i < p.size(); ++i) buffer[i] = config.momentum * buffer[i] + d[i];
      }
      for (std::size_t i = 0; i < p.size(); ++i) {
        d[i] = config.nesterov ? d[i] + config.momentum * buffer[i] : buffer[i];
      }
    }
    for (std::size_t i = 0; i < p.size(); ++i) p[i] -= rate_of(step) * d[i];
  }
  return p;
}

void run_steps(Optimizer& optimizer, ParameterStore& store, int first, int last) {
  for (int step = first; step < last; ++step) {
    test::draw_gradients(store, static_cast<std::uint64_t>(step));
    optimizer.step(rate_of(step), kGradScale);
  }
}

/// Largest difference over all elements; values are around 1.
double difference(const Tensor& actual, const std::vector<double>& expected) {
  REQUIRE(actual.span().size() == expected.size());
  double worst = 0.0;
  bool finite = true;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    finite = finite && std::isfinite(actual.span()[i]);
    worst = std::max(worst, std::abs(double{actual.span()[i]} - expected[i]));
  }
  CHECK(finite);
  return worst;
}

std::vector<OptimConfig> configs() {
  OptimConfig adamw{.name = OptimizerName::kAdamW, .weight_decay = 0.5};
  OptimConfig adamw_rough = adamw;
  adamw_rough.betas = {0.7, 0.9};
  adamw_rough.eps = 0.1;
  OptimConfig adamw_free = adamw;
  adamw_free.weight_decay = 0.0;
  OptimConfig sgd{.name = OptimizerName::kSgd, .weight_decay = 0.5, .momentum = 0.9};
  OptimConfig nesterov = sgd;
  nesterov.nesterov = true;
  OptimConfig plain = sgd;
  plain.momentum = 0.0;
  return {adamw, adamw_rough, adamw_free, sgd, nesterov, plain};
}

/// With Muon, whose formulas have their own test.
std::vector<OptimConfig> all_configs() {
  std::vector<OptimConfig> result = configs();
  result.push_back({.name = OptimizerName::kMuon, .weight_decay = 0.5, .momentum = 0.95});
  return result;
}

ToyModel model_for(const OptimConfig& config) {
  return config.name == OptimizerName::kMuon ? ToyModel::matrices() : ToyModel::odd();
}

TEST_CASE("optimizers follow PyTorch's formulas in double precision") {
  for (const OptimConfig& config : configs()) {
    CAPTURE(static_cast<int>(config.name));
    CAPTURE(config.momentum);
    CAPTURE(config.eps);
    ToyModel model = ToyModel::odd();
    ParameterStore store(model);
    store.initialize(3);
    const Tensor start = store.values().clone();
    const std::vector<double> expected = config.name == OptimizerName::kAdamW
                                             ? adamw_reference(config, store)
                                             : sgd_reference(config, store);
    run_steps(*make_optimizer(config, store), store, 0, kSteps);
    CHECK(difference(store.values(), expected) < 1e-6);
    CHECK(difference(store.values(), in_double(start)) > 1e-2);
  }
}

TEST_CASE("without gradients only decaying parameters move") {
  for (OptimConfig config : all_configs()) {
    config.weight_decay = 0.25;
    ToyModel model = model_for(config);
    ParameterStore store(model);
    store.initialize(3);
    const Tensor start = store.values().clone();
    store.grads().fill(0.0f);
    make_optimizer(config, store)->step(0.1, 1.0f);
    const double kept = config.nesterov ? 1.0 - 0.025 * 1.9 : 1.0 - 0.025;
    const std::vector<bool> decay = decays(store);
    std::vector<double> expected = in_double(start);
    for (std::size_t i = 0; i < decay.size(); ++i) expected[i] *= decay[i] ? kept : 1.0;
    CHECK(difference(store.values(), expected) < 1e-6);
  }
}

TEST_CASE("what lies between the entries stays zero") {
  for (const OptimConfig& config : all_configs()) {
    ToyModel model = model_for(config);
    ParameterStore store(model);
    store.initialize(3);
    run_steps(*make_optimizer(config, store), store, 0, 2);
    std::vector<bool> used(store.values().span().size(), false);
    for (const ParameterStore::Entry& entry : store.entries()) {
      std::fill_n(used.begin() + entry.offset, entry.parameter->shape.numel(), true);
    }
    bool zero = true;
    for (std::size_t i = 0; i < used.size(); ++i) {
      zero = zero && (used[i] || store.values().span()[i] == 0.0f);
    }
    CHECK(zero);
  }
}

TEST_CASE("a step has the same bits for any number of threads") {
  for (const OptimConfig& config : all_configs()) {
    std::vector<Tensor> results;
    for (const int count : {1, 2, 3}) {
      const test::Threads threads(count);
      ToyModel model = model_for(config);
      ParameterStore store(model);
      store.initialize(3);
      run_steps(*make_optimizer(config, store), store, 0, 3);
      results.push_back(store.values());
    }
    CHECK(test::same_bits(results[0], results[1]));
    CHECK(test::same_bits(results[0], results[2]));
  }
}

TEST_CASE("an optimizer that takes over another's state continues bit for bit") {
  for (const OptimConfig& config : all_configs()) {
    ToyModel model = model_for(config);
    ParameterStore store(model);
    store.initialize(3);
    const auto optimizer = make_optimizer(config, store);
    run_steps(*optimizer, store, 0, 3);

    ToyModel resumed_model = model_for(config);
    ParameterStore resumed_store(resumed_model);
    resumed_store.values().copy_from(store.values());
    const auto resumed = make_optimizer(config, resumed_store);
    const StateTensors from = optimizer->state(), to = resumed->state();
    REQUIRE(from.size() == to.size());
    for (std::size_t i = 0; i < from.size(); ++i) {
      CHECK(from[i].name == to[i].name);
      to[i].tensor.copy_from(from[i].tensor);
    }

    run_steps(*optimizer, store, 3, 6);
    run_steps(*resumed, resumed_store, 3, 6);
    CHECK(test::same_bits(store.values(), resumed_store.values()));

    // The state matters: without it the same steps end elsewhere.
    ToyModel fresh_model = model_for(config);
    ParameterStore fresh_store(fresh_model);
    fresh_store.values().copy_from(store.values());
    run_steps(*make_optimizer(config, fresh_store), fresh_store, 6, 7);
    run_steps(*optimizer, store, 6, 7);
    const bool has_memory = config.name != OptimizerName::kSgd || config.momentum != 0.0;
    CHECK(test::same_bits(store.values(), fresh_store.values()) != has_memory);
  }
}

TEST_CASE(
    "optimizers of parts that do not meet make one update together, or say that they cannot") {
  for (const OptimConfig& config : all_configs()) {
    ToyModel whole_model = model_for(config), model = model_for(config);
    ParameterStore whole_store(whole_model), store(model);
    whole_store.initialize(3);
    store.initialize(3);
    const std::int64_t size = store.values().numel(), middle = size / 32 * 16;
    std::vector<std::unique_ptr<Optimizer>> optimizers;
    for (const bool first : {true, false}) {
      // Two ranges each, that begin and end within runs.
      const std::vector<ElementRange> parts =
          first ? std::vector<ElementRange>{{0, 16}, {48, middle}}
                : std::vector<ElementRange>{{16, 48}, {middle, size}};
      optimizers.push_back(make_optimizer(config, store));
      const bool by_parts = optimizers.back()->update_only(parts);
      CHECK(by_parts == (config.name != OptimizerName::kMuon));
      if (!by_parts) optimizers.pop_back();
    }
    const auto whole = make_optimizer(config, whole_store);
    for (int step = 0; step < 3; ++step) {
      run_steps(*whole, whole_store, step, step + 1);
      for (const auto& optimizer : optimizers) run_steps(*optimizer, store, step, step + 1);
    }
    CHECK(test::same_bits(store.values(), whole_store.values()) == !optimizers.empty());
  }
}

TEST_CASE("a model without parameters can be stepped") {
  ToyModel model;
  ParameterStore store(model);
  for (const OptimConfig& config : all_configs()) {
    CHECK_NOTHROW(make_optimizer(config, store)->step(0.1, 1.0f));
  }
}

TEST_CASE("state_buffers: as many as the state of each optimizer has") {
  for (const OptimizerName name :
       {OptimizerName::kAdamW, OptimizerName::kMuon, OptimizerName::kSgd}) {
    ToyModel model = ToyModel::matrices();
    const ParameterStore store(model);
    const auto optimizer = make_optimizer({.name = name}, store);
    std::int64_t buffers = 0;
    for (const NamedTensor& part : optimizer->state()) {
      if (part.tensor.numel() == store.values().numel()) ++buffers;
    }
    CHECK(state_buffers(name) == buffers);
  }
}

}  // namespace
}  // namespace tessera
