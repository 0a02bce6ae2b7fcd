#include "optim/muon.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/kernels/cpu.h"
#include "tests/optim/toy_model.h"
#include "tests/support/gradient_check.h"

namespace tessera {
namespace {

using test::ToyModel;

/// Row-major, in double precision.
struct Matrix {
  std::int64_t rows = 0, columns = 0;
  std::vector<double> values;

  double& operator()(std::int64_t i, std::int64_t j) {
    return values[static_cast<std::size_t>(i * columns + j)];
  }
  double operator()(std::int64_t i, std::int64_t j) const {
    return values[static_cast<std::size_t>(i * columns + j)];
  }
};

Matrix zeros(std::int64_t rows, std::int64_t columns) {
  return {rows, columns, std::vector<double>(static_cast<std::size_t>(rows * columns), 0.0)};
}

Matrix transposed(const Matrix& a) {
  Matrix result = zeros(a.columns, a.rows);
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t j = 0; j < a.columns; ++j) result(j, i) = a(i, j);
  }
  return result;
}

Matrix product(const Matrix& a, const Matrix& b) {
  Matrix result = zeros(a.rows, b.columns);
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t k = 0; k < a.columns; ++k) {
      for (std::int64_t j = 0; j < b.columns; ++j) result(i, j) += a(i, k) * b(k, j);
    }
  }
  return result;
}

// PyTorch's torch/optim/_muon.py, _zeropower_via_newtonschulz, in double precision.
Matrix orthogonalized_reference(Matrix x) {
  if (x.rows > x.columns) return transposed(orthogonalized_reference(transposed(x)));
  double norm = 0.0;
  for (const double value : x.values) norm += value * value;
  for (double& value : x.values) value /= std::max(std::sqrt(norm), 1e-7);
  for (int step = 0; step < 5; ++step) {
    const Matrix gram = product(x, transposed(x));
    Matrix update = product(gram, gram);
    for (std::size_t i = 0; i < update.values.size(); ++i) {
      update.values[i] = -4.7750 * gram.values[i] + 2.0315 * update.values[i];
    }
    const Matrix along = product(update, x);
    for (std::size_t i = 0; i < x.values.size(); ++i) {
      x.values[i] = 3.4445 * x.values[i] + along.values[i];
    }
  }
  return x;
}

Matrix draw(std::int64_t rows, std::int64_t columns) {
  Matrix result = zeros(rows, columns);
  Rng rng(5, Stream::kSynthetic, static_cast<std::uint64_t>(rows),
          static_cast<std::uint64_t>(columns));
  for (double& value : result.values) value = rng.normal();
  return result;
}

Tensor as_tensor(const Matrix& matrix) {
  const std::vector<float> values(matrix.values.begin(), matrix.values.end());
  return Tensor::from({matrix.rows, matrix.columns}, std::span<const float>(values));
}

double difference(const Tensor& actual, const Matrix& expected) {
  double worst = 0.0;
  for (std::size_t i = 0; i < expected.values.size(); ++i) {
    const double off = std::abs(double{actual.span()[i]} - expected.values[i]);
    worst = std::isfinite(off) ? std::max(worst, off) : off;
  }
  return worst;
}

TEST_CASE("orthogonalized: the reference in double precision, wide, tall and square") {
  for (const auto& [rows, columns] : std::vector<std::pair<std::int64_t, std::int64_t>>{
           {1, 1}, {1, 9}, {7, 1}, {5, 31}, {40, 12}, {33, 33}, {64, 100}}) {
    CAPTURE(rows);
    CAPTURE(columns);
    const Matrix matrix = draw(rows, columns);
    const Matrix expected = orthogonalized_reference(matrix);
    CHECK(difference(orthogonalized(as_tensor(matrix), DType::kF32), expected) < 2e-5);
    CHECK(difference(orthogonalized(as_tensor(matrix), DType::kBF16), expected) < 0.05);
  }
}

TEST_CASE("orthogonalized: rows become orthogonal, of length 0.7 to 1.2, whatever the scale") {
  constexpr std::int64_t kRows = 24, kColumns = 80;
  for (const double scale : {1e-5, 1.0, 1e5}) {
    for (const DType dtype : {DType::kF32, DType::kBF16}) {
      CAPTURE(scale);
      Matrix matrix = draw(kRows, kColumns);
      for (double& value : matrix.values) value *= scale;
      const Tensor result = orthogonalized(as_tensor(matrix), dtype);
      for (std::int64_t i = 0; i < kRows; ++i) {
        for (std::int64_t j = 0; j <= i; ++j) {
          double dot = 0.0;
          for (std::int64_t k = 0; k < kColumns; ++k) {
            dot += double{result.f32()[i * kColumns + k]} * double{result.f32()[j * kColumns + k]};
          }
          CHECK(dot > (i == j ? 0.7 * 0.7 : -0.25));
          CHECK(dot < (i == j ? 1.2 * 1.2 : 0.25));
        }
      }
    }
  }
}

TEST_CASE("orthogonalized: zeros stay zeros") {
  const Tensor result = orthogonalized(Tensor::zeros({4, 6}), DType::kF32);
  for (const float value : result.span()) CHECK(value == 0.0f);
}

// PyTorch's torch/optim/_muon.py, _single_tensor_muon with match_rms_adamw, in double precision.
Matrix muon_reference(const OptimConfig& config, const ParameterStore::Entry& entry,
                      ParameterStore& store, int steps) {
  const Shape& shape = entry.parameter->shape;
  Matrix p = zeros(shape[0], shape.numel() / shape[0]);
  std::ranges::copy(entry.parameter->value.span(), p.values.begin());
  Matrix mean = zeros(p.rows, p.columns), direction = mean;
  const double mu = config.momentum;
  for (int step = 0; step < steps; ++step) {
    test::draw_gradients(store, static_cast<std::uint64_t>(step));
    for (std::size_t i = 0; i < p.values.size(); ++i) {
      const double g = 0.37 * double{entry.parameter->grad.span()[i]};
      mean.values[i] += (1.0 - mu) * (g - mean.values[i]);
      direction.values[i] = config.nesterov ? g + mu * (mean.values[i] - g) : mean.values[i];
    }
    const Matrix update = orthogonalized_reference(direction);
    const double lr = 0.02 / (1 + step);
    const double size = 0.2 * std::sqrt(static_cast<double>(std::max(p.rows, p.columns)));
    for (std::size_t i = 0; i < p.values.size(); ++i) {
      p.values[i] = (1.0 - lr * config.weight_decay) * p.values[i] - lr * size * update.values[i];
    }
  }
  return p;
}

TEST_CASE("muon: matrices follow the reference in double precision, the rest AdamW's bits") {
  constexpr int kSteps = 4;
  for (const bool nesterov : {false, true}) {
    const OptimConfig config{
        .name = OptimizerName::kMuon, .weight_decay = 0.5, .momentum = 0.95, .nesterov = nesterov};
    ToyModel model = ToyModel::matrices(), twin = ToyModel::matrices();
    ParameterStore store(model), twin_store(twin);
    store.initialize(3);
    twin_store.initialize(3);
    std::vector<Matrix> expected;
    for (const ParameterStore::Entry& entry : store.entries()) {
      expected.push_back(entry.parameter->is_matrix ? muon_reference(config, entry, store, kSteps)
                                                    : Matrix{});
    }
    Muon muon(config, store, DType::kF32);
    AdamW adamw(config, twin_store);
    for (int step = 0; step < kSteps; ++step) {
      for (ParameterStore* each : {&store, &twin_store}) {
        test::draw_gradients(*each, static_cast<std::uint64_t>(step));
      }
      muon.step(0.02 / (1 + step), 0.37f);
      adamw.step(0.02 / (1 + step), 0.37f);
    }
    for (std::size_t i = 0; i < expected.size(); ++i) {
      CAPTURE(i);
      const Tensor& value = store.entries()[i].parameter->value;
      const Tensor& adamw_value = twin_store.entries()[i].parameter->value;
      if (expected[i].rows > 0) {
        CHECK(difference(value, expected[i]) < 1e-5);
        CHECK(!test::same_bits(value, adamw_value));
      } else {
        CHECK(test::same_bits(value, adamw_value));
      }
    }
  }
}

TEST_CASE("muon: a matrix alone has the same bits for any number of threads") {
  const auto after = [](int count) {
    const test::Threads threads(count);
    ToyModel model;
    model.parameters.push_back(Parameter::matrix({300, 500}, Init::uniform(1.0f)));
    ParameterStore store(model);
    store.initialize(3);
    test::draw_gradients(store, 0);
    make_optimizer({.name = OptimizerName::kMuon}, store)->step(0.01, 1.0f);
    return store.values();
  };
  const Tensor one = after(1);
  CHECK(test::same_bits(after(2), one));
  CHECK(test::same_bits(after(3), one));
}

TEST_CASE("muon: in f32 the last bits of a gradient do not move its direction by more than a few") {
  const auto after = [](float error, DType precision) {
    ToyModel model;
    model.parameters.push_back(Parameter::matrix({300, 500}, Init::uniform(1.0f)));
    ParameterStore store(model);
    store.initialize(3);
    test::draw_gradients(store, 0);
    Rng rng(7, Stream::kSynthetic, 0, 0);
    for (float& g : store.grads().span()) g *= 1.0f + error * (rng.uniform(0.0f, 2.0f) - 1.0f);
    OptimConfig config{.name = OptimizerName::kMuon};
    config.weight_decay = 0.0;
    make_optimizer(config, store, precision)->step(1.0, 1.0f);
    return store.values();
  };
  const auto apart = [&](DType precision) {
    return test::relative_error(after(1.2e-7f, precision), after(0.0f, precision));
  };
  CHECK(apart(DType::kF32) < 2e-6);
  if (has_native_bf16()) CHECK(apart(DType::kBF16) > 1e-5);
}

struct Layer {
  Parameter weight = Parameter::matrix({6, 8}, Init::uniform(1.0f));
  void visit(ParameterVisitor& visitor) { visitor("weight", weight); }
};

struct TwoLayers {
  Layer hidden, head;
  void visit(ParameterVisitor& visitor) {
    visitor("hidden", hidden);
    visitor("head", head);
  }
};

TEST_CASE("muon: the head is AdamW's") {
  const auto after = [](OptimizerName name) {
    TwoLayers model;
    model.head.weight.in_head = true;
    ParameterStore store(model);
    store.initialize(3);
    test::draw_gradients(store, 0);
    make_optimizer({.name = name}, store)->step(0.01, 1.0f);
    return model;
  };
  const TwoLayers muon = after(OptimizerName::kMuon), adamw = after(OptimizerName::kAdamW);
  CHECK(!test::same_bits(muon.hidden.weight.value, adamw.hidden.weight.value));
  CHECK(test::same_bits(muon.head.weight.value, adamw.head.weight.value));
}

}  // namespace
}  // namespace tessera
