// What the loader does with samples that cannot be read.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "core/error.h"
#include "tests/data/files.h"
#include "tests/data/loader_support.h"

namespace tessera {
namespace {

using namespace testing;
using Names = std::vector<std::string>;

/// Fails to give sample 25.
class Faulty final : public Dataset {
 public:
  Faulty() : Dataset(dataset_info(DatasetName::kMnist)), image_(28 * 28) {}
  std::int64_t size() const override { return 100; }
  std::int32_t label(std::int64_t) const override { return 0; }
  ImageView read(std::int64_t i, Image&) const override {
    if (i == 25) fail<DataError>("[faulty] sample {} cannot be read", i);
    return {image(), image_};
  }
  std::string sample_name(std::int64_t) const override { return ""; }
  std::uint64_t fingerprint() const override { return 0; }

 private:
  Bytes image_;
};

TEST_CASE("loader: an error in a worker is thrown at its batch and ends the epoch") {
  const Faulty dataset;
  for (const int workers : {0, 1, 3}) {
    LoaderOptions options = options_with(workers);
    options.shuffle = false;
    options.normalization = {{0.0f}, {1.0f}};
    Loader loader(dataset, options);
    for (int round = 0; round < 2; ++round) {
      loader.start_epoch(0);
      Batch batch;
      CHECK(loader.next(batch));
      CHECK(loader.next(batch));
      CHECK(message_of<DataError>([&] { loader.next(batch); }) ==
            "[faulty] sample 25 cannot be read (data.on_error: skip leaves such images out; "
            "tessera data "
            "check names all)");
      CHECK_FALSE(loader.next(batch));
    }
    loader.start_epoch(0, 3);
    Batch batch;
    for (int i = 3; i < 10; ++i) CHECK(loader.next(batch));
    CHECK_FALSE(loader.next(batch));
  }
}

/// Images of the samples of an epoch, whose first pixel is the number of the sample; a third of
/// them cannot be read.
class Patchy final : public Dataset {
 public:
  explicit Patchy(bool hopeless) : Dataset(dataset_info(DatasetName::kMnist)), hopeless_(hopeless) {
    for (int i = 0; i < 32; ++i) images_.emplace_back(28 * 28, static_cast<std::uint8_t>(i));
  }
  std::int64_t size() const override { return 32; }
  std::int32_t label(std::int64_t i) const override { return static_cast<std::int32_t>(i % 10); }
  ImageView read(std::int64_t i, Image&) const override {
    if (hopeless_ || broken(i)) fail<DataError>("sample {} is broken", i);
    return {image(), images_[static_cast<std::size_t>(i)]};
  }
  std::string sample_name(std::int64_t) const override { return ""; }
  std::uint64_t fingerprint() const override { return 0; }
  static bool broken(std::int64_t i) { return i % 3 == 1 || (i >= 8 && i < 12); }

 private:
  bool hopeless_;
  std::vector<Bytes> images_;
};

LoaderOptions skipping(int workers) {
  LoaderOptions options;
  options.batch_size = 4;
  options.normalization = {{0.0f}, {1.0f / 255.0f}};  // pixels as they are
  options.workers = workers;
  options.on_error = OnError::kSkip;
  return options;
}

std::vector<Copy> epoch_without(const Dataset& dataset, const LoaderOptions& options,
                                Names& skipped) {
  Loader loader(dataset, options);
  loader.start_epoch(1);
  std::vector<Copy> batches = drain(loader);
  skipped = loader.take_warnings();
  std::sort(skipped.begin(), skipped.end());
  loader.start_epoch(1);
  CHECK(drain(loader) == batches);
  CHECK(loader.take_warnings().empty());
  return batches;
}

TEST_CASE("loader: in testing, broken samples are left out and each is named once") {
  const Patchy dataset(false);
  Names skipped;
  const std::vector<Copy> batches = epoch_without(dataset, skipping(0), skipped);
  std::int64_t sample = -1;
  for (const Copy& batch : batches) {
    for (std::size_t i = 0; i < batch.labels.size(); ++i) {
      while (Patchy::broken(++sample)) {
      }
      CHECK(std::lround(batch.images[i * 28 * 28]) == sample);
      CHECK(batch.samples[i] == sample);
      CHECK(batch.labels[i] == sample % 10);
    }
  }
  CHECK(sample == 30);
  CHECK(batches.size() == 7);  // none of 8 to 11 can be read
  CHECK(skipped.size() == 14);
  CHECK(skipped.front() == "skipped: sample 1 is broken");
  for (const int workers : {1, 3}) {
    Names again;
    CHECK(epoch_without(dataset, skipping(workers), again) == batches);
    CHECK(again == skipped);
  }
  CHECK(epoch_without(Patchy(true), skipping(1), skipped).empty());
}

TEST_CASE("loader: in training, the next sample stands in and every batch is full") {
  const Patchy dataset(false);
  LoaderOptions options = skipping(0);
  options.shuffle = options.drop_last = true;
  options.augment.flip = true;
  Names skipped;
  const std::vector<Copy> batches = epoch_without(dataset, options, skipped);
  CHECK(batches.size() == 8);
  CHECK(skipped.size() == 14);
  std::vector<float> shown;
  for (const Copy& batch : batches) {
    REQUIRE(batch.labels.size() == 4);
    for (std::size_t i = 0; i < 4; ++i) {
      shown.push_back(std::round(batch.images[i * 28 * 28]));
      CHECK_FALSE(Patchy::broken(static_cast<std::int64_t>(shown.back())));
      CHECK(batch.labels[i] == static_cast<int>(shown.back()) % 10);
    }
  }
  options.workers = 3;
  CHECK(epoch_without(dataset, options, skipped) == batches);
  const Patchy hopeless(true);
  Loader loader(hopeless, options);
  loader.start_epoch(0);
  Batch batch;
  CHECK(message_of<DataError>([&] { loader.next(batch); }) ==
        "[loader] none of the 32 samples of mnist can be read");
}

}  // namespace
}  // namespace tessera
