#include "distributed/gradient_sum.h"

#include <doctest/doctest.h>

#include <vector>

#include "tests/support/gradient_check.h"

namespace tessera {
namespace {

/// One of two ranks, the other of which has the same gradients, and notes what it is asked.
class Twin final : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 2; }
  int threads() const override { return 1; }
  std::vector<double> gather(std::span<const double> mine) override {
    std::vector<double> all(mine.begin(), mine.end());
    all.insert(all.end(), mine.begin(), mine.end());
    return all;
  }
  std::vector<std::string> gather_bytes(std::string_view mine) override {
    return {std::string(mine), std::string(mine)};
  }
  void broadcast(std::span<std::byte>) override {}
  bool on_one_machine() const override { return true; }
  void start_sum(const Tensor& values, DType, SumGoesTo) override {
    started.push_back(values.numel());
    for (float& value : values.span()) value *= 2.0f;
  }
  void progress() override {}
  void finish_sums() override { ++finished; }
  void exchange_parts(const Tensor& values) override { exchanged.push_back(values.numel()); }
  bool hand_over(std::string_view, int) override { return true; }
  void abort(int) override {}

  std::vector<std::int64_t> started, exchanged;
  int finished = 0;
};

struct Layers {
  Parameter a{{10}, Init::ones(), false}, b{{40}, Init::ones(), false}, c{{3}, Init::ones(), false},
      d{{20}, Init::ones(), false};
  void visit(ParameterVisitor& visitor) {
    visitor("a", a);
    visitor("b", b);
    visitor("c", c);
    visitor("d", d);
  }
};

TEST_CASE("gradient sum: buckets from the end begin in order, each when it is complete") {
  Layers layers;
  ParameterStore store(layers);
  store.grads().fill(1.0f);
  Twin ranks;
  GradientSum sum(store, ranks, DType::kF32, SumGoesTo::kAll, /*bucket=*/40);
  REQUIRE(sum.buckets() == 3);  // d with c, b, a
  sum.begin();
  sum.on_gradient(layers.b);
  sum.on_gradient(layers.d);
  CHECK(ranks.started.empty());  // c is missing, and b comes after it
  sum.on_gradient(layers.c);
  CHECK(ranks.started == std::vector<std::int64_t>{48, 48});
  sum.finish();  // a was not reached
  CHECK(ranks.started == std::vector<std::int64_t>{48, 48, 16});
  CHECK(ranks.finished == 1);
  for (const ParameterStore::Entry& entry : store.entries()) {
    for (const float value : entry.parameter->grad.span()) CHECK(value == 2.0f);
  }
}

struct Many {
  std::vector<Parameter> parameters;
  void visit(ParameterVisitor& visitor) { visitor("p", parameters); }
};

TEST_CASE("gradient sum: buckets get smaller towards the end of the pass") {
  Many layers;
  for (int i = 0; i < 64; ++i) layers.parameters.push_back({{1 << 12}, Init::ones(), false});
  ParameterStore store(layers);
  Twin ranks;
  GradientSum sum(store, ranks, DType::kF32, SumGoesTo::kAll, /*bucket=*/1 << 16);
  sum.begin();
  sum.finish();
  CHECK(ranks.started ==
        std::vector<std::int64_t>{1 << 16, 1 << 16, 1 << 16, 1 << 15, 1 << 14, 1 << 14});
}

TEST_CASE("gradient sum: parts of all ranks are the whole of each bucket, in whole cache lines") {
  for (const std::int64_t count : {0, 16, 48, 160, 1 << 20}) {
    for (const int size : {1, 2, 3, 7}) {
      std::int64_t end = 0;
      for (int rank = 0; rank < size; ++rank) {
        const ElementRange part = part_of(count, rank, size);
        CHECK(part.begin == end);
        CHECK(part.begin % 16 == 0);
        CHECK(part.end - part.begin <= count / size + 16);
        end = part.end;
      }
      CHECK(end == count);
    }
  }
}

TEST_CASE("gradient sum: a rank's own parts are those of its buckets, from the start") {
  Layers layers;
  ParameterStore store(layers);
  Twin ranks;
  const GradientSum sum(store, ranks, DType::kF32, SumGoesTo::kParts, /*bucket=*/40);
  // Of [0, 16), [16, 64) and [64, 112) the first of two ranks has whole lines, as many or one less.
  const std::vector<ElementRange> parts = sum.own_parts();
  REQUIRE(parts.size() == 2);
  CHECK(parts[0].begin == 16);
  CHECK(parts[0].end == 32);
  CHECK(parts[1].begin == 64);
  CHECK(parts[1].end == 80);
  sum.exchange_parts(store.values());
  CHECK(ranks.exchanged == std::vector<std::int64_t>{48, 48, 16});
}

TEST_CASE("gradient sum: what is frozen is not waited for, and updates follow each other") {
  Layers layers;
  layers.d.frozen = true;
  ParameterStore store(layers);
  Twin ranks;
  GradientSum sum(store, ranks, DType::kF32, SumGoesTo::kAll, /*bucket=*/16);
  for (int update = 1; update <= 2; ++update) {
    sum.begin();
    sum.on_gradient(layers.c);
    CHECK(ranks.started.size() == 4 * static_cast<std::size_t>(update) - 2);  // of d and of c
    sum.on_gradient(layers.b);
    sum.on_gradient(layers.a);
    sum.finish();
    CHECK(ranks.started.size() == 4 * static_cast<std::size_t>(update));
  }
}

}  // namespace
}  // namespace tessera
