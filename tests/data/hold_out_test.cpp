#include "data/hold_out.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "core/checksum.h"
#include "data/array_dataset.h"
#include "data/open_dataset.h"
#include "data/sets/synthetic.h"

namespace tessera {
namespace {

/// 40 of class 0, 7 of class 1, 2 of class 2, 1 of class 3, none of class 4, 10 of class 5.
std::vector<std::int64_t> some_classes() {
  std::vector<std::int64_t> classes;
  for (const auto& [number, count] : {std::pair{0, 40}, {1, 7}, {2, 2}, {3, 1}, {5, 10}}) {
    classes.insert(classes.end(), static_cast<std::size_t>(count), number);
  }
  return classes;
}

std::int64_t count_of(const std::vector<bool>& out, std::int64_t number) {
  const std::vector<std::int64_t> classes = some_classes();
  std::int64_t count = 0;
  for (std::size_t i = 0; i < out.size(); ++i) count += out[i] && classes[i] == number ? 1 : 0;
  return count;
}

TEST_CASE("held_out: a share of each class, at least one where there are two, by the seed alone") {
  DataConfig config;
  CHECK_FALSE(holds_out(config));
  config.val_split = 0.1;
  REQUIRE(holds_out(config));
  const std::vector<bool> out = held_out(some_classes(), config);
  CHECK(count_of(out, 0) == 4);
  CHECK(count_of(out, 1) == 1);
  CHECK(count_of(out, 2) == 1);
  CHECK(count_of(out, 3) == 0);
  CHECK(count_of(out, 5) == 1);
  CHECK(held_out(some_classes(), config) == out);
  config.split_seed = 1;
  CHECK(held_out(some_classes(), config) != out);
  config.val_split = 0.99;
  CHECK(count_of(held_out(some_classes(), config), 2) == 1);
  CHECK(count_of(held_out(some_classes(), config), 0) == 39);
}

TEST_CASE("held_out: folds are equal parts of everything and of each class") {
  DataConfig config;
  config.folds = 4;
  std::vector<int> times(some_classes().size());
  for (config.fold = 0; config.fold < 4; ++config.fold) {
    const std::vector<bool> out = held_out(some_classes(), config);
    for (std::size_t i = 0; i < out.size(); ++i) times[i] += out[i] ? 1 : 0;
    CHECK(count_of(out, 0) == 10);
    CHECK(count_of(out, 1) >= 1);
    CHECK(count_of(out, 1) <= 2);
    CHECK(count_of(out, 5) >= 2);
    CHECK(count_of(out, 5) <= 3);
    CHECK(std::count(out.begin(), out.end(), true) == 15);
  }
  CHECK(std::all_of(times.begin(), times.end(), [](int n) { return n == 1; }));
}

std::vector<std::uint64_t> hashes_of(const Dataset& dataset) {
  std::vector<std::uint64_t> hashes;
  Image buffer;
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    hashes.push_back(hash_bytes(dataset.read(i, buffer).pixels));
  }
  return hashes;
}

TEST_CASE("open_dataset: what is held out of a set of two parts is validation, test stays test") {
  DataConfig config;
  config.name = DatasetName::kSynthetic;
  config.test_samples = 30;
  CHECK(validates_on_test(config));
  CHECK(hashes_of(*open_dataset(config, Split::kVal)) ==
        hashes_of(*open_dataset(config, Split::kTest)));
  const auto test = hashes_of(*open_dataset(config, Split::kTest));
  const auto all = hashes_of(*open_dataset(config, Split::kTrain));
  config.test_samples = 0;
  config.val_split = 0.25;
  CHECK_FALSE(validates_on_test(config));
  const auto training = open_dataset(config, Split::kTrain);
  const auto val = open_dataset(config, Split::kVal);
  CHECK(training->size() == 3072);
  CHECK(val->size() == 1024);
  for (std::int32_t label = 0; label < 4; ++label) {
    std::int64_t count = 0;
    for (std::int64_t i = 0; i < val->size(); ++i) count += val->label(i) == label ? 1 : 0;
    CHECK(count == 256);
  }
  auto both = hashes_of(*training);
  const auto of_val = hashes_of(*val);
  both.insert(both.end(), of_val.begin(), of_val.end());
  CHECK(both != all);
  CHECK(std::multiset<std::uint64_t>(both.begin(), both.end()) ==
        std::multiset<std::uint64_t>(all.begin(), all.end()));
  CHECK(training->fingerprint() != val->fingerprint());
  config.test_samples = 30;
  CHECK(hashes_of(*open_dataset(config, Split::kTest)) == test);
  CHECK(open_dataset(config, Split::kVal)->size() == 30);
  config.test_samples = 5000;  // as many as there are
  CHECK(open_dataset(config, Split::kVal)->size() == 1024);
}

TEST_CASE("open_dataset: synthetic images are made for the training samples that are asked for") {
  DataConfig config;
  config.name = DatasetName::kSynthetic;
  config.train_samples = 101;
  config.val_split = 0.2;
  CHECK(open_dataset(config, Split::kTrain)->size() == 101);
  CHECK(open_dataset(config, Split::kVal)->size() > 20);
  config.val_split = 0.0;
  config.folds = 5;
  config.fold = 4;
  CHECK(open_dataset(config, Split::kTrain)->size() == 101);
  CHECK(open_dataset(config, Split::kVal)->size() == 25);
}

}  // namespace
}  // namespace tessera
