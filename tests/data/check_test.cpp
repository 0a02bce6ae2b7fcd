#include "data/check.h"

#include <doctest/doctest.h>

#include <cmath>

#include "data/synthetic.h"
#include "tests/data/files.h"

namespace tessera {
namespace {

using namespace testing;

DatasetInfo tiny() {
  DatasetInfo info = dataset_info(DatasetName::kSynthetic);
  info.image = {1, 2, 3};
  return info;
}

TEST_CASE("check: counts, empty classes, statistics, duplicates") {
  const ArrayDataset dataset(tiny(), {0,   10, 20, 255, 30, 20,  //
                                      0,   10, 20, 255, 30, 21,  //
                                      0,   10, 20, 255, 30, 20,  //
                                      255, 10, 20, 255, 30, 20},
                             {0, 1, 1, 3});
  const DataReport report = check_dataset(dataset);
  CHECK(report.samples == 4);
  CHECK(report.class_counts == std::vector<std::int64_t>{1, 2, 0, 1});
  CHECK(report.empty_classes == std::vector<std::string>{"triangle"});
  CHECK(report.duplicates == 1);
  CHECK(report.measured.mean[0] == doctest::Approx(5.0 / 8.0));
  CHECK(report.measured.std[0] == doctest::Approx(std::sqrt(5.0 / 8.0 * 3.0 / 8.0)));
  CHECK(report.measured.mean[1] == doctest::Approx(20.0 / 255.0));
  CHECK(report.measured.std[1] == doctest::Approx(10.0 / 255.0));
  CHECK(report.measured.mean[2] == doctest::Approx(20.125 / 255.0));

  const ArrayDataset other(tiny(), {0, 10, 20, 255, 30, 20, 1, 2, 3, 4, 5, 6}, {2, 2});
  CHECK(count_shared(dataset, other) == 2);
  CHECK(count_shared(other, dataset) == 1);
}

TEST_CASE("check: the hash sees pixels, labels and order") {
  const Bytes a = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  const Bytes swapped = {7, 8, 9, 10, 11, 12, 1, 2, 3, 4, 5, 6};
  const std::uint64_t hash = ArrayDataset(tiny(), a, {0, 1}).fingerprint();
  CHECK(hash == ArrayDataset(tiny(), a, {0, 1}).fingerprint());
  CHECK(hash != ArrayDataset(tiny(), a, {1, 0}).fingerprint());
  CHECK(hash != ArrayDataset(tiny(), swapped, {1, 0}).fingerprint());
  CHECK(check_dataset(ArrayDataset(tiny(), a, {0, 1})).hash == hash);
}

TEST_CASE("check: the synthetic splits share nothing") {
  const auto train = make_shapes({.samples = 300}, Split::kTrain);
  const auto test = make_shapes({.samples = 100}, Split::kTest);
  CHECK(count_shared(*test, *train) == 0);
  CHECK(count_shared(*train, *train) == 300);
  CHECK(check_dataset(*train).duplicates == 0);
}

}  // namespace
}  // namespace tessera
