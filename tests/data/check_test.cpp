#include "data/check.h"

#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "core/checksum.h"
#include "data/sets/synthetic.h"
#include "tests/data/files.h"

namespace tessera {
namespace {

using namespace testing;
using Pairs = std::vector<std::array<std::int64_t, 2>>;

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
  CHECK(report.unreadable.empty());
  CHECK(report.class_counts == std::vector<std::int64_t>{1, 2, 0, 1});
  CHECK(report.empty_classes == std::vector<std::string>{"triangle"});
  CHECK(report.duplicates == 1);
  CHECK(report.conflicts == Pairs{{2, 0}});
  CHECK(report.heights == std::array<std::int64_t, 3>{1, 1, 1});
  CHECK(report.widths == std::array<std::int64_t, 3>{2, 2, 2});
  CHECK(report.measured.mean[0] == doctest::Approx(5.0 / 8.0));
  CHECK(report.measured.std[0] == doctest::Approx(std::sqrt(5.0 / 8.0 * 3.0 / 8.0)));
  CHECK(report.measured.mean[1] == doctest::Approx(20.0 / 255.0));
  CHECK(report.measured.std[1] == doctest::Approx(10.0 / 255.0));
  CHECK(report.measured.mean[2] == doctest::Approx(20.125 / 255.0));
  CHECK(report.hash == dataset.fingerprint());

  const ArrayDataset other(tiny(), {0, 10, 20, 255, 30, 20, 1, 2, 3, 4, 5, 6}, {2, 2});
  const DataReport other_report = check_dataset(other);
  CHECK(shared_samples(report, other_report) == Pairs{{0, 0}, {2, 0}});
  CHECK(shared_samples(other_report, report) == Pairs{{0, 0}});
}

/// Images of i + 1 by 2 pixels, all of value 51 i; numbers 1 and 4 cannot be read.
class Uneven final : public Dataset {
 public:
  Uneven() : Dataset(dataset_info(DatasetName::kMnist)) {}
  std::int64_t size() const override { return 6; }
  std::int32_t label(std::int64_t i) const override { return static_cast<std::int32_t>(i); }
  std::string sample_name(std::int64_t i) const override { return std::to_string(i); }
  std::uint64_t fingerprint() const override { return 1; }
  ImageView read(std::int64_t i, Image& buffer) const override {
    if (i == 1 || i == 4) fail<DataError>("[uneven] {}: gone", i);
    buffer.shape = {i + 1, 2, 1};
    buffer.pixels.assign(static_cast<std::size_t>(2 * i + 2), static_cast<std::uint8_t>(51 * i));
    return buffer;
  }
};

TEST_CASE("check: what cannot be read is named and left out of sizes and statistics") {
  std::vector<std::int64_t> done;
  const DataReport report =
      check_dataset(Uneven(), [&](std::int64_t count) { done.push_back(count); });
  CHECK(done == std::vector<std::int64_t>{6});
  REQUIRE(report.unreadable.size() == 2);
  CHECK(report.unreadable[0].sample == 1);
  CHECK(report.unreadable[1].error == "[uneven] 4: gone");
  CHECK(report.heights == std::array<std::int64_t, 3>{1, 4, 6});
  CHECK(report.widths == std::array<std::int64_t, 3>{2, 2, 2});
  CHECK(report.class_counts[4] == 1);
  // Rows: 1 of 0, 3 of 102, 4 of 153, 6 of 255.
  CHECK(report.measured.mean[0] == doctest::Approx((3 * 0.4 + 4 * 0.6 + 6.0) / 14));
  CHECK(report.duplicates == 0);
  CHECK(shared_samples(report, report) == Pairs{{0, 0}, {2, 2}, {3, 3}, {5, 5}});
}

TEST_CASE("check: pixels are the same only in the same shape") {
  DatasetInfo tall = tiny();
  tall.image = {2, 1, 3};
  const Bytes pixels = {1, 2, 3, 4, 5, 6};
  CHECK(shared_samples(check_dataset(ArrayDataset(tiny(), pixels, {0})),
                       check_dataset(ArrayDataset(tall, pixels, {0})))
            .empty());
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
  const DataReport train = check_dataset(*make_shapes({.samples = 300}, Split::kTrain));
  const DataReport test = check_dataset(*make_shapes({.samples = 100}, Split::kTest));
  CHECK(shared_samples(test, train).empty());
  CHECK(shared_samples(train, train).size() == 300);
  CHECK(train.duplicates == 0);
}

}  // namespace
}  // namespace tessera
